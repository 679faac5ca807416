"""Prices: the product of feeds, the mean of a pool, and everything that is no price."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_market import LINK, NOW, USDC, WBTC, WETH, price_of, usd

from rebalancer.core.errors import Unavailable
from rebalancer.core.price import (
    MOST_ANSWER,
    Feed,
    FeedAnswer,
    FeedPrice,
    Observation,
    PoolKey,
    TwapPrice,
    feed_price,
    twap_price,
)
from rebalancer.market.tick_math import sqrt_ratio_at_tick, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import ONE, Address, Price, Usd

BTC_USD = Feed(Address("0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"), 8, 3_600, 120)
WBTC_BTC = Feed(Address("0xfdFD9C85aD200c506Cf9e21F1FD8dd01932FBB23"), 8, 86_400, 600)
RULE = FeedPrice(WBTC, (BTC_USD, WBTC_BTC))
ONE_FEED = FeedPrice(WBTC, (BTC_USD,))


def answer_of(feed: Feed, answer: int, age: int = 10) -> FeedAnswer:
    return FeedAnswer(feed, answer, NOW - age, 7)


def test_feed_price__of_one_feed__is_its_answer_at_18_decimals() -> None:
    price = feed_price(ONE_FEED, (answer_of(BTC_USD, 4_000_012_345_678),), NOW)
    assert price == Price(WBTC, usd("40000.12345678"), NOW - 10)


def test_feed_price__of_two_feeds__is_the_product_and_as_old_as_the_oldest() -> None:
    answers = (answer_of(BTC_USD, 4_000_000_000_000, 30), answer_of(WBTC_BTC, 99_900_000, 50_000))
    assert feed_price(RULE, answers, NOW) == Price(WBTC, usd("39960"), NOW - 50_000)


def test_feed_price__with_more_than_18_decimals_in_all__is_rounded_down() -> None:
    fine = Feed(BTC_USD.address, 20, 3_600, 0)
    price = feed_price(FeedPrice(WBTC, (fine,)), (FeedAnswer(fine, 12_399, NOW, 1),), NOW)
    assert price.usd == 123


def test_feed_price__of_other_feeds_answers_too__takes_its_own() -> None:
    answers = (answer_of(WBTC_BTC, 1, 99), answer_of(BTC_USD, 4_000_000_000_000))
    assert feed_price(ONE_FEED, answers, NOW) == Price(WBTC, usd(40_000), NOW - 10)


@pytest.mark.parametrize("answer", [0, -1, -(10**8)])
def test_feed_price__zero_or_negative__is_unavailable_with_the_figure(answer: int) -> None:
    with pytest.raises(Unavailable, match=rf"WBTC.*{BTC_USD.address}.*answers {answer}, expected a price above zero"):
        feed_price(ONE_FEED, (answer_of(BTC_USD, answer),), NOW)


@pytest.mark.parametrize("decimals", [0, 8, 18])
def test_feed_price__at_the_most_that_the_module_takes__is_believed(decimals: int) -> None:
    feed = replace(BTC_USD, decimals=decimals)
    price = feed_price(FeedPrice(WBTC, (feed,)), (answer_of(feed, 2**96 - 1),), NOW)
    assert price.usd == (2**96 - 1) * 10 ** (18 - decimals)


@pytest.mark.parametrize("answer", [2**96, 2**96 + 1, 2**255 - 1])
@pytest.mark.parametrize("decimals", [8, 18])
def test_feed_price__above_the_most_that_the_module_takes__is_unavailable(answer: int, decimals: int) -> None:
    feed = replace(BTC_USD, decimals=decimals)
    with pytest.raises(Unavailable, match=rf"answers {answer}, expected a price above zero, at most {2**96 - 1};"):
        feed_price(FeedPrice(WBTC, (feed,)), (answer_of(feed, answer),), NOW)


def test_feed_price__of_two_feeds_whose_product_is_a_price__looks_at_each_answer() -> None:
    with pytest.raises(Unavailable, match=f"{WBTC_BTC.address}.* answers {2**96}, "):
        feed_price(RULE, (answer_of(BTC_USD, 1), answer_of(WBTC_BTC, 2**96)), NOW)


def test_feed_price__never_written__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="never written"):
        feed_price(ONE_FEED, (FeedAnswer(BTC_USD, 10**8, 0, 1),), NOW)


def test_feed_price__at_heartbeat_and_margin__is_believed() -> None:
    assert feed_price(ONE_FEED, (answer_of(BTC_USD, 10**8, 3_720),), NOW).usd == ONE


def test_feed_price__a_second_older__is_unavailable_with_both_ages() -> None:
    with pytest.raises(Unavailable, match=r"3721 s.*at most 3720 s \(heartbeat 3600 s and margin 120 s\)"):
        feed_price(ONE_FEED, (answer_of(BTC_USD, 10**8, 3_721),), NOW)


def test_feed_price__second_feed_stale__is_judged_by_its_own_heartbeat() -> None:
    fresh, old = answer_of(BTC_USD, 10**8), answer_of(WBTC_BTC, 10**8, 87_001)
    with pytest.raises(Unavailable, match=WBTC_BTC.address):
        feed_price(RULE, (fresh, old), NOW)


def test_feed_price__written_in_this_block__is_believed() -> None:
    assert feed_price(ONE_FEED, (answer_of(BTC_USD, 10**8, 0),), NOW).updated_at == NOW


def test_feed_price__from_the_future__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="from the future"):
        feed_price(ONE_FEED, (answer_of(BTC_USD, 10**8, -1),), NOW)


def test_feed_price__an_answer_missing__is_unavailable() -> None:
    with pytest.raises(Unavailable, match=f"no answer of the feed {WBTC_BTC.address}"):
        feed_price(RULE, (answer_of(BTC_USD, 10**8),), NOW)


def test_feed_price__product_too_small_to_count__is_unavailable() -> None:
    fine = Feed(BTC_USD.address, 27, 3_600, 0)
    with pytest.raises(Unavailable, match="too small to weigh"):
        feed_price(FeedPrice(WBTC, (fine,)), (FeedAnswer(fine, 10**8, NOW, 1),), NOW)


@given(st.integers(1, MOST_ANSWER), st.integers(1, MOST_ANSWER), st.integers(0, 27), st.integers(0, 27))
def test_feed_price__of_any_answers__is_the_product_rounded_down(a: int, b: int, da: int, db: int) -> None:
    one, two = replace(BTC_USD, decimals=da), replace(WBTC_BTC, decimals=db)
    exact_over = 10 ** (da + db)
    if a * b * ONE < exact_over:
        return
    price = feed_price(FeedPrice(WBTC, (one, two)), (answer_of(one, a), answer_of(two, b)), NOW)
    assert price.usd * exact_over <= a * b * ONE < (price.usd + 1) * exact_over


# ---------------------------------------------------------------- twap

LINK_WETH = TwapPrice(LINK, PoolKey("v3", LINK, WETH, 3_000), WETH, 1_800, usd(100_000))
"""LINK is token0 of this pool, WETH is token1."""
WETH_USDC = TwapPrice(WETH, PoolKey("v3", USDC, WETH, 500), USDC, 1_800, usd(100_000))
"""WETH is token1 of this pool, USDC is token0."""
WETH_USD, USDC_USD = price_of(WETH), price_of(USDC)


def observed(tick: int, liquidity: int, window: int = 1_800, rest: int = 0) -> Observation:
    """A pool that stood at `tick` with `liquidity` all the time; `rest` is added to the tick's growth."""
    seconds = window * ((1 << 160) - 1) // (liquidity << 32)
    return Observation(Address("0x" + "11" * 20), tick * window + rest, seconds, window)


