"""V2 swaps: the library's formula, the pair's refusals, and what holds for every swap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pool_makers import made_v2

from rebalancer.market.swap import NoSwap, Swap
from rebalancer.market.uniswap_v2 import V2Pool, swap_exact_in, swap_exact_out

RESERVES = st.integers(1_000, 10**30)
AMOUNTS = st.integers(1, 10**30)
POOLS = st.builds(made_v2, RESERVES, RESERVES)


def k(pool: V2Pool) -> int:
    return pool.reserve0 * pool.reserve1


def test_swap_exact_in__round_reserves__is_the_formula_worked_by_hand() -> None:
    # 1000 in, 997 of it after the fee: 997 * 2,000,000 / 1,000,997 = 1992.01...
    swap = swap_exact_in(made_v2(1_000_000, 2_000_000), True, 1_000)
    assert swap == Swap(1_000, 1_992, 0, 0, made_v2(1_001_000, 1_998_008))


def test_swap_exact_in__token1_sold__takes_the_reserves_the_other_way() -> None:
    # 997 * 1,000,000 / 2,000,997 = 498.25...
    swap = swap_exact_in(made_v2(1_000_000, 2_000_000), False, 1_000)
    assert swap == Swap(1_000, 498, 0, 0, made_v2(999_502, 2_001_000))


def test_swap_exact_out__round_reserves__is_the_formula_worked_by_hand() -> None:
    # 1,000,000 * 1992 * 1000 / ((2,000,000 - 1992) * 997) = 999.99..., and one more
    swap = swap_exact_out(made_v2(1_000_000, 2_000_000), True, 1_992)
    assert swap == Swap(1_000, 1_992, 0, 0, made_v2(1_001_000, 1_998_008))


def test_swap_exact_out__division_without_rest__still_adds_one() -> None:
    # 997,000 * 1000 * 1000 / ((2000 - 1000) * 997) = 1,000,000 exactly
    swap = swap_exact_out(made_v2(997_000, 2_000), True, 1_000)
    assert isinstance(swap, Swap) and swap.amount_in == 1_000_001


@pytest.mark.parametrize("amount", [2_000_000, 2_000_001])
def test_swap_exact_out__whole_reserve_or_more__is_refused(amount: int) -> None:
    answer = swap_exact_out(made_v2(1_000_000, 2_000_000), True, amount)
    assert isinstance(answer, NoSwap) and "out of liquidity" in answer.reason


@pytest.mark.parametrize("amount", [0, -1])
def test_swap__no_amount__is_refused(amount: int) -> None:
    pool = made_v2(1_000_000, 2_000_000)
    assert isinstance(swap_exact_in(pool, True, amount), NoSwap)
    assert isinstance(swap_exact_out(pool, True, amount), NoSwap)


def test_swap_exact_in__dust_that_buys_nothing__is_refused() -> None:
    assert isinstance(swap_exact_in(made_v2(2_000_000, 1_000_000), True, 1), NoSwap)
    assert isinstance(swap_exact_in(made_v2(2_000_000, 1_000_000), True, 3), Swap)


def test_swap_exact_in__empty_pair__is_refused() -> None:
    assert isinstance(swap_exact_in(made_v2(0, 0), True, 5), NoSwap)
    assert isinstance(swap_exact_out(made_v2(0, 10), True, 5), NoSwap)


def test_swap_exact_in__reserves_at_112_bits__fills_up_and_no_further() -> None:
    room = (1 << 112) - 1 - 10**6
    pool = made_v2(10**6, 10**9)
    assert isinstance(swap_exact_in(pool, True, room), Swap)
    assert isinstance(swap_exact_in(pool, True, room + 1), NoSwap)


@given(POOLS, st.booleans(), AMOUNTS)
def test_swap_exact_in__any_amount__k_never_falls(pool: V2Pool, way: bool, amount: int) -> None:
    match swap_exact_in(pool, way, amount):
        case Swap(pool_after=after):
            assert k(after) >= k(pool)
        case NoSwap(reason=reason):
            assert "nothing for so little" in reason


@given(POOLS, st.booleans(), AMOUNTS)
def test_swap_exact_in__and_bought_back__never_favours_us(pool: V2Pool, way: bool, amount: int) -> None:
    there = swap_exact_in(pool, way, amount)
    if not isinstance(there, Swap):
        return
    back = swap_exact_in(there.pool_after, not way, there.amount_out)
    assert isinstance(back, NoSwap) or back.amount_out <= amount


@given(POOLS, st.booleans(), AMOUNTS)
def test_swap_exact_out__of_what_an_exact_in_gives__costs_the_most_that_still_gives_it(
    pool: V2Pool, way: bool, amount: int
) -> None:
    sold = swap_exact_in(pool, way, amount)
    if not isinstance(sold, Swap):
        return
    bought = swap_exact_out(pool, way, sold.amount_out)
    assert isinstance(bought, Swap)
    # The library's added unit may exceed what was sold by that unit, never by more.
    assert bought.amount_in <= amount + 1
    again = swap_exact_in(pool, way, bought.amount_in)
    assert isinstance(again, Swap) and again.amount_out >= sold.amount_out


@given(POOLS, st.booleans(), AMOUNTS, AMOUNTS)
def test_swap_exact_in__more_sold__never_gives_less(pool: V2Pool, way: bool, a: int, b: int) -> None:
    outs = [s.amount_out if isinstance(s := swap_exact_in(pool, way, x), Swap) else 0 for x in sorted((a, b))]
    assert outs[0] <= outs[1]
