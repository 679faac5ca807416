"""The reader on real contracts: one request, and figures that the contracts confirm."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from given_chain import a_book, a_feed, a_reader, requests_of

from rebalancer.adapters.chain import lens
from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.codec import int_word, revert_reason, uint_word
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.lens import LensKey, lens_override
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.errors import Unavailable
from rebalancer.core.price import FeedPrice, PoolKey
from rebalancer.market.addresses import keccak256, v3_pool_address
from rebalancer.market.routing import MoreTicks
from rebalancer.market.swap import NeedTicks
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.units import Address, Token

USDC, WETH, UNI, LINK, WBTC = (LISTINGS[symbol].token for symbol in ("USDC", "WETH", "UNI", "LINK", "WBTC"))
POOL_FILE = Path(os.environ.get("REBALANCER_DATA", "../shared/data")) / "mainnet_pools.json"
GAS_CAP = 50_000_000
"""What nodes allow an eth_call by default."""
DENSE_TICK_GAS = 4_000
"""More than a tick costs through the lens; the pool's own getter takes over 11,000."""


def report(line: str) -> None:
    """For people who run the tests with -s."""
    sys.stdout.write(f"\n{line}\n")


# ---------------------------------------------------------------- what is read


def test_read__of_the_replica__is_what_its_contracts_say(replica: Replica, book: Book) -> None:
    owner, operator = replica.actor("owner").address, replica.actor("operator").address
    replica.deal("ETH", book.wallet, 10**18)
    replica.transact(book.wallet, USDC.address, "approve(address,uint256)", MAINNET.swap_router_02, 77)
    snapshot = a_reader(replica.url, book).read()
    header = replica.rpc.call("eth_getBlockByNumber", "latest", False)
    assert (hex(snapshot.block.number), snapshot.block.hash) == (header["number"], header["hash"])
    assert (hex(snapshot.block.timestamp), hex(snapshot.block.base_fee)) == (
        header["timestamp"],
        header["baseFeePerGas"],
    )
    assert snapshot.block.base_fee > 0
    assert {a.token.symbol: a.raw for a in snapshot.balances if a.raw} == {"USDC": 1_000 * 10**6}
    assert {(a.spender, a.amount.token.symbol): a.amount.raw for a in snapshot.allowances if a.amount.raw} == {
        (MAINNET.swap_router_02, "USDC"): 77
    }
    assert snapshot.operator_balance == int(replica.rpc.call("eth_getBalance", operator, "latest"), 16)
    assert (snapshot.wallet.owners, snapshot.wallet.threshold, snapshot.wallet.nonce) == ((owner,), 1, 0)
    assert {p.token.symbol: p.usd for p in snapshot.prices} == {s: p * 10**10 for s, p in replica.prices.items()}
    assert snapshot.native == snapshot.price(WETH)
    assert [pool.address for pool in snapshot.pools] == [pool.address for pool in replica.pools]


def test_read__of_pools__is_what_tick_lens_and_the_pools_say(replica: Replica, book: Book) -> None:
    ticks_seen = 0
    for pool in a_reader(replica.url, book).read().pools:
        if isinstance(pool, V2Pool):
            reserves = replica.read(pool.address, "getReserves()", returns=("uint112", "uint112", "uint32"))
            assert (pool.reserve0, pool.reserve1) == reserves[:2]
            continue
        slot0 = replica.read(pool.address, "slot0()", returns=("uint160", "int24"))
        assert (pool.sqrt_price_x96, pool.tick) == slot0
        assert (pool.liquidity,) == replica.read(pool.address, "liquidity()")
        assert (pool.tick_spacing,) == replica.read(pool.address, "tickSpacing()", returns=("int24",))
        assert pool.ticks == ticks_by_tick_lens(replica, pool)
        ticks_seen += len(pool.ticks)
    assert ticks_seen > 100


def ticks_by_tick_lens(replica: Replica, pool: V3Pool) -> tuple[tuple[int, int], ...]:
    found = []
    for word in range(pool.word_low, pool.word_high + 1):
        ask, kind = "getPopulatedTicksInWord(address,int16)", "(int24,int128,uint128)[]"
        (ticks,) = replica.read(MAINNET.tick_lens, ask, pool.address, word, returns=(kind,))
        found += [(index, net) for index, net, _ in ticks]
    return tuple(sorted(found))