def at(rule: TwapPrice, tick: int, liquidity: int = 10**30, ticks: tuple[tuple[int, int], ...] = ()) -> V3Pool:
    """The rule's pool as it stands now, known over its whole range."""
    tokens = sorted((rule.token, rule.quote), key=lambda token: int(token.address, 16))
    root = sqrt_ratio_at_tick(tick)
    return V3Pool(Address("0x" + "11" * 20), *tokens, 3_000, 60, root, tick, liquidity, ticks, *all_words(60))


NOW_DEEP = at(LINK_WETH, -52_986)


def test_twap_price__token0_in_a_priced_token1__is_the_mean_times_its_dollars() -> None:
    # 10 / 2,000 = 0.005 WETH for one LINK; 1.0001^-52986 = 0.0050000.
    price = twap_price(LINK_WETH, observed(-52_986, 10**24), NOW_DEEP, WETH_USD)
    assert abs(price.usd - usd(10)) < usd("0.001")
    assert price.updated_at == WETH_USD.updated_at


def test_twap_price__token1_in_a_priced_token0__is_the_inverse_with_decimals() -> None:
    # 1 USDC (6 decimals) for 0.0005 WETH (18): 5e8 base units for one; log(5e8) / log(1.0001) = 200,311.
    price = twap_price(WETH_USDC, observed(200_311, 10**20), at(WETH_USDC, 200_311), USDC_USD)
    assert abs(price.usd - usd(2_000)) < usd("0.3")


def test_twap_price__of_a_falling_tick__takes_the_mean_towards_minus_infinity() -> None:
    lower, exact = observed(-52_986, 10**24, rest=-1), observed(-52_987, 10**24)
    assert twap_price(LINK_WETH, lower, NOW_DEEP, WETH_USD) == twap_price(LINK_WETH, exact, NOW_DEEP, WETH_USD)


