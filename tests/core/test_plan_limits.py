"""The plan and its limits: what is cut, what is left out, and why nothing is traded."""

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
    WBTC,
    WETH,
    after,
    batch_of,
    hold_of,
    off_pool,
    planned,
    portfolio_in,
    share,
    simulated,
    snapshot_with,
    usd,
    v3_pool,
)

from rebalancer.core.bands import desired_weights, outside
from rebalancer.core.fitting import Fitted, fitted
from rebalancer.core.guard import guard_batch
from rebalancer.core.model import Plan, Policy, Target
from rebalancer.core.plan import make_plan
from rebalancer.core.plan_limits import Task
from rebalancer.core.room import Room
from rebalancer.market.routing import Hop, MoreTicks, Route, RouteQuote, quote_in_turn
from rebalancer.units import Bps

DRIFTED = snapshot_with(40_000, 40_000, 15_000, 5_000)


def with_max_trade(bps: int) -> Policy:
    return replace(POLICY, limits=replace(LIMITS, max_trade=Bps(bps)))


def test_make_plan__all_at_target__holds() -> None:
    assert hold_of(snapshot_with(30_000, 40_000, 20_000, 10_000)) == "every weight is where a rebalance would leave it"


def test_make_plan__everything_below_the_smallest_trade__holds_with_the_largest() -> None:
    reason = hold_of(snapshot_with(30_049, 39_966, 20_000, 9_985))
    assert "the most is 49.00 USD of WETH" in reason and "min_trade is 50.00 USD" in reason


def test_make_plan__an_empty_wallet__holds() -> None:
    assert "nothing of value" in hold_of(snapshot_with(0, 0, 0, 0))


def test_make_plan__a_largest_trade_below_the_smallest__holds_and_says_so() -> None:
    reason = hold_of(DRIFTED, with_max_trade(4))
    assert "max_trade allows 40.00 USD" in reason and "min_trade asks for 50.00 USD" in reason


def test_make_plan__max_trade__cuts_every_trade() -> None:
    plan = planned(DRIFTED, with_max_trade(300))
    assert all(usd(2_999) < trade.value <= usd(3_000) for trade in plan.trades) and len(plan.trades) == 2


def test_make_plan__pools_too_thin_for_any_of_a_pair__leaves_it_out_with_the_reason() -> None:
    plan = planned(replace(DRIFTED, pools=(*POOLS[:3], v3_pool(LINK, WETH, 3_000, 5_000))))
    assert [(t.sell.token, t.buy) for t in plan.trades] == [(WETH, WBTC)]
    assert len(plan.left_out) == 1
    assert "2.5 WETH for LINK would bring" in plan.left_out[0] and "its floor is" in plan.left_out[0]
    assert plan.left_out[0].endswith("; left out")


def test_make_plan__pools_too_thin_for_so_much_of_a_pair__cuts_it_and_says_so() -> None:
    plan = planned(replace(DRIFTED, pools=(*POOLS[:3], v3_pool(LINK, WETH, 3_000, 200_000))))
    part = {trade.buy: trade.value for trade in plan.trades}
    assert set(part) == {WBTC, LINK}
    assert LIMITS.min_trade <= part[LINK] < usd(2_500)
    assert len(plan.left_out) == 1
    assert "WETH for LINK would" in plan.left_out[0] and "the pools are too thin" in plan.left_out[0]


def test_make_plan__own_size_moves_the_price_too_far__cuts_the_pair_and_says_so() -> None:
    thin = replace(DRIFTED, pools=(*POOLS[:3], v3_pool(LINK, WETH, 500, 1_000_000)))
    policy = replace(POLICY, limits=replace(LIMITS, max_impact=Bps(10), max_slippage=Bps(500)))
    plan = planned(thin, policy)
    part = {trade.buy: trade.value for trade in plan.trades}
    assert part[LINK] < usd(1_250) < part[WBTC]
    assert len(plan.left_out) == 1 and "to its own size (max_impact of 10 bps)" in plan.left_out[0]
    assert guard_batch(policy, portfolio_in(thin), thin, batch_of(plan, thin, policy)) == ()


def test_fitted__two_routes_that_move_one_pool_too_far_together__are_cut_alike_and_say_so() -> None:
    pool = v3_pool(LINK, WETH, 500, 1_000_000)
    snapshot = replace(DRIFTED, pools=(*POOLS[:3], pool))
    policy = replace(POLICY, limits=replace(LIMITS, max_impact=Bps(2), min_trade=usd(0)))
    portfolio = portfolio_in(snapshot)
    task = Task(policy, portfolio, snapshot, FEES, desired_weights(policy, portfolio), None)
    sale = Route((Hop(pool, WETH, LINK),)), 25 * 10**16
    quotes = quote_in_turn(snapshot.pools, [sale, sale])
    assert not isinstance(quotes, MoreTicks)
    fit = fitted(task, [quote for quote in quotes if isinstance(quote, RouteQuote)])
    assert isinstance(fit, Fitted) and len(fit.trades) == 2
    assert (
        fit.trades[0].sell.raw == pytest.approx(fit.trades[1].sell.raw, rel=1e-2) and fit.trades[0].sell.raw < sale[1]
    )
    assert all(
        "2 swaps of 0.5 WETH through pool" in said and "max_impact of 2 bps" in said for said in fit.reasons.values()
    )
    plan = Plan(fit.trades, fit.routes, usd(0))
    assert guard_batch(policy, portfolio, snapshot, batch_of(plan, snapshot, policy)) == ()