def test_read_ticks__of_every_word_of_every_pool__nets_to_zero_in_one_request(replica: Replica, book: Book) -> None:
    reader = a_reader(replica.url, book)
    snapshot = reader.read()
    pools = [pool for pool in snapshot.pools if isinstance(pool, V3Pool) and pool.tick_spacing >= 10]
    needs = tuple(NeedTicks(pool.address, *all_words(pool.tick_spacing), 0) for pool in pools)
    before = requests_of(reader)
    whole = reader.read_ticks(snapshot, MoreTicks(needs))
    assert requests_of(reader) == before + 1
    wanted = {pool.address for pool in pools}
    found = [pool for pool in whole.pools if isinstance(pool, V3Pool) and pool.address in wanted]
    assert len(found) == len(pools) > 10
    for pool in found:
        assert sum(net for _, net in pool.ticks) == 0
        assert sum(net for index, net in pool.ticks if index <= pool.tick) == pool.liquidity


def test_read__of_ten_tokens_and_twenty_v3_pools__is_one_request_far_below_the_gas_cap(
    replica: Replica, book: Book
) -> None:
    code = replica.rpc.call("eth_getCode", LINK.address, "latest")
    extra = tuple(Token(f"X{n}", Address(f"0x{n:040x}"), 18) for n in (0xE1, 0xE2, 0xE3))
    for token in extra:
        replica.rpc.call("anvil_setCode", token.address, code)
    book = replace(
        book,
        tokens=book.tokens + extra,
        assets=book.assets + extra,
        prices=book.prices + tuple(FeedPrice(token, (a_feed("LINK/USD"),)) for token in extra),
    )
    assert len(book.tokens) == 10
    assert sum(key.kind == "v3" for key in book.pools) == 20
    reader = a_reader(replica.url, book)
    reader.read()
    started = time.perf_counter()
    snapshot = reader.read()
    wall = time.perf_counter() - started
    assert requests_of(reader) == 2
    assert len(snapshot.balances) == len(snapshot.prices) == 10
    gas = gas_of(replica, reader)
    report(f"read of 10 tokens and 20 V3 pools: {wall * 1000:.1f} ms, {gas} gas")
    assert sum(gas) < GAS_CAP // 10


def gas_of(replica: Replica, reader: ChainReader) -> list[int]:
    """The least gas with which each eth_call of a read gives its whole answer, to one per cent.

    An estimate would be too low: inner calls may fail, and with little gas they do.
    """
    return [least_gas(replica, {"to": MAINNET.multicall3, "data": r.data}, r.override or {}) for r in reader._reads()]


def least_gas(replica: Replica, call: dict[str, str], override: dict[str, Any]) -> int:
    whole = replica.rpc.call("eth_call", call, "latest", override)
    low, high = 21_000, GAS_CAP
    while high - low > high // 100:
        middle = (low + high) // 2
        try:
            enough = replica.rpc.call("eth_call", {**call, "gas": hex(middle)}, "latest", override) == whole
        except Unavailable:
            enough = False
        low, high = (low, middle) if enough else (middle, high)
    return high


def test_read__of_a_pool_with_every_tick_in_use__stays_far_below_the_gas_cap(replica: Replica, book: Book) -> None:
    key = next(key for key in book.pools if key.kind == "v3" and key.fee == 500)
    address = v3_pool_address(MAINNET.uniswap_v3_factory, key.token_a.address, key.token_b.address, key.fee)
    reader = a_reader(replica.url, replace(book, pools=(key,)))
    (pool,) = reader.read().pools
    assert isinstance(pool, V3Pool)
    for word in range(pool.word_low, pool.word_high + 1):
        fill_word(replica, pool, word)
    (dense,) = reader.read().pools
    assert isinstance(dense, V3Pool) and dense.address == address
    # The current word is full, and so, where it ends near the price, is one neighbour.
    words = dense.word_high - dense.word_low + 1
    assert words in (1, 2) and len(dense.ticks) == 256 * words
    gas = gas_of(replica, reader)[1]
    report(f"{len(dense.ticks)} ticks of one pool: {gas} gas")
    assert gas < DENSE_TICK_GAS * len(dense.ticks)
    # Every word around at once: more than fits into one call of the lens.
    need = NeedTicks(address, pool.word_low, pool.word_high, 0)
    (whole,) = reader.read_ticks(reader.read(), MoreTicks((need,))).pools
    assert isinstance(whole, V3Pool) and len(whole.ticks) == 256 * (pool.word_high - pool.word_low + 1)


