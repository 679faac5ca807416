"""The cheapest trigger and return point: closed forms, limits, and that nothing near them costs less."""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_market import share

from rebalancer.core.optimal import Terms, cheapest, yearly
from rebalancer.units import ONE, Weight

FREE = Terms(
    deviation=share("12.6"),  # 30 % of a token of 60 % volatility
    gas=Weight(0),
    cost=Weight(0),
    penalty=4 * ONE // 10,
    least=Weight(0),
    widest=Weight(ONE),
)
BY_FEES = replace(FREE, cost=share("0.3"))
BY_GAS = replace(FREE, gas=share("0.01"))
BOTH = replace(BY_FEES, gas=share("0.01"))


def part(weight: int) -> float:
    return weight / ONE


def near(found: float, expected: float) -> bool:
    return isclose(found, expected, rel_tol=1e-9)


# ---------------------------------------------------------------- closed forms


def test_cheapest__without_gas__trades_at_the_edge_of_the_cube_root() -> None:
    trigger, back = cheapest(BY_FEES)
    assert near(part(trigger), (3 * 0.003 * 0.126**2 / (4 * 0.4)) ** (1 / 3))
    assert trigger - back <= 1


def test_cheapest__without_fees__trades_to_the_target_at_the_fourth_root() -> None:
    trigger, back = cheapest(BY_GAS)
    assert near(part(trigger), (6 * 0.0001 * 0.126**2 / 0.4) ** (1 / 4))
    assert back < 100  # of 1e18: what the integers leave


def test_cheapest__of_both__meets_the_two_conditions_of_first_order() -> None:
    u, x = map(part, cheapest(BOTH))
    k = 6 * 0.126**2 / 0.4
    assert near((u - x) ** 3 * (u + x), k * 0.0001)
    assert near((u + x) * ((u + x) ** 2 - (u - x) ** 2), k * 0.003)


def test_yearly__of_a_rule__is_the_published_formula() -> None:
    costs = yearly(BOTH, share(5), share(3))
    assert near(part(costs.tracking), 0.4 * (0.05**2 + 0.03**2) / 6)
    assert near(part(costs.trading), 0.003 * 0.126**2 / 0.08)
    assert near(part(costs.gas), 0.0001 * 0.126**2 / (0.05**2 - 0.03**2))
    assert near(part(costs.trades), 0.126**2 / (0.05**2 - 0.03**2))
    assert costs.total == costs.tracking + costs.trading + costs.gas


def test_cheapest__of_both__splits_its_cost_as_the_optimum_must() -> None:
    # J is homogeneous: at its least point 2 gas + trading = 2 tracking.
    costs = yearly(BOTH, *cheapest(BOTH))
    assert near(2 * costs.gas + costs.trading, 2 * costs.tracking)


# ---------------------------------------------------------------- limits


def test_cheapest__with_nothing_to_pay__is_no_band_at_all() -> None:
    assert cheapest(FREE) == (1, 0)


def test_cheapest__a_weight_that_does_not_move__has_the_smallest_trade_for_a_band() -> None:
    still = replace(BOTH, deviation=Weight(0), least=share("0.5"))
    assert cheapest(still) == (share("0.5"), 0)


def test_cheapest__a_smallest_trade_beyond_the_free_one__keeps_it_and_finds_the_best_middle() -> None:
    trigger, back = cheapest(replace(BY_FEES, least=share(1)))
    assert trigger - back == share(1)
    # With the step held at m: (u + l)^3 = k (F/m + c), here the same sum as without it.
    assert near(part(trigger + back), 2 * part(cheapest(BY_FEES)[0]))


def test_cheapest__a_widest_trigger_nearer_than_the_free_one__takes_it_and_its_best_return_point() -> None:
    terms = replace(BOTH, widest=share(2))
    trigger, back = cheapest(terms)
    assert trigger == share(2)
    best = yearly(terms, trigger, back).total
    others = [yearly(terms, trigger, Weight(back + step)).total for step in (-(10**14), 10**14)]
    assert 0 < back < trigger and all(best <= other for other in others)


def test_cheapest__no_room_for_the_smallest_trade__goes_to_the_target() -> None:
    assert cheapest(replace(BOTH, least=share(3), widest=share(2))) == (share(2), 0)


@pytest.mark.parametrize("gas", ["0.000001", "0.0001", "0.01", "1", "100"])
def test_cheapest__dearer_gas__goes_further_back(gas: str) -> None:
    less, more = (replace(BOTH, gas=Weight(share(gas) * factor)) for factor in (1, 10))
    (trigger, back), (wider, nearer) = cheapest(less), cheapest(more)
    assert trigger < wider and back * wider >= nearer * trigger


# ---------------------------------------------------------------- whatever the terms

SHARES = st.integers(0, ONE).map(Weight)
SOME = st.integers(10**9, ONE).map(Weight)
TERMS = st.builds(
    Terms,
    deviation=st.integers(0, 10 * ONE).map(Weight),
    gas=SHARES,
    cost=SHARES,
    penalty=st.integers(1, 10**6 * ONE),
    least=SHARES,
    widest=SHARES,
)


@given(TERMS)
def test_cheapest__of_any_terms__lies_in_its_limits(terms: Terms) -> None:
    trigger, back = cheapest(terms)
    assert 0 <= back <= trigger <= terms.widest
    assert back == 0 or trigger - back >= terms.least


@given(
    st.builds(Terms, *(st.integers(0, 10**40).map(Weight) for _ in range(3)), st.integers(0, 10**60), SHARES, SHARES)
)
def test_cheapest__of_terms_beyond_all_reason__ends_and_lies_in_its_limits(terms: Terms) -> None:
    trigger, back = cheapest(terms)
    assert 0 <= back <= trigger <= terms.widest
    assert yearly(terms, trigger, back).total >= 0


@given(
    st.builds(Terms, SOME, SOME, SOME, st.integers(10**12, 100 * ONE), st.just(Weight(0)), SOME),
    st.integers(-1_000, 1_000),
    st.integers(-1_000, 1_000),
)
def test_cheapest__of_any_terms__costs_no_more_than_what_is_near_it(terms: Terms, out: int, into: int) -> None:
    trigger, back = cheapest(terms)
    other = (
        Weight(min(trigger + trigger * out // 10_000, terms.widest)),
        Weight(max(back + trigger * into // 10_000, 0)),
    )
    assume(other[1] < other[0])
    best, found = yearly(terms, trigger, back).total, yearly(terms, *other).total
    # Each of the three parts is rounded up, and the two distances are whole units.
    assert best <= found + found // 10**6 + 3


@given(TERMS, st.integers(1, 10))
def test_cheapest__more_gas__never_narrows_the_trigger(terms: Terms, factor: int) -> None:
    # Two roots are cut to whole units.
    assert cheapest(terms)[0] <= cheapest(replace(terms, gas=Weight(terms.gas * factor)))[0] + 2


@given(TERMS, st.integers(1, 10))
def test_cheapest__higher_fees__never_narrow_the_trigger(terms: Terms, factor: int) -> None:
    assert cheapest(terms)[0] <= cheapest(replace(terms, cost=Weight(terms.cost * factor)))[0] + 2


@given(TERMS, st.integers(1, 10))
def test_cheapest__a_higher_penalty__never_widens_the_trigger(terms: Terms, factor: int) -> None:
    assert cheapest(replace(terms, penalty=terms.penalty * factor))[0] <= cheapest(terms)[0] + 2
