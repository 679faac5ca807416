"""Every guard on both sides of its edge: a good batch passes all of them, and each change trips its own rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from small_market import (
    ATTACKER,
    BLOCK,
    FEES,
    GWEI,
    LINK,
    OPERATOR,
    OWNER,
    POLICY,
    POOLS,
    ROUTER,
    USDC,
    WBTC,
    WETH,
    batch_of,
    planned,
    portfolio_in,
    simulated,
    snapshot_with,
    usd,
    v2_pool,
    v3_pool,
)

from rebalancer.core.cost import cost_of_changes, cost_of_quotes, gas_price_now
from rebalancer.core.guard import guard_account, guard_simulation, guard_snapshot
from rebalancer.core.model import Allowance, Batch, Breach, Cost, Limits, Policy, Reverted, Simulated
from rebalancer.market.pools import Pool
from rebalancer.units import ONE, Address, Amount, Token, Usd, Wei

SNAPSHOT = snapshot_with(40_000, 40_000, 15_000, 5_000)
SEEN = (SNAPSHOT, portfolio_in(SNAPSHOT))
BATCH = batch_of(planned(SNAPSHOT), SNAPSHOT)
SIMULATION = simulated(BATCH)
COST = cost_of_changes(
    SIMULATION.changes,
    SNAPSHOT.prices,
    (SIMULATION.gas, gas_price_now(BLOCK, FEES)),
    SNAPSHOT.native,
    cost_of_quotes(BATCH.quotes, SNAPSHOT, FEES),
)
FIRST, SECOND = BATCH.quotes
"""WETH for LINK, and WETH for WBTC."""


def rules(breaches: tuple[Breach, ...]) -> set[str]:
    return {breach.rule for breach in breaches}


def with_limits(limits: Limits) -> Policy:
    return replace(POLICY, limits=limits)


# ---------------------------------------------------------------- the snapshot


@pytest.mark.parametrize(("off", "breached"), [(99, False), (-98, False), (101, True), (-101, True)])
def test_guard_snapshot__a_pool_around_the_limit__is_named_beyond_it(off: int, breached: bool) -> None:
    pool = v3_pool(USDC, WETH, 500, 1_000_000, off)
    breaches = guard_snapshot(POLICY, replace(SNAPSHOT, pools=(*POOLS, pool)))
    assert rules(breaches) == ({"max_pool_gap"} if breached else set())
    if breached:
        assert pool.address in breaches[0].observed and "USDC/WETH" in breaches[0].observed
        assert breaches[0].allowed == "100 bps"


def test_guard_snapshot__an_exact_gap_in_a_v2_pair__is_allowed_and_a_unit_more_is_not() -> None:
    pair = v2_pool(USDC, WETH, 10_000_000)
    at_limit = replace(pair, reserve0=pair.reserve0 * 101 // 100)
    assert guard_snapshot(POLICY, replace(SNAPSHOT, pools=(at_limit,))) == ()
    beyond = replace(at_limit, reserve0=at_limit.reserve0 + 1)
    assert rules(guard_snapshot(POLICY, replace(SNAPSHOT, pools=(beyond,)))) == {"max_pool_gap"}


def test_guard_snapshot__several_pools_off__reports_each() -> None:
    pools = (v3_pool(USDC, WETH, 500, 1_000_000, 200), *POOLS, v3_pool(WBTC, WETH, 500, 1_000_000, -300))
    assert len(guard_snapshot(POLICY, replace(SNAPSHOT, pools=pools))) == 2


@pytest.mark.parametrize(
    "pool",
    [
        replace(v2_pool(USDC, WETH, 1), reserve0=0, reserve1=0),
        replace(v3_pool(USDC, WETH, 500, 1_000, off_bps=400), sqrt_price_x96=0),
        replace(v3_pool(USDC, WETH, 500, 1_000, off_bps=400), liquidity=0, ticks=()),
    ],
    ids=["empty pair", "never initialised", "nobody in range, price moved for gas only"],
)
def test_guard_snapshot__a_pool_without_a_price__has_none_to_be_wrong(pool: Pool) -> None:
    assert guard_snapshot(POLICY, replace(SNAPSHOT, pools=(*POOLS, pool))) == ()


# ---------------------------------------------------------------- the account


def test_guard_account__a_good_one__passes() -> None:
    assert guard_account(POLICY, SNAPSHOT, OPERATOR) == ()


@pytest.mark.parametrize("threshold", [0, 2])
def test_guard_account__another_threshold__is_a_breach(threshold: int) -> None:
    wallet = replace(SNAPSHOT.wallet, threshold=threshold)
    breaches = guard_account(POLICY, replace(SNAPSHOT, wallet=wallet), OPERATOR)
    assert breaches == (Breach("safe_threshold", f"the Safe asks for {threshold} signatures", "1 signature"),)


def test_guard_account__an_operator_who_is_no_owner__is_a_breach() -> None:
    breaches = guard_account(POLICY, SNAPSHOT, ATTACKER)
    assert rules(breaches) == {"safe_owner"}
    assert ATTACKER in breaches[0].observed and OWNER in breaches[0].allowed


@pytest.mark.parametrize(("balance", "breached"), [(ONE // 20, False), (ONE // 20 - 1, True)])
def test_guard_account__the_operators_balance__is_judged_at_its_edge(balance: int, breached: bool) -> None:
    breaches = guard_account(POLICY, replace(SNAPSHOT, operator_balance=Wei(balance)), OPERATOR)
    assert rules(breaches) == ({"min_operator_balance"} if breached else set())


@pytest.mark.parametrize(("base", "breached"), [(99 * GWEI, False), (99 * GWEI + 1, True)])
def test_guard_account__the_gas_price__counts_the_whole_tip(base: int, breached: bool) -> None:
    breaches = guard_account(POLICY, replace(SNAPSHOT, block=replace(BLOCK, base_fee=Wei(base))), OPERATOR)
    assert rules(breaches) == ({"max_gas_price"} if breached else set())


def test_guard_account__everything_wrong__reports_everything() -> None:
    wallet = replace(SNAPSHOT.wallet, threshold=2, owners=())
    block = replace(BLOCK, base_fee=Wei(500 * GWEI))
    snapshot = replace(SNAPSHOT, wallet=wallet, block=block, operator_balance=Wei(0))
    expected = {"safe_threshold", "safe_owner", "min_operator_balance", "max_gas_price"}
    assert rules(guard_account(POLICY, snapshot, OPERATOR)) == expected


# ---------------------------------------------------------------- the simulation


def simulated_as(simulation: Simulated | Reverted, cost: Cost = COST, batch: Batch = BATCH) -> set[str]:
    return rules(guard_simulation(POLICY, SEEN, batch, simulation, cost))


def changed(token: Token, change: Callable[[int], int]) -> Simulated:
    """The honest simulation with another change of one token."""
    changes = tuple(Amount(token, change(c.raw)) if c.token == token else c for c in SIMULATION.changes)
    return replace(SIMULATION, changes=changes)


def floors_of(token: Token) -> int:
    return sum(q.trade.floor.raw for q in BATCH.quotes if q.trade.buy == token)


def test_guard_simulation__the_good_batch__passes() -> None:
    assert guard_simulation(POLICY, SEEN, BATCH, SIMULATION, COST) == ()


def test_guard_simulation__reverted__is_a_breach_with_the_reason() -> None:
    breaches = guard_simulation(POLICY, SEEN, BATCH, Reverted("Too little received"), COST)
    assert breaches == (Breach("simulation", "Too little received", "a batch that executes"),)


def test_guard_simulation__a_unit_more_sold__is_a_breach() -> None:
    assert simulated_as(changed(WETH, lambda raw: raw - 1)) == {"sold_at_most"}
    assert simulated_as(changed(WETH, lambda raw: raw + 1)) == set()


@pytest.mark.parametrize("token", [LINK, WBTC])
def test_guard_simulation__bought_at_the_floor__passes_and_a_unit_less_is_a_breach(token: Token) -> None:
    assert simulated_as(changed(token, lambda _: floors_of(token))) == set()
    assert simulated_as(changed(token, lambda _: floors_of(token) - 1)) == {"bought_at_least"}


def test_guard_simulation__a_bought_token_that_was_not_measured__is_a_breach() -> None:
    changes = tuple(c for c in SIMULATION.changes if c.token != LINK)
    assert "bought_at_least" in simulated_as(replace(SIMULATION, changes=changes))


def test_guard_simulation__another_token_a_unit_lower__is_a_breach() -> None:
    breaches = guard_simulation(POLICY, SEEN, BATCH, changed(USDC, lambda _: -1), COST)
    assert breaches == (Breach("others_not_lower", "the wallet loses 0.000001 USDC", "none: it is not sold"),)
    assert simulated_as(changed(USDC, lambda _: 1)) == set()


def test_guard_simulation__a_unit_of_allowance_left__is_a_breach() -> None:
    left = (Allowance(ROUTER, Amount(WETH, 1)),)
    assert simulated_as(replace(SIMULATION, allowances=left)) == {"no_allowance_left"}


@pytest.mark.parametrize("spender", [None, ATTACKER])
def test_guard_simulation__an_allowance_that_was_not_measured__is_a_breach(spender: Address | None) -> None:
    seen = () if spender is None else (Allowance(spender, Amount(WETH, 0)),)
    assert simulated_as(replace(SIMULATION, allowances=seen)) == {"no_allowance_left"}


def test_guard_simulation__the_cost__is_judged_at_its_edge() -> None:
    at_limit = Cost(usd(10_000), Usd(0), Usd(0), usd(100), usd(50))
    assert simulated_as(SIMULATION, at_limit) == set()
    assert simulated_as(SIMULATION, replace(at_limit, gas=Usd(usd(50) + 1))) == {"max_cost"}


def test_guard_simulation__drift_that_does_not_fall__is_a_breach() -> None:
    still = replace(SIMULATION, changes=tuple(Amount(c.token, 0) for c in SIMULATION.changes))
    assert simulated_as(still) == {"bought_at_least", "drift_falls"}


def test_guard_simulation__drift_that_rises__says_from_what_to_what() -> None:
    breaches = guard_simulation(POLICY, SEEN, BATCH, changed(WETH, lambda _: 10**19), COST)
    drift = next(b for b in breaches if b.rule == "drift_falls")
    assert drift.allowed == "below 20 %"


def test_guard_simulation__nothing_left_of_the_wallet__is_a_breach() -> None:
    gone = tuple(Amount(b.token, -b.raw) for b in SNAPSHOT.balances)
    seen = simulated_as(replace(SIMULATION, changes=gone))
    assert seen == {"sold_at_most", "bought_at_least", "others_not_lower", "drift_falls"}
