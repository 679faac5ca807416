"""What holds for every plan, whatever the wallet, the targets, the limits and the depth of the pools."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_market import (
    ASSETS,
    FEES,
    LIMITS,
    LINK,
    OPERATOR,
    POLICY,
    USDC,
    WBTC,
    WETH,
    after,
    batch_of,
    portfolio_in,
    simulated,
    snapshot_with,
    usd,
    v2_pool,
    v3_pool,
)

from rebalancer.core.bands import desired_weights, outside
from rebalancer.core.cost import cost_of_changes, cost_of_quotes, gas_price_now
from rebalancer.core.floors import floor_of
from rebalancer.core.guard import guard_account, guard_batch, guard_simulation, guard_snapshot
from rebalancer.core.model import (
    Back,
    Calendar,
    Contributions,
    Drawn,
    Hold,
    Plan,
    Policy,
    Portfolio,
    Snapshot,
    Target,
    Threshold,
    Trigger,
    Width,
)
from rebalancer.core.model.module import MOST_SWAPS
from rebalancer.core.plan import make_plan
from rebalancer.units import ONE, Bps, Token, Weight, bps_of_down

EXAMPLES = 25
"""Of each property. Every one is a search over all pools, and twelve properties look at different ones."""


@dataclass(frozen=True, slots=True)
class Case:
    policy: Policy
    targets: tuple[Target, ...]
    snapshot: Snapshot
    portfolio: Portfolio
    plan: Plan


@st.composite
def markets(draw: st.DrawFn) -> Snapshot:
    """A wallet of up to 40 million dollars, over pools from thin to deep, up to half a percent off the oracle."""
    depth = st.integers(10_000, 500_000_000)
    off = st.integers(-50, 50)
    pools = (
        v3_pool(USDC, WETH, 500, draw(depth), draw(off)),
        v3_pool(WBTC, WETH, 3_000, draw(depth), draw(off)),
        v3_pool(LINK, WETH, 3_000, draw(depth), draw(off)),
        v2_pool(USDC, WETH, draw(depth)),
        v2_pool(USDC, WBTC, draw(depth)),
    )
    held = draw(st.lists(st.integers(0, 10**7), min_size=4, max_size=4))
    return snapshot_with(*held, pools=pools)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any trigger that has bands or none, any return point, any use of cash, limits from none to tight; some wait."""
    widths = tuple(
        Width(token, Weight(draw(st.integers(0, ONE // 10))), draw(st.none() | st.integers(0, ONE).map(Weight)))
        for token in ASSETS
    )
    limits = replace(
        LIMITS,
        min_trade=usd(draw(st.sampled_from([0, 1, 50, 5_000]))),
        max_trade=Bps(draw(st.integers(100, 10_000))),
        max_slippage=Bps(draw(st.integers(30, 300))),
        max_impact=Bps(draw(st.sampled_from([1, 20, 300]))),
    )
    triggers: list[Trigger] = [Calendar(1), Threshold(Drawn(widths, draw(st.sampled_from(Back))))]
    cash = draw(st.sampled_from([None, USDC, LINK]))
    may_wait = [token.address for token in ASSETS if token != cash]
    return replace(
        POLICY,
        trigger=draw(st.sampled_from(triggers)),
        contributions=draw(st.sampled_from(Contributions)),
        cash=cash,
        limits=limits,
        waits=draw(st.frozensets(st.sampled_from(may_wait), max_size=2)),
    )


@st.composite
def weights(draw: st.DrawFn) -> tuple[Target, ...]:
    """Targets of any shape, zeros among them, summing to ONE."""
    parts = draw(st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any))
    shares = [part * ONE // sum(parts) for part in parts]
    shares[parts.index(max(parts))] += ONE - sum(shares)
    return tuple(Target(token, Weight(part)) for token, part in zip(ASSETS, shares, strict=True))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    snapshot, policy, targets = draw(markets()), draw(policies()), draw(weights())
    portfolio = portfolio_in(snapshot, targets)
    plan = make_plan(policy, portfolio, snapshot, FEES)
    assume(not isinstance(plan, Hold))
    assert isinstance(plan, Plan), "all words are known, so no ticks can be missing"
    return Case(policy, targets, snapshot, portfolio, plan)


def drift_of(case: Case) -> dict[str, int]:
    return {p.balance.token.symbol: p.drift for p in case.portfolio.positions}


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__sells_only_what_is_over_and_buys_only_what_is_under(case: Case) -> None:
    drift = drift_of(case)
    assert all(drift[t.sell.token.symbol] > 0 for t in case.plan.trades)
    assert all(drift[t.buy.symbol] < 0 for t in case.plan.trades)


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__sells_no_more_than_there_is_and_no_route_twice(case: Case) -> None:
    for position in case.portfolio.positions:
        sold = sum(t.sell.raw for t in case.plan.trades if t.sell.token == position.balance.token)
        assert sold <= position.balance.raw
    routes = [tuple(hop.pool.address for hop in found.route.hops) for found in case.plan.routes]
    assert len(set(routes)) == len(routes) == len(case.plan.trades) <= MOST_SWAPS


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__keeps_each_trade_between_the_smallest_and_the_largest(case: Case) -> None:
    most = bps_of_down(case.portfolio.value, case.policy.limits.max_trade)
    assert all(t.value >= max(case.policy.limits.min_trade, 1) for t in case.plan.trades)
    moved: Counter[tuple[Token, Token]] = Counter()
    for trade in case.plan.trades:
        moved[trade.sell.token, trade.buy] += trade.value
    assert max(moved.values()) <= most


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__rounds_values_down_and_floors_up(case: Case) -> None:
    for trade in case.plan.trades:
        sold, bought = case.snapshot.price(trade.sell.token), case.snapshot.price(trade.buy)
        unit_s, unit_b = 10**trade.sell.token.decimals, 10**trade.buy.decimals
        assert 0 <= trade.sell.raw * sold.usd - trade.value * unit_s < unit_s
        keep = 10_000 - case.policy.limits.max_slippage
        floor = floor_of(trade.sell, sold, bought, case.policy.limits.max_slippage).raw
        # floor * price >= value * keep, in integers over a common denominator, and a unit less would not be.
        worth = trade.sell.raw * sold.usd * keep * unit_b
        assert floor * bought.usd * 10_000 * unit_s >= worth
        spare = (floor - 1) * bought.usd * 10_000 * unit_s
        assert spare <= worth + 2 * 10_000 * unit_s * unit_b


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__has_the_higher_of_both_floors_and_quotes_that_reach_it(case: Case) -> None:
    keep = 10_000 - case.policy.limits.max_slippage
    for quote in batch_of(case.plan, case.snapshot, case.policy).quotes:
        sold, bought = case.snapshot.price(quote.trade.sell.token), case.snapshot.price(quote.trade.buy)
        oracle = floor_of(quote.trade.sell, sold, bought, case.policy.limits.max_slippage).raw
        assert quote.trade.floor.raw == max(oracle, -(-quote.expected.raw * keep // 10_000)) <= quote.expected.raw


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__under_bands__touches_a_weight_outside_its_own(case: Case) -> None:
    if isinstance(case.policy.trigger, Calendar):
        return
    out = {p.balance.token for p in outside(case.policy, case.portfolio)}
    assert out & {token for trade in case.plan.trades for token in (trade.sell.token, trade.buy)}


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__that_leaves_a_weight_outside__touches_none_but_those_and_their_partners(case: Case) -> None:
    end = portfolio_in(after(case.snapshot, simulated(batch_of(case.plan, case.snapshot, case.policy))), case.targets)
    if isinstance(case.policy.trigger, Calendar) or not outside(case.policy, end):
        return
    out = {p.balance.token for p in outside(case.policy, case.portfolio)}
    assert all(out & {trade.sell.token, trade.buy} for trade in case.plan.trades)


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__at_its_quotes__brings_no_traded_weight_further_off_and_all_together_nearer(case: Case) -> None:
    batch = batch_of(case.plan, case.snapshot, case.policy)
    end = portfolio_in(after(case.snapshot, simulated(batch)), case.targets)
    traded = {t.sell.token for t in case.plan.trades} | {t.buy for t in case.plan.trades}
    # A cost shrinks the whole, and with it moves every weight by up to its share of the portfolio.
    cost = abs(case.portfolio.value - end.value) * ONE // end.value + 4
    for old, new in zip(case.portfolio.positions, end.positions, strict=True):
        assert abs(new.drift) <= abs(old.drift) + cost, old.balance.token
        assert old.balance.token in traded or new.balance == old.balance
    assert sum(abs(p.drift) for p in end.positions) < sum(abs(p.drift) for p in case.portfolio.positions)


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__passes_the_guards_but_for_cost(case: Case) -> None:
    batch = batch_of(case.plan, case.snapshot, case.policy)
    simulation = simulated(batch)
    quoted = cost_of_quotes(batch.quotes, case.snapshot, FEES)
    gas = (simulation.gas, gas_price_now(case.snapshot.block, FEES))
    cost = cost_of_changes(simulation.changes, case.snapshot.prices, gas, case.snapshot.native, quoted)
    breaches = (
        *guard_snapshot(case.policy, case.snapshot),
        *guard_account(case.policy, case.snapshot, OPERATOR),
        *guard_batch(case.policy, case.portfolio, case.snapshot, batch),
        *guard_simulation(case.policy, (case.snapshot, case.portfolio), batch, simulation, cost),
    )
    assert [b for b in breaches if b.rule != "max_cost"] == []


@given(cases())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__costs_in_parts__that_are_not_negative(case: Case) -> None:
    batch = batch_of(case.plan, case.snapshot, case.policy)
    cost = cost_of_quotes(batch.quotes, case.snapshot, FEES)
    assert cost.fee > 0 and cost.impact >= 0 and cost.gas > 0
    assert cost.traded == case.plan.value
    # Half a percent off the oracle is the most that a pool of these markets pays on top, on each of two hops.
    assert cost.shortfall >= cost.fee + cost.impact - 2 * cost.traded // 100


@st.composite
def exits(draw: st.DrawFn) -> Case:
    """LINK is to go, over pools that are deep enough for all of it."""
    held = [draw(st.integers(0, 200_000)) for _ in range(3)]
    snapshot = snapshot_with(*held, draw(st.integers(6_000, 200_000)))
    parts = [draw(st.integers(1, 100)) for _ in range(3)]
    shares = [part * ONE // sum(parts) for part in parts]
    shares[0] += ONE - sum(shares)
    targets = tuple(Target(token, Weight(part)) for token, part in zip(ASSETS, (*shares, 0), strict=True))
    least = usd(draw(st.sampled_from([1, 50, 2_000])))
    limits = replace(LIMITS, min_trade=least, max_trade=Bps(10_000), max_slippage=Bps(500), max_impact=Bps(10_000))
    policy = replace(POLICY, limits=limits, cash=draw(st.sampled_from([None, USDC])))
    portfolio = portfolio_in(snapshot, targets)
    plan = make_plan(policy, portfolio, snapshot, FEES)
    assume(isinstance(plan, Plan))
    assert isinstance(plan, Plan)
    return Case(policy, targets, snapshot, portfolio, plan)


@given(exits())
@settings(deadline=None, max_examples=EXAMPLES)
def test_every_plan__of_a_whole_exit__leaves_nothing_or_enough_for_a_trade(case: Case) -> None:
    left = case.portfolio.positions[3].balance.raw
    left -= sum(t.sell.raw for t in case.plan.trades if t.sell.token == LINK)
    assert left == 0 or case.portfolio.positions[3].price.value_up(left) >= case.policy.limits.min_trade > 0


@given(markets(), policies(), weights())
def test_desired_weights__of_any_portfolio__lie_between_weight_and_target_and_even_out(
    snapshot: Snapshot, policy: Policy, targets: tuple[Target, ...]
) -> None:
    portfolio = portfolio_in(snapshot, targets)
    desired = desired_weights(policy, portfolio)
    for p in portfolio.positions:
        low, high = sorted((p.weight, p.target))
        assert low <= desired[p.balance.token.address] <= high
    short = ONE - sum(p.weight for p in portfolio.positions)
    assert 0 <= ONE - sum(desired.values()) <= max(short, len(ASSETS))
