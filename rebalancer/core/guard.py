"""Everything that must hold before a batch is sent: what was read or built goes in, every crossed limit comes out.

Guards return and never raise; each evaluates all of its rules. A rule is a function that carries the
name of its breach; those of a batch stand in `batch_rules`. None of them trusts the planner or a venue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from rebalancer.core import batch_rules
from rebalancer.core.cost import cost_bps, total
from rebalancer.core.drift import moved_by
from rebalancer.core.model import (
    Batch,
    Breach,
    Cost,
    ModuleWallet,
    Policy,
    Portfolio,
    Reverted,
    SafeState,
    Simulated,
    Simulation,
    Snapshot,
)
from rebalancer.core.module_books import PREFIX
from rebalancer.core.module_guard import guard_module_account, guard_module_batch, guard_module_simulation
from rebalancer.core.render import amount, bps, coin, gas_price, money, percent
from rebalancer.market.pools import Pool, token0_ratio
from rebalancer.units import BPS, Address, Amount, Usd, Wei, Weight, bps_of_down, mul_div_up

Breaches = Iterator[Breach]


def guard_snapshot(policy: Policy, snapshot: Snapshot) -> tuple[Breach, ...]:
    """Pools and oracle agree: one of them is wrong otherwise, and nobody here knows which."""
    return tuple(max_pool_gap(policy, snapshot))


def guard_account(policy: Policy, snapshot: Snapshot, operator: Address) -> tuple[Breach, ...]:
    """The wallet is the operator's to use, and he can pay for the gas."""
    return (
        *_of_wallet(snapshot, operator),
        *min_operator_balance(policy, snapshot),
        *max_gas_price(policy, snapshot),
    )


def guard_batch(policy: Policy, portfolio: Portfolio, snapshot: Snapshot, batch: Batch) -> tuple[Breach, ...]:
    """The batch is a rebalance within the limits, whoever planned and quoted it."""
    strange = tuple(batch_rules.known_assets(portfolio, batch))
    if strange:
        # Without a price and a target none of the other rules has a meaning.
        return strange
    return (
        *batch_rules.trade_value(portfolio, batch),
        *batch_rules.direction(policy, portfolio, batch),
        *batch_rules.min_trade(policy, portfolio, batch),
        *batch_rules.max_trade(policy, portfolio, batch),
        *batch_rules.max_impact(policy, batch),
        *batch_rules.max_pool_impact(policy, snapshot, batch),
        *batch_rules.max_slippage(policy, portfolio, batch),
        *batch_rules.expected_reaches_floor(batch),
        *batch_rules.sold_within_balance(portfolio, batch),
        *batch_rules.deadline(policy, snapshot, batch),
        *batch_rules.known_spender(snapshot, batch),
        *guard_module_batch(snapshot, batch),
    )


def guard_simulation(
    policy: Policy, seen: tuple[Snapshot, Portfolio], batch: Batch, simulation: Simulation, cost: Cost
) -> tuple[Breach, ...]:
    """The exact batch does what was planned and no more. `cost` as measured in the simulation."""
    if isinstance(simulation, Reverted):
        return (reverted(simulation),)
    snapshot, portfolio = seen
    return (
        *sold_at_most(batch, simulation),
        *bought_at_least(batch, simulation),
        *others_not_lower(batch, simulation),
        *no_allowance_left(snapshot, batch, simulation),
        *max_cost(policy, cost),
        *drift_falls(portfolio, simulation),
        *guard_module_simulation(snapshot, batch, simulation),
    )


# ---------------------------------------------------------------- the snapshot


def max_pool_gap(policy: Policy, snapshot: Snapshot) -> Breaches:
    """Every pool with a price stands within the limit of the oracle's cross price."""
    usd_of = {price.token.address: price.usd for price in snapshot.prices}
    for pool in snapshot.pools:
        gap = gap_bps_up(pool, usd_of)
        if gap is not None and gap > policy.limits.max_pool_gap:
            name = f"pool {pool.address} ({pool.token0}/{pool.token1})"
            yield Breach("max_pool_gap", f"{name} is {bps(gap)} off the oracle", bps(policy.limits.max_pool_gap))


def gap_bps_up(pool: Pool, usd_of: Mapping[Address, Usd]) -> int | None:
    """Distance of the mid price from the oracle's, of the lower of the two, rounded up. None: the pool has no price."""
    ratio = token0_ratio(pool)
    if ratio is None:
        return None
    numerator, denominator = ratio
    # Dollars of one unit of token0, at the oracle and by the pool in token1, over a common denominator.
    ours = usd_of[pool.token0.address] * 10**pool.token1.decimals * denominator
    theirs = usd_of[pool.token1.address] * 10**pool.token0.decimals * numerator
    return mul_div_up(abs(ours - theirs), BPS, min(ours, theirs))


# ---------------------------------------------------------------- the account


def _of_wallet(snapshot: Snapshot, operator: Address) -> tuple[Breach, ...]:
    match snapshot.wallet:
        case SafeState() as safe:
            return (*safe_threshold(safe), *safe_owner(safe, operator))
        case ModuleWallet() as wallet:
            return guard_module_account(wallet, operator)
        case other:
            assert_never(other)


def safe_threshold(safe: SafeState) -> Breaches:
    """One signature, the operator's, is enough."""
    if safe.threshold != 1:
        yield Breach("safe_threshold", f"the Safe asks for {safe.threshold} signatures", "1 signature")


def safe_owner(safe: SafeState, operator: Address) -> Breaches:
    """The operator is one of the owners."""
    if operator not in safe.owners:
        owners = ", ".join(safe.owners) or "nobody"
        yield Breach("safe_owner", f"the operator {operator} is no owner of the Safe", f"one of its owners: {owners}")