def test_make_plan__pools_too_thin_for_most__trades_what_they_carry_and_names_each_pair_that_waits() -> None:
    thin = (v3_pool(USDC, WETH, 500, 1_000_000), v3_pool(WBTC, WETH, 3_000, 100_000))
    plan = planned(snapshot_with(0, 1_000_000, 0, 1_000_000, pools=thin))
    assert {(t.sell.token, t.buy) for t in plan.trades} == {(USDC, WETH)}
    waiting = " | ".join(plan.left_out)
    assert "LINK for WETH: no pool" in waiting and "USDC for WBTC would bring" in waiting


def test_make_plan__cut_at_every_tick__gets_there_in_the_end() -> None:
    # The pools fill up again between two ticks, as others trade them back to the world's price.
    thin = (*POOLS[:3], v3_pool(LINK, WETH, 3_000, 400_000))
    snapshot, batches = replace(DRIFTED, pools=thin), 0
    while isinstance(answer := make_plan(POLICY, portfolio_in(snapshot), snapshot, FEES), Plan):
        assert answer.value >= LIMITS.min_trade and batches < 20
        snapshot = after(snapshot, simulated(batch_of(answer, snapshot)))
        batches += 1
    assert batches > 1, "else nothing was cut"
    assert outside(POLICY, portfolio_in(snapshot)) == ()


def test_make_plan__a_portfolio_far_beyond_its_pools__trades_what_they_carry() -> None:
    huge = snapshot_with(*(10**6 * dollars for dollars in (40_000, 40_000, 15_000, 5_000)))
    plan = planned(huge)
    assert guard_batch(POLICY, portfolio_in(huge), huge, batch_of(plan, huge)) == ()
    assert plan.trades and plan.left_out


def test_make_plan__pools_too_thin_for_all__holds_with_the_reasons() -> None:
    thin = (v3_pool(WBTC, WETH, 500, 5_000), v3_pool(LINK, WETH, 3_000, 5_000))
    reason = hold_of(replace(DRIFTED, pools=thin))
    assert reason.startswith("no trade can be made: ")
    assert "WETH for LINK" in reason and "WETH for WBTC" in reason


def test_make_plan__no_pool_for_a_token__holds_with_the_pair() -> None:
    reason = hold_of(replace(snapshot_with(40_000, 40_000, 20_000, 0), pools=POOLS[:3]))
    assert "WETH for LINK: no pool" in reason


def test_make_plan__a_pair_without_pools__is_paired_otherwise() -> None:
    # Only USDC trades with WBTC, and only WETH with LINK: the largest cannot meet the largest.
    pools = (v3_pool(WBTC, USDC, 3_000, 50_000_000), v3_pool(LINK, WETH, 3_000, 50_000_000))
    plan = planned(replace(snapshot_with(37_000, 45_000, 15_000, 3_000), pools=pools))
    assert [(t.sell.token, t.buy) for t in plan.trades] == [(WETH, LINK), (USDC, WBTC)]


def test_make_plan__pools_off_the_oracle_against_us__are_refused_by_the_floor() -> None:
    assert "off the oracle" in hold_of(replace(OVER_IN_WETH, pools=(off_pool(-150),)))


def test_make_plan__exit__sells_the_balance_to_the_last_unit() -> None:
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    plan = planned(snapshot_with(33_333, 33_333, 23_334, 10_000), targets=targets)
    held = snapshot_with(33_333, 33_333, 23_334, 10_000).balance(LINK).raw
    assert sum(t.sell.raw for t in plan.trades if t.sell.token == LINK) == held


# ---------------------------------------------------------------- room


def with_room(dollars: int) -> Plan | str:
    answer = make_plan(POLICY, portfolio_in(DRIFTED), DRIFTED, FEES, Room(usd(dollars), "there is little room"))
    assert not isinstance(answer, MoreTicks)
    return answer if isinstance(answer, Plan) else answer.reason


@pytest.mark.parametrize("dollars", [50, 51, 1_000, 4_999, 5_001, 9_000, 9_999])
def test_make_plan__with_less_room_than_it_wants__fills_it_and_says_what_waits(dollars: int) -> None:
    plan = with_room(dollars)
    assert isinstance(plan, Plan)
    assert usd(dollars) * 98 // 100 <= plan.value <= usd(dollars)
    assert plan.left_out and all("there is little room" in words for words in plan.left_out)
    assert guard_batch(POLICY, portfolio_in(DRIFTED), DRIFTED, batch_of(plan, DRIFTED)) == ()


def test_make_plan__with_as_much_room_as_it_wants__is_as_free_as_without_a_limit() -> None:
    assert with_room(20_000) == planned(DRIFTED)


@pytest.mark.parametrize("dollars", [0, 49])
def test_make_plan__with_less_room_than_the_smallest_trade__holds_and_says_so(dollars: int) -> None:
    assert with_room(dollars) == "there is little room; min_trade is 50.00 USD"
