"""The replica has mainnet's shape: what stands where, what pools and feeds say, and that it all trades."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.market.addresses import keccak256
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.replica.pools import Pool
from rebalancer.replica.storage import V3_BITMAP, V3_TICKS, read_word

SLOT0 = ("uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool")
ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")
QUOTE = (
    "quoteExactInputSingle((address,address,uint256,uint24,uint160))",
    ("address", "address", "uint256", "uint24", "uint160"),
)
FAR = 2**40
"""A deadline that does not come."""


def quote(replica: Replica, pool: Pool, sell: str, amount: int) -> tuple[int, int]:
    """What QuoterV2 says: amount out, and initialized ticks crossed."""
    token_in, token_out = replica.token(sell), pool.token1 if pool.token0.symbol == sell else pool.token0
    signature, _ = QUOTE
    words = (token_in.address, token_out.address, amount, pool.fee, 0)
    data = "0x" + keccak256(signature.encode())[:4].hex() + "".join(_word(value) for value in words)
    answer = replica.rpc.call("eth_call", {"to": MAINNET.quoter_v2, "data": data}, "latest")
    return int(answer[2:66], 16), int(answer[2 + 128 : 2 + 192], 16)


def _word(value: int | str) -> str:
    return f"{int(value, 16) if isinstance(value, str) else value:064x}"


def _sell_in_v3(replica: Replica, pool: Pool, sell: str, amount: int) -> int:
    """Swaps for real through SwapRouter02, from the attacker's account; what came out."""
    trader = replica.actor("attacker").address
    token_in, token_out = replica.token(sell), pool.token1 if pool.token0.symbol == sell else pool.token0
    replica.deal(sell, trader, amount)
    replica.transact(trader, token_in.address, "approve(address,uint256)", MAINNET.swap_router_02, amount)
    before = replica.balance(token_out.address, trader)
    selector = keccak256(b"exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))")[:4].hex()
    words = (token_in.address, token_out.address, pool.fee, trader, amount, 0, 0)
    replica.send(trader, MAINNET.swap_router_02, f"0x{selector}" + "".join(_word(value) for value in words))
    return replica.balance(token_out.address, trader) - before


def test_deployments__on_a_new_replica__all_have_code(replica: Replica) -> None:
    for address in astuple(MAINNET):
        assert replica.rpc.call("eth_getCode", address, "latest") != "0x", address


def test_chain_id__on_a_new_replica__is_mainnets(replica: Replica) -> None:
    assert replica.rpc.call("eth_chainId") == "0x1"


@pytest.mark.parametrize(
    ("wanted", "address"),
    [
        (("USDC", "WETH", 500, "v3"), "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"),
        (("USDC", "WETH", 3000, "v3"), "0x8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8"),
        (("WBTC", "WETH", 3000, "v3"), "0xCBCdF9626bC03E24f779434178A73a0B4bad62eD"),
        (("USDC", "WETH", 3000, "v2"), "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc"),
    ],
)
def test_pool__that_mainnet_knows__stands_at_its_address(
    replica: Replica, wanted: tuple[str, str, int, str], address: str
) -> None:
    assert replica.pool(*wanted).address == address


def test_pools__all_of_them__are_known_to_their_factories(replica: Replica) -> None:
    for pool in replica.pools:
        pair = (pool.token0.address, pool.token1.address)
        if pool.kind == "v3":
            ask = (MAINNET.uniswap_v3_factory, "getPool(address,address,uint24)", *pair, pool.fee)
        else:
            ask = (MAINNET.uniswap_v2_factory, "getPair(address,address)", *pair)
        assert replica.read(*ask, returns=("address",))[0] == pool.address.lower()


def test_tokens__all_of_them__say_what_mainnets_say(replica: Replica) -> None:
    for listing in LISTINGS.values():
        token = listing.token
        assert replica.read(token.address, "decimals()") == (token.decimals,)
        assert replica.read(token.address, "symbol()", returns=("string",)) == (token.symbol,)
        assert replica.read(token.address, "name()", returns=("string",)) == (listing.name,)


