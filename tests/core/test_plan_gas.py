"""Gas that no trade can bear: told before any route is looked for, and never where a route would have paid."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_market import (
    GWEI,
    LIMITS,
    LINK,
    POLICY,
    POOLS,
    USDC,
    WBTC,
    WETH,
    off_pool,
    portfolio_in,
    snapshot_with,
    usd,
    v3_pool,
)

from rebalancer.core.bands import desired_weights
from rebalancer.core.cost import fees_for, gas_price_now
from rebalancer.core.fitting import Fitted, fitted
from rebalancer.core.model import Hold, Snapshot
from rebalancer.core.plan import SAFE_HOPS, freedom_of, make_plan
from rebalancer.core.plan_limits import Task
from rebalancer.core.waiting import why_too_dear
from rebalancer.market.joint import Holding, JointRoutes, joint_routes
from rebalancer.market.routing import MoreTicks
from rebalancer.units import BPS, ONE, Bps, Wei, Weight


def at_gas(snapshot: Snapshot, gwei: int) -> Snapshot:
    return replace(snapshot, block=replace(snapshot.block, base_fee=Wei(gwei * GWEI)))


def task_of(snapshot: Snapshot, max_cost: Bps) -> Task:
    portfolio, limits = (
        portfolio_in(snapshot),
        replace(LIMITS, max_cost=max_cost, min_trade=usd(2), max_slippage=Bps(5_000)),
    )
    policy = replace(POLICY, limits=limits)
    return Task(policy, portfolio, snapshot, fees_for(snapshot.block, limits), desired_weights(policy, portfolio), None)


def test_make_plan__one_swap_costs_more_than_any_trade_may__holds_before_it_looks_for_a_route() -> None:
    # Nothing is known around the price: whoever looks for a route asks for ticks first, as it does where gas is cheap.
    blind = tuple(
        replace(v3_pool(token, WETH, 100, 200_000), ticks=(), word_low=1, word_high=0) for token in (WBTC, LINK)
    )
    small, plans = replace(snapshot_with(600, 400, 0, 0), pools=blind), []
    for gwei in (1, 90):
        snapshot = at_gas(small, gwei)
        plans.append(make_plan(POLICY, portfolio_in(snapshot), snapshot, fees_for(snapshot.block, LIMITS)))
    cheap, dear = plans
    assert isinstance(cheap, MoreTicks)
    assert isinstance(dear, Hold)
    # 120,000 units at 91 gwei and 2,000 dollars; WETH is over by 300, and WBTC, which lacks the most, under by 200.
    assert dear.reason == (
        "not worth it: the largest trade would be of 200.00 USD, and one swap alone costs 21.84 USD of gas; max_cost "
        "allows 150 bps"
    )


def too_dear(task: Task, fit: Fitted) -> bool:
    """Whether gas alone is above max_cost of all that is traded, so that nothing is sent."""
    snapshot, units = task.snapshot, sum(quote.gas for quote in fit.routes)
    gas = snapshot.native.value_down(Wei(units * gas_price_now(snapshot.block, task.fees)))
    return gas > sum(trade.value for trade in fit.trades) * task.policy.limits.max_cost // BPS


@settings(max_examples=40, deadline=None)
@given(
    dollars=st.tuples(*[st.integers(0, 800)] * 4),
    gwei=st.integers(20, 98),
    off=st.sampled_from((-90, 0, 90)),
    deep=st.sampled_from((2_000_000, 20_000)),
    max_cost=st.sampled_from((Bps(50), Bps(500), Bps(5_000), Bps(10_000))),
)
def test_why_too_dear__where_it_says_so__what_the_best_routes_would_trade_is_nothing_or_costs_too_much(
    dollars: tuple[int, int, int, int], gwei: int, off: int, deep: int, max_cost: Bps
) -> None:
    pools = (off_pool(off), *POOLS[1:3], v3_pool(LINK, WETH, 3_000, deep), v3_pool(LINK, USDC, 500, 9_000))
    assume(sum(dollars) > 0)
    scale = 1 if max_cost < 5_000 else 50
    snapshot = at_gas(snapshot_with(*(held // scale for held in dollars), pools=pools), gwei)
    task = task_of(snapshot, max_cost)
    assume(task.portfolio.value > 0 and why_too_dear(task, SAFE_HOPS) is not None)
    movers = [p for p in task.portfolio.positions if task.desired[p.balance.token.address] != p.weight]
    freedom = freedom_of(task.policy, snapshot, task.fees, [p.balance.token for p in movers])
    whole = sum(task.desired[p.balance.token.address] for p in movers)
    shares = [task.desired[p.balance.token.address] * ONE // whole for p in movers]
    shares[0] += ONE - sum(shares)
    wanted = [Holding(p.balance, p.price, Weight(share)) for p, share in zip(movers, shares, strict=True)]
    found = joint_routes(pools, wanted, freedom)
    if isinstance(found, JointRoutes):
        fit = fitted(task, found.routes)
        assert isinstance(fit, Fitted) and (not fit.trades or too_dear(task, fit))
