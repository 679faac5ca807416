"""Depth: what stands within 2 % of a pool's price, against a count tick by tick, and what no pool can be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pool_makers import Q96, made_v3, window

from rebalancer.market.depth import REACH, depth_down, flat_depth_down, liquidity_fits
from rebalancer.market.swap import Swap
from rebalancer.market.swap_math import amount0_down, amount1_down
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO, sqrt_ratio_at_tick
from rebalancer.market.uniswap_v3 import swap_exact_in

DEEP = 10**24
CLOSE = (100, 1)

edges = st.integers(-400, 400)
positions = st.lists(st.tuples(edges, edges, st.integers(1, DEEP)).filter(lambda p: p[0] < p[1]), max_size=6)


@given(positions, st.integers(-300, 300), st.booleans())
def test_depth__of_any_positions__is_what_stands_tick_by_tick(
    held: list[tuple[int, int, int]], tick: int, in_token0: bool
) -> None:
    pool = made_v3(held, sqrt_ratio_at_tick(tick), CLOSE)
    between = amount0_down if in_token0 else amount1_down

    def standing(first: int, end: int) -> int:
        return sum(
            between(sqrt_ratio_at_tick(index), sqrt_ratio_at_tick(index + 1), liquidity)
            for index in range(first, end)
            for lower, upper, liquidity in held
            if lower <= index < upper
        )

    expected = min(standing(tick - REACH, tick), standing(tick, tick + REACH))
    # The count rounds at each tick of each position, the depth at each of its steps.
    assert abs(depth_down(pool, in_token0) - expected) <= 2 * REACH * (len(held) + 1)


@pytest.mark.parametrize("in_token0", [False, True])
def test_depth__sold_into_the_pool__moves_its_price_by_reach(in_token0: bool) -> None:
    pool = replace(made_v3([(-5_000, 5_000, DEEP)], Q96, CLOSE), fee=0)
    found = swap_exact_in(pool, in_token0, depth_down(pool, in_token0))
    assert isinstance(found, Swap)
    moved = abs(found.pool_after.tick)
    # The cheaper of the two ways: the one that is not walked here may reach a little less far.
    assert REACH - 3 <= moved <= REACH


@pytest.mark.parametrize(("low", "high"), [(0, 0), (-1, -1)])
def test_depth__beyond_the_known_words__is_not_counted(low: int, high: int) -> None:
    whole = made_v3([(-5_000, 5_000, DEEP)], sqrt_ratio_at_tick(0 if low == 0 else -1), CLOSE)
    assert depth_down(whole, True) > 0
    assert depth_down(window(whole, low, high), True) < depth_down(whole, True) // (REACH // 2)


@pytest.mark.parametrize("price", [MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1])
def test_depth__at_the_end_of_all_prices__is_nothing(price: int) -> None:
    pool = replace(made_v3([], price), liquidity=DEEP)
    assert depth_down(pool, True) == depth_down(pool, False) == 0


@given(st.integers(-800_000, 800_000), st.integers(0, DEEP), st.booleans())
def test_flat_depth__of_a_tick__is_that_of_a_pool_without_ticks(tick: int, liquidity: int, in_token0: bool) -> None:
    pool = replace(made_v3([], sqrt_ratio_at_tick(tick)), liquidity=liquidity)
    assert flat_depth_down(tick, liquidity, in_token0) == depth_down(pool, in_token0)


@given(positions, st.integers(-300, 300))
def test_liquidity__of_any_positions__fits(held: list[tuple[int, int, int]], tick: int) -> None:
    assert liquidity_fits(made_v3(held, sqrt_ratio_at_tick(tick), CLOSE))


@pytest.mark.parametrize(
    ("liquidity", "above"),
    [(-1, 10), (9, -10), (1 << 128, -10), ((1 << 128) - 5, 10)],
    ids=["<0", "below", ">", "above"],
)
def test_liquidity__below_zero_or_beyond_128_bits_anywhere__does_not_fit(liquidity: int, above: int) -> None:
    pool = made_v3([(-60, 60, 10)])
    assert liquidity_fits(pool)
    assert not liquidity_fits(replace(pool, liquidity=liquidity, ticks=((-60, 10), (60, above))))