def min_operator_balance(policy: Policy, snapshot: Snapshot) -> Breaches:
    """The operator can pay."""
    least = policy.limits.min_operator_balance
    if snapshot.operator_balance < least:
        yield Breach(
            "min_operator_balance", f"the operator holds {coin(snapshot.operator_balance)}", f"at least {coin(least)}"
        )


def max_gas_price(policy: Policy, snapshot: Snapshot) -> Breaches:
    """Gas is not dearer than the owners pay for: the base fee and the whole tip."""
    now = snapshot.block.base_fee + policy.limits.tip
    if now > policy.limits.max_gas_price:
        yield Breach("max_gas_price", gas_price(Wei(now)), gas_price(policy.limits.max_gas_price))


# ---------------------------------------------------------------- the simulation


def reverted(simulation: Reverted) -> Breach:
    """A batch that would fail. What a module refuses is named by the module's own rule, whoever finds it first."""
    if simulation.reason.startswith(PREFIX):
        # What stands behind the rule's name is for people; alerts and counts go by the name.
        rule = simulation.reason.partition(" (")[0].partition(";")[0]
        said = f"the simulated batch is refused by the module{simulation.reason.removeprefix(rule)}"
        return Breach(rule, said, "a batch that executes")
    return Breach("simulation", simulation.reason, "a batch that executes")


def sold_at_most(batch: Batch, simulation: Simulated) -> Breaches:
    """Each sold token fell by no more than its trades sell."""
    for token_amount in _sum(quote.trade.sell for quote in batch.quotes):
        change = _change(simulation, token_amount)
        if change.raw < -token_amount.raw:
            yield Breach(
                "sold_at_most", f"the wallet loses {amount(_minus(change))}", f"at most {amount(token_amount)}"
            )


def bought_at_least(batch: Batch, simulation: Simulated) -> Breaches:
    """Each bought token rose by the floors of its trades."""
    for token_amount in _sum(quote.trade.floor for quote in batch.quotes):
        change = _change(simulation, token_amount)
        if change.raw < token_amount.raw:
            yield Breach("bought_at_least", f"the wallet gains {amount(change)}", f"at least {amount(token_amount)}")


def others_not_lower(batch: Batch, simulation: Simulated) -> Breaches:
    """No token falls that is not sold."""
    sold = {quote.trade.sell.token.address for quote in batch.quotes}
    for change in simulation.changes:
        if change.raw < 0 and change.token.address not in sold:
            yield Breach("others_not_lower", f"the wallet loses {amount(_minus(change))}", "none: it is not sold")


def no_allowance_left(snapshot: Snapshot, batch: Batch, simulation: Simulated) -> Breaches:
    """Every allowance that the batch could need was measured, and it leaves none.

    A module pays in advance for what it builds, and there neither uses nor clears an allowance that stood before. Where
    calldata comes from outside it approves as a Safe does.
    """
    by_module = isinstance(snapshot.wallet, ModuleWallet)
    approved = {(q.spender, q.trade.sell.token.address) for q in batch.quotes if q.terms is not None}
    for left in simulation.allowances:
        built = by_module and (left.spender, left.amount.token.address) not in approved
        stood = snapshot.allowance(left.amount.token, left.spender) if built else 0
        if left.amount.raw > stood:
            allowed = f"{stood} base units, as before" if stood else "nothing"
            yield Breach("no_allowance_left", f"{left.spender} may still pull {amount(left.amount)}", allowed)
    measured = {(left.spender, left.amount.token.address) for left in simulation.allowances}
    for quote in batch.quotes:
        if (quote.spender, quote.trade.sell.token.address) not in measured:
            unknown = f"what {quote.spender} may still pull of {quote.trade.sell.token} was not measured"
            yield Breach("no_allowance_left", unknown, "nothing")


def max_cost(policy: Policy, cost: Cost) -> Breaches:
    """Fee, impact and gas, as measured, stay under their share of the value traded."""
    if total(cost) > bps_of_down(cost.traded, policy.limits.max_cost):
        observed = f"{money(total(cost))} for {money(cost.traded)} traded ({bps(cost_bps(cost))})"
        yield Breach("max_cost", observed, bps(policy.limits.max_cost))


def drift_falls(portfolio: Portfolio, simulation: Simulated) -> Breaches:
    """The weights end nearer to their targets, all distances together."""
    before = Weight(sum(abs(p.drift) for p in portfolio.positions))
    end = moved_by(portfolio, simulation.changes)
    if end.value == 0:
        yield Breach("drift_falls", "the wallet is worth nothing afterwards", "a portfolio nearer to its targets")
        return
    after = Weight(sum(abs(p.drift) for p in end.positions))
    if after >= before:
        yield Breach("drift_falls", f"the sum of all drifts is {percent(after)} afterwards", f"below {percent(before)}")


def _sum(amounts: Iterable[Amount]) -> tuple[Amount, ...]:
    """One amount for each token, in the order in which they first appear."""
    summed: dict[Address, Amount] = {}
    for one in amounts:
        seen = summed.get(one.token.address)
        summed[one.token.address] = one if seen is None else seen + one
    return tuple(summed.values())


def _change(simulation: Simulated, of: Amount) -> Amount:
    """The change of a token; one that was not measured did not change."""
    found = (c for c in simulation.changes if c.token.address == of.token.address)
    return next(found, Amount(of.token, 0))


def _minus(change: Amount) -> Amount:
    return Amount(change.token, -change.raw)
