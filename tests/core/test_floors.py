"""Floors: by the oracle, by the route that was planned, and what arrives exactly at one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import (
    FEES,
    LIMITS,
    LINK,
    OVER_IN_WETH,
    POLICY,
    POOLS,
    USDC,
    WETH,
    batch_of,
    off_pool,
    planned,
    portfolio_in,
    quote_of,
    snapshot_with,
    usd,
    worth,
)

from rebalancer.core.floors import floor_of, raised
from rebalancer.core.guard import guard_batch
from rebalancer.core.model import Plan
from rebalancer.core.plan import make_plan
from rebalancer.units import ONE, Amount, Bps, Price, Usd


def test_floor_of__a_value_between_two_units__is_rounded_up() -> None:
    sell = Amount(WETH, 1)
    sold, bought = Price(WETH, usd(2_000), 0), Price(USDC, usd(1), 0)
    assert floor_of(sell, sold, bought, Bps(100)) == Amount(USDC, 1)


def test_floor_of__a_round_trade__is_its_value_less_the_slippage() -> None:
    sell = Amount(WETH, 10**18)
    sold, bought = Price(WETH, usd(2_000), 0), Price(USDC, usd(1), 0)
    assert floor_of(sell, sold, bought, Bps(100)) == Amount(USDC, 1_980_000_000)


def test_floor_of__a_value_between_two_dollars_units__counts_the_upper_one() -> None:
    sold, bought = Price(WETH, Usd(ONE + 1), 0), Price(LINK, Usd(ONE), 0)
    assert floor_of(Amount(WETH, 1), sold, bought, Bps(0)) == Amount(LINK, 2)


@pytest.mark.parametrize(("expected", "floor"), [(10_000, 9_900), (10_001, 9_901), (9_999, 9_900), (9_000, 9_900)])
def test_raised__by_what_is_expected__is_the_higher_of_both_rounded_up(expected: int, floor: int) -> None:
    assert raised(Amount(USDC, 9_900), expected, Bps(100)) == Amount(USDC, floor)


def test_make_plan__pools_that_pay_more_than_the_oracle__leave_no_more_than_the_slippage_to_a_sandwich() -> None:
    generous = replace(OVER_IN_WETH, pools=(off_pool(200),))
    policy = replace(POLICY, limits=replace(LIMITS, max_pool_gap=Bps(300)))
    plan = planned(generous, policy)
    batch = batch_of(plan, generous, policy)
    for quote in batch.quotes:
        assert quote.trade.floor.raw == -(-quote.expected.raw * 9_900 // 10_000)
        oracle = floor_of(quote.trade.sell, generous.price(WETH), generous.price(USDC), LIMITS.max_slippage)
        assert quote.trade.floor.raw > oracle.raw * 101 // 100
    portfolio = portfolio_in(generous)
    assert guard_batch(policy, portfolio, generous, batch) == ()
    at_floor = tuple(replace(q, expected=q.trade.floor, route=None) for q in batch.quotes)
    assert guard_batch(policy, portfolio, generous, replace(batch, quotes=at_floor)) == ()


# All in WETH, of which one trade may sell 3,000 dollars, neither more nor less: what arrives does not hang on the
# price of USDC, so that this can be set to have the oracle's floor meet it to the unit.
EXACT = replace(POLICY, limits=replace(LIMITS, min_trade=usd(3_000), max_trade=Bps(300)))
ALL_IN_WETH = replace(snapshot_with(100_000, 0, 0, 0), pools=POOLS[:1])


@pytest.mark.parametrize(("short", "planned_at_all"), [(0, True), (1, False)])
def test_make_plan__what_arrives_is_the_floor_or_a_unit_less__is_planned_or_refused(
    short: int, planned_at_all: bool
) -> None:
    arrives = quote_of(planned(ALL_IN_WETH, EXACT).trades[0], ALL_IN_WETH).expected.raw
    least = usd(2_970) * 10**6
    price = Usd(-(-least // arrives) - short)
    prices = tuple(replace(p, usd=price) if p.token == USDC else p for p in ALL_IN_WETH.prices)
    snapshot = replace(ALL_IN_WETH, prices=prices)
    floor = floor_of(worth(WETH, 3_000), snapshot.price(WETH), snapshot.price(USDC), LIMITS.max_slippage)
    assert floor.raw == arrives + short
    answer = make_plan(EXACT, portfolio_in(snapshot), snapshot, FEES)
    assert isinstance(answer, Plan) == planned_at_all
    if isinstance(answer, Plan):
        assert answer.trades[0].floor == floor
