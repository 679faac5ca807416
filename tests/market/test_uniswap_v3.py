"""V3 swaps: worked by hand, at the edges of liquidity, and what holds for every swap."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pool_makers import Q96, active_liquidity, full_range, made_v3, sqrt_x96

from rebalancer.market.swap import NoSwap, Swap
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO, sqrt_ratio_at_tick, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v3 import V3Pool, swap_exact_in, swap_exact_out

E18 = 10**18


@st.composite
def pools(draw: st.DrawFn) -> V3Pool:
    """A few positions of any width around any price, at every spacing in use."""
    fee_and_spacing = draw(st.sampled_from([(100, 1), (500, 10), (3000, 60), (10_000, 200)]))
    spacing = fee_and_spacing[1]
    centre = draw(st.integers(-200_000 // spacing, 200_000 // spacing))
    offsets = st.integers(-3_000, 3_000)
    drawn = draw(st.lists(st.tuples(offsets, offsets, st.integers(1, 10**24)), min_size=1, max_size=6))
    positions = [
        ((centre + min(a, b)) * spacing, (centre + max(a, b)) * spacing, size) for a, b, size in drawn if a != b
    ]
    assume(positions)
    lowest, highest = (sqrt_ratio_at_tick((centre + side) * spacing) for side in (-800, 800))
    return made_v3(positions, draw(st.integers(lowest, highest)), fee_and_spacing)


AMOUNTS = st.integers(0, 100).flatmap(lambda bits: st.integers(1, 2 << bits))


def swapped(pool: V3Pool, way: bool, amount: int) -> Swap[V3Pool]:
    answer = swap_exact_in(pool, way, amount)
    assert isinstance(answer, Swap)
    return answer


def bought(pool: V3Pool, way: bool, amount: int) -> Swap[V3Pool]:
    answer = swap_exact_out(pool, way, amount)
    assert isinstance(answer, Swap)
    return answer


def test_swap_exact_in__one_range_at_price_one__is_the_constant_product_worked_by_hand() -> None:
    # 0.1 in, 0.0997 of it after the fee, against virtual reserves of 1 and 1: 0.0997 / 1.0997 = 0.09066...
    swap = swapped(made_v3([full_range(E18)]), True, E18 // 10)
    assert swap.amount_in == E18 // 10 and swap.ticks_crossed == 0
    assert swap.amount_out == 90_661_089_388_014_913  # 997e17 * 1e18 // 10997e17, and 1 less by the Q96 rounding
    assert 997 * E18 // 10_997 - swap.amount_out in (0, 1)
    assert abs(swap.pool_after.sqrt_price_x96 - Q96 * 10_000 // 10_997) <= 1
    assert swap.pool_after.tick == tick_at_sqrt_ratio(swap.pool_after.sqrt_price_x96)


def test_swap_exact_in__price_four__moves_both_ways_by_the_formula() -> None:
    # sqrt price 2, liquidity 1: reserves 0.5 of token0 and 2 of token1. 1 of token1 less 0.3 % moves the root to
    # 2.997 and gives 1/2 - 1/2.997 of token0.
    pool = made_v3([full_range(E18)], sqrt_x96(4))
    swap = swapped(pool, False, E18)
    # The price passes the edge of an empty bitmap word, and at each such step the fee is rounded up by a unit.
    assert 0 <= 2997 * Q96 // 1000 - swap.pool_after.sqrt_price_x96 <= 2 * Q96 // E18
    assert E18 * 997 // (2 * 2997) - swap.amount_out in (0, 1)


def test_swap_exact_in__one_unit__is_all_fee() -> None:
    pool = made_v3([full_range(E18)], sqrt_x96(2))
    assert swapped(pool, True, 1) == Swap(1, 0, 0, 0, pool)


def test_swap_exact_in__price_on_the_edge_of_an_empty_word__steps_over_it_first() -> None:
    # As the contract does: at tick 0 the next tick downwards in the word is tick 0 itself.
    pool = made_v3([full_range(E18)])
    assert swapped(pool, True, 1) == Swap(1, 0, 0, 0, replace(pool, tick=-1))


def test_swap_exact_in__input_ends_on_an_initialised_tick__the_tick_is_crossed() -> None:
    pool = made_v3([full_range(E18), (-60, 60, E18)])
    to_edge = swapped(pool, True, 10**30)
    assert to_edge.ticks_crossed == 1
    # Just what the range takes: ceil(2e18 * (1/p(-60) - 1)) and its fee.
    edge = sqrt_ratio_at_tick(-60)
    net = -(-(2 * E18 * (Q96 - edge)) // edge)
    fee = -(-net * 3 // 997)
    exact = swapped(pool, True, net + fee)
    assert (exact.pool_after.sqrt_price_x96, exact.pool_after.tick, exact.ticks_crossed) == (edge, -61, 1)
    assert exact.pool_after.liquidity == E18
    one_less = swapped(pool, True, net + fee - 1)
    assert (one_less.pool_after.tick, one_less.ticks_crossed, one_less.pool_after.liquidity) == (-60, 0, 2 * E18)


def test_swap__from_the_tick_just_crossed__crosses_it_back_without_cost() -> None:
    pool = made_v3([full_range(E18), (-60, 60, E18)])
    below = replace(pool, sqrt_price_x96=sqrt_ratio_at_tick(-60), tick=-61, liquidity=E18)
    up = swapped(below, False, 10**6)
    assert up.ticks_crossed == 1 and up.pool_after.liquidity == 2 * E18
    down = swapped(below, True, 10**6)
    assert down.ticks_crossed == 0 and down.pool_after.liquidity == E18


def test_swap_exact_in__empty_words_between_ranges__the_price_jumps_over_them() -> None:
    # The price passes through words without ticks and without liquidity.
    pool = made_v3([(-600, 600, E18), (-60_000 - 600, -60_000, E18)])
    swap = swapped(pool, True, E18 // 2)
    assert swap.unfilled == 0 and swap.ticks_crossed == 2
    assert sqrt_ratio_at_tick(-60_600) < swap.pool_after.sqrt_price_x96 < sqrt_ratio_at_tick(-60_000)
    assert swap.pool_after.liquidity == E18


@pytest.mark.parametrize(("way", "limit"), [(True, MIN_SQRT_RATIO + 1), (False, MAX_SQRT_RATIO - 1)])
def test_swap_exact_in__beyond_all_liquidity__stops_at_the_limit_with_input_left(way: bool, limit: int) -> None:
    pool = made_v3([(-600, 600, E18)])
    swap = swapped(pool, way, 10**30)
    assert swap.pool_after.sqrt_price_x96 == limit and swap.pool_after.liquidity == 0
    assert swap.amount_in + swap.unfilled == 10**30 and 0 < swap.amount_in < E18
    again = swap_exact_in(swap.pool_after, way, 10**6)
    assert isinstance(again, NoSwap) and "limit" in again.reason


@pytest.mark.parametrize("way", [True, False])
def test_swap_exact_out__beyond_all_liquidity__gives_what_there_is(way: bool) -> None:
    pool = made_v3([(-600, 600, E18)])
    swap = bought(pool, way, 10**30)
    assert swap.unfilled == 10**30 - swap.amount_out > 0
    # Amount0 and amount1 of a range around price 1 are the same but for rounding.
    assert abs(swap.amount_out - E18 * (sqrt_ratio_at_tick(600) - Q96) // sqrt_ratio_at_tick(600)) <= 3


def test_swap__pool_without_liquidity__takes_and_gives_nothing() -> None:
    pool = made_v3([(600, 1200, E18)])
    swap = swapped(pool, True, 10**6)
    assert (swap.amount_in, swap.amount_out, swap.unfilled) == (0, 0, 10**6)


def test_swap__nothing_or_uninitialised__is_refused() -> None:
    pool = made_v3([full_range(E18)])
    assert isinstance(swap_exact_in(pool, True, 0), NoSwap)
    assert isinstance(swap_exact_out(pool, False, 0), NoSwap)
    assert isinstance(swap_exact_in(replace(pool, sqrt_price_x96=0), False, 1), NoSwap)


def test_swap_exact_in__tick_without_net_liquidity__still_counts_as_crossed() -> None:
    pool = made_v3([full_range(E18), (-120, -60, E18), (-60, 60, E18)])
    assert (-60, 0) in pool.ticks
    edge = swapped(pool, True, E18 // 100)
    assert edge.ticks_crossed == 1 and edge.pool_after.liquidity == 2 * E18


@given(pools(), st.booleans(), AMOUNTS)
def test_swap_exact_in__any__leaves_a_consistent_pool(pool: V3Pool, way: bool, amount: int) -> None:
    swap = swapped(pool, way, amount)
    after = swap.pool_after
    assert swap.amount_in + swap.unfilled == amount
    assert after.liquidity == active_liquidity(after)
    assert (after.sqrt_price_x96 <= pool.sqrt_price_x96) if way else (after.sqrt_price_x96 >= pool.sqrt_price_x96)
    at = tick_at_sqrt_ratio(after.sqrt_price_x96)
    # A tick crossed downwards leaves the price on it and the tick one below.
    assert after.tick == at or (way and after.tick == at - 1 and sqrt_ratio_at_tick(at) == after.sqrt_price_x96)


@given(pools(), st.booleans(), AMOUNTS)
def test_swap_exact_in__and_bought_back__never_favours_us(pool: V3Pool, way: bool, amount: int) -> None:
    there = swapped(pool, way, amount)
    assume(there.amount_out > 0)
    back = swapped(there.pool_after, not way, there.amount_out)
    assert back.amount_out <= there.amount_in


@given(pools(), st.booleans(), AMOUNTS)
def test_swap_exact_out__its_cost_sold_exact_in__gives_no_less(pool: V3Pool, way: bool, amount: int) -> None:
    cost = bought(pool, way, amount)
    assume(cost.amount_in > 0)
    assert swapped(pool, way, cost.amount_in).amount_out >= cost.amount_out == amount - cost.unfilled


def test_swap_exact_out__just_what_a_range_holds__pays_for_the_whole_range_as_the_contract_does() -> None:
    # The range holds 5.9 units, rounded down to 5. Asked for 5, the pool goes to the far tick and takes the input
    # of 5.9: here an exact out costs more than the exact in that gives the same.
    pool = made_v3([(-600, 600, 200)])
    whole, enough = bought(pool, True, 5), swapped(pool, True, 7)
    assert (whole.amount_in, whole.amount_out, whole.pool_after.tick, whole.unfilled) == (8, 5, -601, 0)
    assert (enough.amount_in, enough.amount_out, enough.pool_after.tick) == (7, 5, -592)


@given(pools(), st.booleans(), AMOUNTS, AMOUNTS)
def test_swap_exact_in__more_sold__never_gives_less(pool: V3Pool, way: bool, a: int, b: int) -> None:
    small, large = sorted((a, b))
    assert swapped(pool, way, small).amount_out <= swapped(pool, way, large).amount_out


@given(pools(), st.booleans(), AMOUNTS, AMOUNTS)
def test_swap_exact_in__in_two_parts__never_gives_more_than_at_once(pool: V3Pool, way: bool, a: int, b: int) -> None:
    first = swapped(pool, way, a)
    assume(first.unfilled == 0)
    second = swap_exact_in(first.pool_after, way, b)
    rest = second.amount_out if isinstance(second, Swap) else 0
    assert first.amount_out + rest <= swapped(pool, way, a + b).amount_out
