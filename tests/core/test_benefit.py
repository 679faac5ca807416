"""What a rebalance saves of the drift's cost, and that what pays is never stopped."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_market import ASSETS, LINK, POLICY, TARGETS, USDC, WBTC, WETH, portfolio_in, share, snapshot_with, usd, worth

from rebalancer.core.benefit import pays, saved_down
from rebalancer.core.model import Cost, Hold, Policy, Portfolio, Position, Tracking, Volatility
from rebalancer.core.optimal import Terms, cheapest
from rebalancer.core.optimal_bands import deviation_of
from rebalancer.units import ONE, Amount, Price, Token, Usd, Weight

NAMED = replace(POLICY, tracking=replace(POLICY.tracking, named=True))
PORTFOLIO = portfolio_in(snapshot_with(32_000, 40_000, 20_000, 8_000))
BACK = (worth(WETH, 0) - worth(WETH, 2_000), worth(LINK, 2_000))
"""WETH two points over its 30, LINK two points under its 10, and both brought back."""


def judged(policy: Policy, portfolio: Portfolio, changes: tuple[Amount, ...], cost: Cost) -> Hold | None:
    return pays(saved_down(policy, portfolio, changes), cost)


def costing(dollars: str | int) -> Cost:
    return Cost(usd(2_000), None, None, usd(dollars), Usd(0))


def test_saved_down__of_two_weights_brought_back__is_the_formula_of_each() -> None:
    # Deviations of 30 % and 10 % at a volatility of 60 %, and two points in a portfolio of 100,000 dollars.
    expected = sum(0.4 * 0.02**2 * 0.02**2 / (w * (1 - w) * 0.6) ** 2 for w in (0.3, 0.1)) * 100_000
    saved = saved_down(NAMED, PORTFOLIO, BACK)
    assert saved is not None and abs(saved / ONE - expected) < 1e-6 * expected


def test_saved_down__of_a_drift_that_takes_years_to_come__counts_one() -> None:
    still = replace(NAMED, tracking=Tracking(4 * ONE // 10, tuple(Volatility(t, share(1)) for t in ASSETS), named=True))
    saved = saved_down(still, PORTFOLIO, BACK)
    assert saved is not None and abs(saved - 2 * usd(16)) < usd("0.0001")


def test_saved_down__of_what_adds_to_a_drift__is_negative() -> None:
    worse = (worth(WETH, 2_000), worth(LINK, 0) - worth(LINK, 2_000))
    saved = saved_down(NAMED, PORTFOLIO, worse)
    assert saved is not None and saved < 0


@pytest.mark.parametrize(
    "policy",
    [POLICY, replace(NAMED, tracking=replace(NAMED.tracking, volatilities=NAMED.tracking.volatilities[1:]))],
    ids=["no cost of drift is named", "a volatility is missing"],
)
def test_pays__where_the_owners_have_not_said_what_drift_costs__says_nothing(policy: Policy) -> None:
    assert saved_down(policy, PORTFOLIO, BACK) is None
    assert judged(policy, PORTFOLIO, BACK, costing(1_000)) is None


def test_pays__a_token_to_be_rid_of__goes_whatever_its_weight() -> None:
    targets = tuple(replace(t, weight=share(part)) for t, part in zip(TARGETS, (30, 50, 20, 0), strict=True))
    portfolio = portfolio_in(snapshot_with(30_000, 49_000, 20_000, 1_000), targets)
    out = (worth(LINK, 0) - worth(LINK, 1_000), worth(USDC, 995))
    assert judged(NAMED, portfolio, out, costing(5)) is None
    # Bought instead, it is a weight like others.
    assert judged(NAMED, portfolio, (worth(LINK, 10), worth(USDC, 0) - worth(USDC, 10)), costing(5)) is not None


def test_pays__at_what_it_saves__goes_on_and_a_unit_over_holds_with_both_figures() -> None:
    saved = saved_down(NAMED, PORTFOLIO, BACK)
    assert saved is not None and saved > 0
    at_most = replace(costing(0), shortfall=saved)
    assert judged(NAMED, PORTFOLIO, BACK, at_most) is None
    answer = judged(NAMED, PORTFOLIO, BACK, replace(at_most, gas=Usd(1)))
    assert isinstance(answer, Hold)
    assert answer.reason.startswith("not worth it: it would cost 2.59 USD, and save 2.59 USD of what drift costs")


@pytest.mark.parametrize(
    ("dollars", "saved", "said"),
    [
        (3, 0, "it would cost 3.00 USD, and save 0.00 USD of what drift costs"),
        (3, -2, "it would cost 3.00 USD, and add 2.00 USD to what drift costs"),
        (-1, -2, "it would bring 1.00 USD more than it costs, and add 2.00 USD to what drift costs"),
    ],
)
def test_pays__where_nothing_is_saved__says_so_without_a_minus(dollars: int, saved: int, said: str) -> None:
    answer = pays(Usd(saved * ONE), costing(dollars))
    assert isinstance(answer, Hold) and said in answer.reason and "-" not in answer.reason


def _two(target: Weight, drift: Weight, value: int) -> Portfolio:
    """A token and dollars beside it, a base unit of either worth 1e-18 dollars."""
    held = value * (target + drift) // ONE
    parts = ((WETH, held, target), (WBTC, value - held, Weight(ONE - target)))
    positions = []
    for token, raw, aim in parts:
        weight = Weight(raw * ONE // value)
        price = Price(Token(token.symbol, token.address, 18), usd(1), 0)
        positions.append(Position(Amount(price.token, raw), price, Usd(raw), weight, aim, Weight(weight - aim)))
    return Portfolio(tuple(positions), Usd(value))


@given(
    target=st.integers(5, 95),
    volatility=st.integers(10, 150),
    gas=st.integers(0, 10**15),
    cost=st.integers(0, 10**16),
    penalty=st.integers(ONE // 20, 5 * ONE),
)
def test_pays__at_the_trigger_and_return_point_of_least_cost__never_holds(
    target: int, volatility: int, gas: int, cost: int, penalty: int
) -> None:
    aim, per_year, value = share(target), share(volatility), 10**24
    deviation = deviation_of(aim, per_year)
    terms = Terms(deviation, Weight(gas), Weight(cost), penalty, Weight(1), Weight(ONE))
    trigger, back = cheapest(terms)
    assume(10**12 < trigger < min(deviation, ONE - aim) and trigger - back > 10**10)
    portfolio = _two(aim, trigger, value)
    moved = portfolio.positions[0].balance.raw - value * (aim + back) // ONE
    changes = tuple(Amount(p.balance.token, raw) for p, raw in zip(portfolio.positions, (-moved, moved), strict=True))
    volatilities = tuple(Volatility(p.balance.token, per_year) for p in portfolio.positions)
    policy = replace(POLICY, tracking=Tracking(penalty, volatilities, named=True))
    paid = Cost(Usd(moved), None, None, Usd(moved * cost // ONE), Usd(value * gas // ONE))
    assert judged(policy, portfolio, changes, paid) is None


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=4), st.integers(-(10**5), 10**5))
def test_saved_down__of_any_wallet__is_never_more_than_the_exact_figure(held: list[int], dollars: int) -> None:
    assume(sum(held) > 0)
    portfolio = portfolio_in(snapshot_with(*held))
    changes = (Amount(WETH, -worth(WETH, dollars).raw), Amount(USDC, worth(USDC, dollars).raw))
    saved = saved_down(NAMED, portfolio, changes)
    after = {p.balance.token: Fraction(p.price.value_down(p.balance.raw), ONE) for p in portfolio.positions}
    after[WETH], after[USDC] = max(after[WETH] - dollars, Fraction(0)), max(after[USDC] + dollars, Fraction(0))
    whole, exact = sum(after.values()), Fraction(0)
    assume(whole > 0)
    for position in portfolio.positions:
        x, y = Fraction(position.drift, ONE), after[position.balance.token] / whole - Fraction(position.target, ONE)
        s = Fraction(deviation_of(position.target, share(60)), ONE)
        exact += (x**2 - y**2) * min(x**2 / s**2, 1)
    exact *= Fraction(NAMED.tracking.penalty, ONE) * Fraction(portfolio.value, ONE)
    # Weights are cut at 1e-18, so that a square may be off by as much.
    slack = Fraction(portfolio.value, ONE) * Fraction(10, 10**18) + Fraction(1, 10**6)
    assert saved is not None and Fraction(saved, ONE) <= exact + slack
    assert Fraction(saved, ONE) >= exact - slack
