"""Weights and drift: rounding, sums, and targets that make no sense."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_market import ASSETS, LINK, TARGETS, USDC, WBTC, WETH, portfolio_in, share, snapshot_with, usd

from rebalancer.core.drift import max_drift, portfolio_of
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Target
from rebalancer.units import ONE, Amount, Usd, Weight


def test_portfolio_of__a_plain_wallet__has_weights_and_signed_drifts() -> None:
    portfolio = portfolio_in(snapshot_with(40_000, 40_000, 15_000, 5_000))
    assert portfolio.value == usd(100_000)
    assert [p.weight for p in portfolio.positions] == [share(40), share(40), share(15), share(5)]
    assert [p.drift for p in portfolio.positions] == [share(10), 0, share(-5), share(-5)]
    assert max_drift(portfolio) == share(10)


def test_portfolio_of__targets_in_another_order__keeps_the_order_of_the_assets() -> None:
    portfolio = portfolio_of(ASSETS, TARGETS[::-1], snapshot_with(30_000, 40_000, 20_000, 10_000))
    assert [p.balance.token for p in portfolio.positions] == list(ASSETS)
    assert max_drift(portfolio) == 0


def test_portfolio_of__a_value_between_two_units__is_rounded_down() -> None:
    snapshot = snapshot_with(0, 0, 0, 0)
    odd = replace(snapshot.prices[1], usd=Usd(ONE + 1))
    snapshot = replace(snapshot, prices=(snapshot.prices[0], odd, *snapshot.prices[2:]))
    # 0.000001 USDC at 1.000000000000000001 USD is 1e12 and a millionth of a unit of value.
    snapshot = replace(snapshot, balances=(Amount(WETH, 0), Amount(USDC, 1), *snapshot.balances[2:]))
    assert portfolio_in(snapshot).positions[1].value == 10**12


def test_portfolio_of__an_empty_wallet__is_worth_nothing_and_weighs_nothing() -> None:
    portfolio = portfolio_in(snapshot_with(0, 0, 0, 0))
    assert portfolio.value == 0
    assert [p.weight for p in portfolio.positions] == [0, 0, 0, 0]
    assert max_drift(portfolio) == share(40)


def test_portfolio_of__targets_one_unit_short__is_unavailable() -> None:
    short = (*TARGETS[:3], Target(LINK, Weight(share(10) - 1)))
    with pytest.raises(Unavailable, match=f"{ONE - 1} of {ONE}"):
        portfolio_in(snapshot_with(1, 1, 1, 1), short)


def test_portfolio_of__a_target_missing__names_what_is_there_and_what_is_expected() -> None:
    targets = (Target(WETH, share(60)), Target(USDC, share(40)))
    with pytest.raises(
        Unavailable, match="targets are for WETH, USDC, expected one for each of WETH, USDC, WBTC, LINK"
    ):
        portfolio_of(ASSETS, targets, snapshot_with(1, 1, 1, 1))


def test_portfolio_of__a_negative_target__is_unavailable() -> None:
    targets = (*TARGETS[:2], Target(WBTC, share(40)), Target(LINK, share(-10)))
    with pytest.raises(Unavailable, match="negative"):
        portfolio_in(snapshot_with(1, 1, 1, 1), targets)


held = st.integers(0, 10**7)


@given(held, held, held, st.integers(1, 10**7))
def test_portfolio_of__any_wallet__weights_sum_to_just_under_one(a: int, b: int, c: int, d: int) -> None:
    portfolio = portfolio_in(snapshot_with(a, b, c, d))
    assert ONE - len(ASSETS) < sum(p.weight for p in portfolio.positions) <= ONE
    assert all(p.drift == p.weight - p.target for p in portfolio.positions)
    assert max_drift(portfolio) == max(max(p.drift, -p.drift) for p in portfolio.positions)
