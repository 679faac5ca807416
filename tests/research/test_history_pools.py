"""Pools that stand at the oracle's price, and are as deep as they are told to be."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from rebalancer.market.pools import mid_ratio, swap_exact_in
from rebalancer.market.swap import Swap
from rebalancer.market.tick_math import tick_at_sqrt_ratio
from rebalancer.research.ports.pools import Place, places_of, pool_at
from rebalancer.research.study.policies import token_of
from rebalancer.units import ONE, PPM, Ppm, Token, Usd

PRICES = st.integers(10**12, 10**24).map(Usd)
"""A millionth of a dollar to a million."""
DECIMALS = st.sampled_from((6, 8, 18))


def place_of(decimals: tuple[int, int], depth: int = 10**6, fee: int = 3_000) -> Place:
    """Of a token against the hub."""
    token, hub = (Token(s, token_of(s).address, d) for s, d in zip(("BTC", "USD"), decimals, strict=True))
    fees, depths = (Ppm(fee), Ppm(fee)), (Usd(depth * ONE), Usd(depth * ONE))
    (found,) = places_of((token, hub), 1, fees, depths)
    return found


@given(PRICES, PRICES, DECIMALS, DECIMALS)
def test_pool__any_two_prices__stands_at_their_ratio(price: Usd, hub: Usd, decimals: int, of_hub: int) -> None:
    place = place_of((decimals, of_hub))
    usd = (price, hub)
    pool = pool_at(place, usd)
    assert pool.tick == tick_at_sqrt_ratio(pool.sqrt_price_x96)
    ratio = mid_ratio(pool, pool.token0)
    assert ratio is not None
    oracle = Fraction(usd[place.zero] * 10**pool.token1.decimals, usd[place.one] * 10**pool.token0.decimals)
    assert abs(Fraction(*ratio) / oracle - 1) < Fraction(1, 10**9)


@given(st.integers(1, 10_000), st.sampled_from((100, 500, 3_000, 10_000)), st.booleans())
def test_pool__a_trade_of_a_share_of_its_depth__loses_fee_and_that_share(share: int, fee: int, sells: bool) -> None:
    place = place_of((18, 18), fee=fee)
    usd = (Usd(25_000 * ONE), Usd(ONE))
    pool = pool_at(place, usd)
    sold = place.zero if sells else place.one
    token = pool.token0 if sells else pool.token1
    amount = share * 10**6 * ONE // 10**5 * ONE // usd[sold]
    swap = swap_exact_in(pool, token, amount)
    assert isinstance(swap, Swap) and swap.unfilled == 0
    got = Fraction(swap.amount_out * usd[place.one if sells else place.zero], amount * usd[sold])
    kept = Fraction(PPM - fee, PPM)
    # x * y = k with a depth D on either side: v (1 - f) / (1 + v (1 - f) / D).
    assert abs(got - kept / (1 + kept * Fraction(share, 10**5))) < Fraction(1, 10**12)
    assert swap.ticks_crossed == 0