@pytest.mark.skipif(not POOL_FILE.is_file(), reason=f"no {POOL_FILE}: set REBALANCER_DATA")
def test_read__of_real_pools__is_what_their_file_says_far_below_the_gas_cap() -> None:
    file = {entry["address"]: entry for entry in json.loads(POOL_FILE.read_text())["uniswap_v3"]}
    with Replica.start(pools=POOL_FILE) as replica:
        book = a_book(replica, replica.create_safe([replica.actor("owner").address]))
        reader = a_reader(replica.url, replace(book, max_block_age=10**9))
        pools = [pool for pool in reader.read().pools if pool.address in file]
        gas = gas_of(replica, reader)
    seen = 0
    for pool in pools:
        assert isinstance(pool, V3Pool)
        ticks = sorted((int(index), int(net)) for index, net in file[pool.address]["ticks"])
        known = [t for t in ticks if pool.word_low <= t[0] // pool.tick_spacing >> 8 <= pool.word_high]
        assert list(pool.ticks) == known
        assert (pool.tick, pool.liquidity) == (file[pool.address]["tick"], int(file[pool.address]["liquidity"]))
        seen += len(known)
    assert len(pools) == len(file)
    report(f"{seen} ticks of {len(pools)} real pools: {gas} gas")
    assert sum(gas) < GAS_CAP // 2


@pytest.mark.parametrize(
    ("sqrt_price", "words"), [(MIN_SQRT_RATIO, (-18, -16)), (MAX_SQRT_RATIO - 1, (15, 17)), (1 << 96, (-2, 2))]
)
def test_read__of_a_pool_at_the_end_of_its_range__stays_within_it(
    replica: Replica, book: Book, sqrt_price: int, words: tuple[int, int]
) -> None:
    owner, key = replica.actor("owner").address, PoolKey("v3", UNI, WBTC, 10_000)
    address = v3_pool_address(MAINNET.uniswap_v3_factory, UNI.address, WBTC.address, 10_000)
    create = "createPool(address,address,uint24)"
    replica.transact(owner, MAINNET.uniswap_v3_factory, create, UNI.address, WBTC.address, 10_000)
    replica.transact(owner, address, "initialize(uint160)", sqrt_price)
    (pool,) = a_reader(replica.url, replace(book, pools=(key,))).read().pools
    assert isinstance(pool, V3Pool)
    assert (pool.word_low, pool.word_high) == words
    assert (pool.sqrt_price_x96, pool.tick, pool.ticks) == (sqrt_price, tick_at_sqrt_ratio(sqrt_price), ())


def fill_word(replica: Replica, pool: V3Pool, word: int) -> None:
    """Makes every tick of a word an initialised one, with a liquidityNet of its own index."""

    def slot(key: int, mapping: int) -> str:
        return "0x" + keccak256(key.to_bytes(32, "big", signed=True) + mapping.to_bytes(32, "big")).hex()

    writes: list[tuple[str, list[Any]]] = [("anvil_setStorageAt", [pool.address, slot(word, 6), "0x" + "ff" * 32])]
    for bit in range(256):
        index = (word * 256 + bit) * pool.tick_spacing
        net = (index % (1 << 128)).to_bytes(16, "big") + (1).to_bytes(16, "big")
        writes.append(("anvil_setStorageAt", [pool.address, slot(index, 5), "0x" + net.hex()]))
    replica.rpc.batch(writes)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lens.WORDS + int_word(5) + int_word(4), "PoolLens: no words"),
        (lens.WORDS + int_word(0) + int_word(4), "PoolLens: too many words"),
        (lens.AROUND + int_word(17) + uint_word(32), "PoolLens: reach too long"),
        (lens.AROUND + int_word(2) + uint_word(129), "PoolLens: enough too high"),
    ],
)
def test_lens__asked_for_more_than_it_can_hold__reverts_and_says_so(replica: Replica, data: bytes, reason: str) -> None:
    pool = replica.pool("USDC", "WETH", 500)
    key = LensKey("USDC/WETH", pool.address, MAINNET.uniswap_v3_factory, USDC.address, WETH.address, 500)
    call = {"to": pool.address, "data": "0x" + (data[:4] + key.words() + data[4:]).hex()}
    with pytest.raises(RpcError) as caught:
        replica.rpc.call("eth_call", call, "latest", lens_override((pool.address,)))
    assert revert_reason(caught.value.data) == reason
