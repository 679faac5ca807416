"""What feeds and pools answer, as prices: each figure from its own word, each counter over its own end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode as abi_encode
from given_chain import a_reader, requests_of

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.codec import CallResult
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.oracles import Oracles
from rebalancer.core.errors import Unavailable
from rebalancer.core.price import FeedPrice, PoolKey, TwapPrice
from rebalancer.market.addresses import keccak256, v3_pool_address
from rebalancer.market.tick_math import sqrt_ratio_at_tick
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import Price, Usd

WETH, UNI = LISTINGS["WETH"].token, LISTINGS["UNI"].token
ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")


# ---------------------------------------------------------------- feeds


def test_read__of_a_feed__is_as_old_as_its_writing_and_not_as_its_observations(replica: Replica, book: Book) -> None:
    feed = FEEDS["ETH/USD"]
    replica.set_round("ETH/USD", 3_000 * 10**8, replica.now() - 100)
    _, _, started, written, _ = replica.read(feed.address, "latestRoundData()", returns=ROUND)
    assert a_reader(replica.url, book).read().price(WETH).updated_at == written > started


@pytest.mark.parametrize("answer", [-1, -(10**8), -(1 << 191)])
def test_read__of_a_feed_below_zero__is_unavailable_with_its_answer(replica: Replica, book: Book, answer: int) -> None:
    replica.set_round("ETH/USD", answer, replica.now())
    with pytest.raises(Unavailable, match=rf"WETH: the feed {FEEDS['ETH/USD'].address} .* answers {answer}, expected"):
        a_reader(replica.url, book).read()


def test_read__where_the_native_coin_is_not_the_first_token__takes_its_own_price(replica: Replica, book: Book) -> None:
    turned = replace(book, tokens=book.tokens[::-1], assets=book.assets[::-1], prices=book.prices[::-1])
    assert turned.prices[0].token != WETH != turned.tokens[0]
    snapshot = a_reader(replica.url, turned).read()
    assert snapshot.native == snapshot.price(WETH)
    assert snapshot.native.usd == replica.prices["WETH"] * 10**10


# ---------------------------------------------------------------- time-weighted pools

KEY = PoolKey("v3", UNI, WETH, 3_000)
RULE = TwapPrice(UNI, KEY, WETH, 1_800, Usd(10_000 * 10**18))
TICK = -59_148
"""UNI at 0.0027 WETH."""


def a_twap_book(book: Book, *pools: PoolKey) -> Book:
    return replace(book, pools=pools, prices=tuple(RULE if rule.token == UNI else rule for rule in book.prices))


@pytest.mark.parametrize("pools", [(), (KEY,), (PoolKey("v2", UNI, WETH, 3_000),)], ids=["none", "it", "another"])
def test_read__of_a_twap__needs_no_trade_in_its_pool_and_adds_none(
    replica: Replica, book: Book, pools: tuple[PoolKey, ...]
) -> None:
    reader = a_reader(replica.url, a_twap_book(book, *pools))
    snapshot = reader.read()
    assert requests_of(reader) == 1
    assert len(snapshot.pools) == len(pools)
    assert abs(snapshot.price(UNI).usd - replica.prices["UNI"] * 10**10) * 1_000 < snapshot.price(UNI).usd


@pytest.mark.parametrize("pools", [(), (KEY,)], ids=["not traded", "traded"])
def test_read__of_a_twap_of_a_pool_that_is_thin_by_now__is_unavailable(
    replica: Replica, book: Book, pools: tuple[PoolKey, ...]
) -> None:
    book = a_twap_book(book, *pools)
    pool = v3_pool_address(MAINNET.uniswap_v3_factory, UNI.address, WETH.address, 3_000)
    a_reader(replica.url, book).read()
    # The window's mean stays as deep as it was: only the liquidity of this moment has gone.
    replica.rpc.call("anvil_setStorageAt", pool, hex(4), "0x" + (10**12).to_bytes(32, "big").hex())
    for word in range(-100, 100):
        replica.rpc.call("anvil_setStorageAt", pool, bitmap_slot(word), "0x" + "00" * 32)
    with pytest.raises(
        Unavailable, match=r"UNI: 0\.\d\d USD of WETH move the price of v3 UNI/WETH 3000 ppm by 2 % now"
    ):
        a_reader(replica.url, book).read()


def bitmap_slot(word: int) -> str:
    """Where UniswapV3Pool keeps tickBitmap[word]."""
    return "0x" + keccak256(word.to_bytes(32, "big", signed=True) + (6).to_bytes(32, "big")).hex()


def the_feed_of_weth(book: Book) -> FeedPrice:
    rule = next(rule for rule in book.prices if rule.token == WETH)
    assert isinstance(rule, FeedPrice)
    return rule


def decoded(book: Book, then: tuple[int, int], now: tuple[int, int]) -> Price:
    """UNI's price where the pool has observed (tick cumulative, seconds per liquidity) `then` and `now`."""
    book = replace(a_twap_book(book), prices=(the_feed_of_weth(book), RULE))
    oracles = Oracles.of(book, MAINNET.uniswap_v3_factory)
    ((_, address),) = oracles.twaps
    pool = V3Pool(address, UNI, WETH, 3_000, 60, sqrt_ratio_at_tick(TICK), TICK, 10**24, (), *all_words(60))
    answers = (
        abi_encode(["uint8"], [8]),
        abi_encode(list(ROUND), [1, 3_000 * 10**8, 990, 1_000, 1]),
        abi_encode(["int56[]", "uint160[]"], [[then[0], now[0]], [then[1], now[1]]]),
    )
    return oracles.decode([CallResult(True, data) for data in answers], [pool], 1_000)[1]


def test_observation__whose_counter_ran_over_its_end__is_what_it_would_be_without(book: Book) -> None:
    grown = 1_800 * (1 << 128) // 10**24
    plain = decoded(book, (0, 0), (TICK * 1_800, grown))
    assert decoded(book, (0, (1 << 160) - grown // 2), (TICK * 1_800, grown - grown // 2)) == plain
    assert abs(plain.usd - 81 * 10**17) < 10**16


def test_observation__of_a_cumulative_tick_below_zero__keeps_its_sign(book: Book) -> None:
    grown, far = 1_800 * (1 << 128) // 10**24, -(1 << 55)
    expected = decoded(book, (0, 0), (TICK * 1_800, grown))
    assert decoded(book, (far - TICK * 1_800, 0), (far, grown)) == expected
    assert decoded(book, (-TICK * 900, 0), (TICK * 900, grown)) == expected