def test_v3_tick__of_every_pool__is_what_its_own_initialize_computed(replica: Replica) -> None:
    fresh = keccak256(b"initialize(uint160)")[:4].hex()
    for pool in replica.pools:
        if pool.kind == "v2":
            continue
        price, tick, _, _, _, _, unlocked = replica.read(pool.address, "slot0()", returns=SLOT0)
        assert unlocked
        with replica.scratch():
            # A pool whose price is 0 may be initialized again, by its own code.
            replica.rpc.call("anvil_setStorageAt", pool.address, "0x0", "0x" + "00" * 32)
            replica.send(replica.actor("attacker").address, pool.address, f"0x{fresh}{price:064x}")
            assert replica.read(pool.address, "slot0()", returns=SLOT0)[:2] == (price, tick)


def test_mid_price__of_every_pool__is_within_ten_basis_points_of_the_feeds(replica: Replica) -> None:
    for pool in replica.pools:
        if pool.kind == "v3":
            numerator = replica.read(pool.address, "slot0()", returns=SLOT0)[0] ** 2
            denominator = 1 << 192
        else:
            denominator, numerator, _ = replica.read(
                pool.address, "getReserves()", returns=("uint112", "uint112", "uint32")
            )
        # token1 per token0 in base units, times the price of each side in dollars: equal but for basis points.
        left = replica.prices[pool.token0.symbol] * 10**pool.token1.decimals * denominator
        right = replica.prices[pool.token1.symbol] * 10**pool.token0.decimals * numerator
        assert abs(left - right) * 10_000 <= 10 * left, pool


def test_written_liquidity__against_the_position_manager__is_slot_for_slot_the_same(replica: Replica) -> None:
    """A new pool gets one real position; its words are those that the replica would have written."""
    from rebalancer.replica.pools import make_v3_state
    from rebalancer.replica.standard import make_pool
    from rebalancer.replica.storage import INITIALIZED, v3_words

    owner = replica.actor("owner").address
    pool = make_pool("v3", replica.token("LINK"), replica.token("UNI"), 3000)
    pair = (pool.token0.address, pool.token1.address)
    create = "createAndInitializePoolIfNecessary(address,address,uint24,uint160)"
    replica.transact(owner, MAINNET.position_manager, create, *pair, 3000, 1 << 96)
    for token in (pool.token0, pool.token1):
        replica.deal(token.symbol, owner, 10**24)
        replica.transact(owner, token.address, "approve(address,uint256)", MAINNET.position_manager, 10**24)
    mint = b"mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
    words = (*pair, 3000, 2**256 - 120, 15_360, 10**21, 10**21, 0, 0, owner, FAR)
    replica.send(owner, MAINNET.position_manager, f"0x{keccak256(mint)[:4].hex()}" + "".join(map(_word, words)))
    liquidity = replica.read(pool.address, "liquidity()")[0]

    state = make_v3_state(pool, 1 << 96, [(-120, 15_360, liquidity)])

    written = v3_words(state)
    real = replica.rpc.batch([read_word(pool.address, slot) for slot in written])
    assert V3_TICKS != V3_BITMAP and len(written) == 1 + 2 * 2 + 2
    for (slot, value), word in zip(written.items(), real, strict=True):
        if value == INITIALIZED:
            assert int(word, 16) & INITIALIZED
        else:
            assert int(word, 16) == value, hex(slot)
    held = [replica.balance(token.symbol, pool.address) for token in (pool.token0, pool.token1)]
    # Both round up, the contract from the amounts it takes, we per range.
    assert all(0 <= ours - real <= 1 for ours, real in zip(state.balances_up(), held, strict=True))


@pytest.mark.parametrize(("sell", "amount"), [("WETH", 6_000 * 10**18), ("USDC", 18_000_000 * 10**6)])
def test_v3_swap__large_enough_to_cross_ticks__delivers_what_the_quoter_said(
    replica: Replica, sell: str, amount: int
) -> None:
    pool = replica.pool("USDC", "WETH", 3000)

    expected, crossed = quote(replica, pool, sell, amount)

    assert crossed >= 2
    assert _sell_in_v3(replica, pool, sell, amount) == expected > 0