@pytest.mark.parametrize("tick", [-400_000, -52_986, 0, 52_986, 400_000])
def test_twap_price__from_either_side_of_the_pool__agrees(tick: int) -> None:
    deep = 10**30
    pool = at(LINK_WETH, tick)
    down = twap_price(replace(LINK_WETH, min_depth=Usd(0)), observed(tick, deep), pool, Price(WETH, usd(10**9), NOW))
    up_rule = TwapPrice(WETH, LINK_WETH.pool, LINK, 1_800, Usd(0))
    up = twap_price(up_rule, observed(tick, deep), pool, Price(LINK, down.usd, NOW))
    assert abs(up.usd - usd(10**9)) * 10**6 < up.usd


def test_twap_price__window_below_half_an_hour__is_refused() -> None:
    with pytest.raises(Unavailable, match="observed over 29 min 59 s, expected at least 30 min"):
        twap_price(replace(LINK_WETH, window=60), observed(-52_986, 10**24, window=1_799), NOW_DEEP, WETH_USD)


def test_twap_price__window_below_the_rule__is_refused() -> None:
    with pytest.raises(Unavailable, match="expected at least 1 h"):
        twap_price(replace(LINK_WETH, window=3_600), observed(-52_986, 10**24), NOW_DEEP, WETH_USD)


BOTH = [(LINK_WETH, -52_986, WETH_USD), (WETH_USDC, 200_311, USDC_USD)]
"""A quote token that is token1, and one that is token0."""


def thinnest(rule: TwapPrice, tick: int, quote: Price) -> int:
    """The liquidity with which it takes 100,000 dollars to fall by 200 ticks, the cheaper of the two ways."""
    root, way = 1.0001 ** (tick / 2), 1 - 1.0001**-100
    reserve = 10**5 / (quote.usd / 10**18) * 10**quote.token.decimals / way
    return int(reserve / root if rule is LINK_WETH else reserve * root)


@pytest.mark.parametrize(("rule", "tick", "quote"), BOTH)
def test_twap_price__around_the_least_depth_of_the_window__is_believed_above_and_refused_below(
    rule: TwapPrice, tick: int, quote: Price
) -> None:
    liquidity, pool = thinnest(rule, tick, quote), at(rule, tick)
    assert twap_price(rule, observed(tick, liquidity * 1_001 // 1_000), pool, quote).usd > 0
    said = r"99,[89]\d\d\.\d\d USD of .* move the price of .* by 2 % over the last 30 min, expected at least 100,000.00"
    with pytest.raises(Unavailable, match=said):
        twap_price(rule, observed(tick, liquidity * 999 // 1_000), pool, quote)


@pytest.mark.parametrize(("rule", "tick", "quote"), BOTH)
def test_twap_price__around_the_least_depth_of_now__is_believed_above_and_refused_below(
    rule: TwapPrice, tick: int, quote: Price
) -> None:
    liquidity, seen = thinnest(rule, tick, quote), observed(tick, 10**30)
    assert twap_price(rule, seen, at(rule, tick, liquidity * 1_001 // 1_000), quote).usd > 0
    with pytest.raises(Unavailable, match=r"99,[89]\d\d\.\d\d USD of .* by 2 % now, expected at least 100,000.00 USD"):
        twap_price(rule, seen, at(rule, tick, liquidity * 999 // 1_000), quote)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("rule", "tick", "quote"), BOTH)
def test_twap_price__deep_for_one_tick_only__is_refused(rule: TwapPrice, tick: int, quote: Price, side: int) -> None:
    # All its liquidity ends one tick away, on one side: the window's mean shows nothing of it.
    deep = 100 * thinnest(rule, tick, quote)
    edge = ((tick, deep),) if side < 0 else ((tick + 1, -deep),)
    with pytest.raises(Unavailable, match="by 2 % now"):
        twap_price(rule, observed(tick, deep), at(rule, tick, deep, edge), quote)


def test_twap_price__no_liquidity_counted__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no liquidity in range"):
        twap_price(LINK_WETH, Observation(Address("0x" + "11" * 20), -52_986 * 1_800, 0, 1_800), NOW_DEEP, WETH_USD)


def test_twap_price__tick_that_no_pool_can_have__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="mean tick of 900000"):
        twap_price(LINK_WETH, observed(900_000, 10**24), NOW_DEEP, WETH_USD)


@given(st.integers(-300_000, 300_000), st.integers(1, 10**6))
def test_twap_price__of_any_tick__lies_between_its_tick_and_the_next(tick: int, dollars: int) -> None:
    rule = replace(LINK_WETH, min_depth=Usd(0))
    price = twap_price(rule, observed(tick, 10**30), at(rule, tick), Price(WETH, usd(dollars), NOW))
    # Both tokens have 18 decimals, so the pool's price is the price.
    root = tick_at_sqrt_ratio(_root_of(price.usd, usd(dollars)))
    assert tick - 1 <= root <= tick + 1


def _root_of(numerator: int, denominator: int) -> int:
    return isqrt((numerator << 192) // denominator)
