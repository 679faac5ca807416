"""The figures that patience rests on, and the weights around what waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_market import ASSETS, LINK, POLICY, USDC, WBTC, WETH, portfolio_in, returning, share, snapshot_with

from rebalancer.core.bands import desired_weights, outside
from rebalancer.core.model import (
    Back,
    Contributions,
    Delay,
    Patience,
    Policy,
    Portfolio,
    RiskBudget,
    Trend,
    Width,
)
from rebalancer.core.patience import assets_to_judge, trend_of
from rebalancer.units import Bps, Usd, Weight

DAY = 86_400


def test_trend_of__daily_prices__is_the_mean_and_the_highest_of_the_last_days() -> None:
    closes: list[Usd | None] = [Usd(10**6), *(Usd(number) for number in range(100, 150))]
    found = trend_of(WETH, closes, Patience(Delay(50, DAY), RiskBudget(Bps(1), 3)))
    assert found == Trend(WETH, Usd(124), Usd(149)), "124.5 down"
    longer = trend_of(WETH, closes, Patience(None, RiskBudget(Bps(1), 51)))
    assert longer == Trend(WETH, None, Usd(10**6))


@pytest.mark.parametrize(("missing", "known"), [(25, True), (26, False), (50, False)])
def test_trend_of__days_without_a_price__leaves_them_out_and_is_none_below_half(missing: int, known: bool) -> None:
    closes = [None] * missing + [Usd(7)] * (50 - missing)
    for patience in (Patience(Delay(50, DAY), None), Patience(None, RiskBudget(Bps(1), 50))):
        assert (trend_of(WETH, closes, patience) is not None) == known


def test_assets_to_judge__are_all_but_the_cash() -> None:
    assert assets_to_judge(POLICY) == (WETH, WBTC, LINK)
    assert assets_to_judge(replace(POLICY, cash=None)) == ASSETS


# ---------------------------------------------------------------- the weights


@st.composite
def around(draw: st.DrawFn) -> tuple[Policy, Portfolio]:
    """Any holdings, any that wait, any bands and return point."""
    held = draw(st.lists(st.integers(0, 10**6), min_size=4, max_size=4).filter(any))
    edges = st.none() | st.integers(0, 10**17).map(Weight)
    widths = tuple(Width(token, draw(edges), None) for token in ASSETS)
    back, cash = draw(st.sampled_from(Back)), draw(st.sampled_from([None, USDC]))
    policy = replace(returning(back, widths), cash=cash, contributions=draw(st.sampled_from(Contributions)))
    waits = draw(st.sets(st.sampled_from([token.address for token in ASSETS if token != cash])))
    return replace(policy, waits=frozenset(waits)), portfolio_in(snapshot_with(*held))


@given(around())
def test_desired_weights__around_what_waits__leave_it_pass_no_target_and_even_out(
    case: tuple[Policy, Portfolio],
) -> None:
    policy, portfolio = case
    desired = desired_weights(policy, portfolio)
    for position in portfolio.positions:
        wanted = desired[position.balance.token.address]
        if position.balance.token.address in policy.waits:
            assert wanted == position.weight
        low, high = sorted((position.weight, position.target))
        assert low <= wanted <= high
    # But for what rounding leaves: weights are rounded down, and sum to a few units below one.
    assert abs(sum(desired.values()) - sum(p.weight for p in portfolio.positions)) <= len(ASSETS)
    assert not {p.balance.token.address for p in outside(policy, portfolio)} & policy.waits


def test_desired_weights__where_the_only_buyer_waits__sell_nothing() -> None:
    policy = replace(POLICY, waits=frozenset({LINK.address}))
    portfolio = portfolio_in(snapshot_with(33_000, 42_000, 20_000, 5_000))
    desired = desired_weights(policy, portfolio)
    assert all(abs(desired[p.balance.token.address] - p.weight) <= 4 for p in portfolio.positions)


def test_desired_weights__where_half_the_buyers_wait__the_furthest_is_sold_first() -> None:
    policy = replace(POLICY, waits=frozenset({LINK.address}), cash=None)
    portfolio = portfolio_in(snapshot_with(42_000, 30_000, 23_000, 5_000))
    desired = desired_weights(policy, portfolio)
    assert desired[WETH.address] - share(32) in range(-4, 5) and desired[WBTC.address] - share(23) in range(-4, 5)