def test_v3_pools__sold_into_until_nearly_empty__can_pay(replica: Replica) -> None:
    """The balances written cover what the ticks promise, on either side of every pool."""
    for pool in replica.pools:
        if pool.kind == "v2":
            continue
        for token, other in ((pool.token0, pool.token1), (pool.token1, pool.token0)):
            with replica.scratch():
                amount = 50 * replica.balance(token.symbol, pool.address)
                held = replica.balance(other.symbol, pool.address)
                out = _sell_in_v3(replica, pool, token.symbol, amount)
                assert out * 2 > held


def test_v2_swap__through_the_router__delivers_the_constant_product(replica: Replica) -> None:
    trader = replica.actor("attacker").address
    pair = replica.pool("USDC", "WETH", 3000, "v2")
    reserve0, reserve1, _ = replica.read(pair.address, "getReserves()", returns=("uint112", "uint112", "uint32"))
    amount = 100_000 * 10**6
    replica.deal("USDC", trader, amount)
    usdc, weth = replica.token("USDC").address, replica.token("WETH").address
    replica.transact(trader, usdc, "approve(address,uint256)", MAINNET.swap_router_02, amount)
    swap = "swapExactTokensForTokens(uint256,uint256,address[],address)"

    replica.transact(trader, MAINNET.swap_router_02, swap, amount, 0, [usdc, weth], trader)

    expected = amount * 997 * reserve1 // (reserve0 * 1000 + amount * 997)
    assert replica.balance("WETH", trader) == expected


def test_v2_pair__of_the_replica__has_real_shares(replica: Replica) -> None:
    pair = replica.pool("USDC", "WETH", 3000, "v2")
    deployer = replica.actor("deployer").address
    shares = replica.read(pair.address, "balanceOf(address)", deployer)[0]
    assert shares > 0
    replica.transact(deployer, pair.address, "transfer(address,uint256)", pair.address, shares)
    replica.transact(deployer, pair.address, "burn(address)", deployer)
    assert replica.balance("WETH", deployer) > 0


@pytest.mark.parametrize(("token", "fee"), [("LINK", 3000), ("UNI", 3000)])
def test_observe__thirty_minutes_back_after_a_swap__answers(replica: Replica, token: str, fee: int) -> None:
    pool = replica.pool(token, "WETH", fee)
    tick = replica.read(pool.address, "slot0()", returns=SLOT0)[1]
    _sell_in_v3(replica, pool, token, 1_000 * 10**18)
    replica.warp(60)

    cumulatives, _ = replica.read(pool.address, "observe(uint32[])", [1_800, 0], returns=("int56[]", "uint160[]"))

    mean = (cumulatives[1] - cumulatives[0]) // 1_800
    assert abs(mean - tick) <= 30


@pytest.mark.parametrize("name", FEEDS)
def test_feed__at_its_mainnet_address__answers_through_the_real_proxy(replica: Replica, name: str) -> None:
    feed = FEEDS[name]
    round_id, answer, started, updated, answered_in = replica.read(feed.address, "latestRoundData()", returns=ROUND)
    # The proxy puts its phase above the aggregator's own round number.
    assert (round_id, answered_in) == ((1 << 64) + 1,) * 2
    assert answer > 0 and started + 12 == updated == replica.now()
    assert replica.read(feed.address, "decimals()") == (8,)
    assert replica.read(feed.address, "description()", returns=("string",)) == (name.replace("/", " / "),)
    past = replica.read(feed.address, "getRoundData(uint80)", round_id, returns=ROUND)
    assert past[1] == answer


def test_feed_reading__through_the_proxy__costs_what_it_costs_on_mainnet(replica: Replica) -> None:
    """17.6 k of gas were measured for a cold read of a real proxy; base cost and calldata come off, access on."""
    call = {"to": FEEDS["ETH/USD"].address, "data": encode_call("latestRoundData()")}
    gas = int(replica.rpc.call("eth_estimateGas", call), 16) - 21_000 - 4 * 16 + 2_600
    assert 17_000 <= gas <= 18_200
