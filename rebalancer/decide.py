"""Act or hold, and with which batch: what was read at one block and believed goes in, a hold or a guarded batch out.

Sends nothing, and writes nothing down. Of the ports it asks for quotes, for the ticks that a plan lacks, and for the
batch and its simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from rebalancer.core.bands import cash_alone
from rebalancer.core.benefit import pays, saved_down
from rebalancer.core.competition import Question
from rebalancer.core.cost import cost_of_changes, cost_of_quotes, fees_for, gas_price_now, worth_it
from rebalancer.core.drift import targets_of
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.guard import guard_account, guard_batch, guard_simulation, reverted
from rebalancer.core.model import (
    Act,
    Batch,
    Blocked,
    Contributions,
    Cost,
    Fees,
    Held,
    Hold,
    Past,
    Plan,
    Policy,
    Portfolio,
    Quote,
    Reverted,
    Simulated,
    Snapshot,
)
from rebalancer.core.module_room import limits_in, void_at
from rebalancer.core.optimal_bands import resolved, to_measure
from rebalancer.core.orders import as_if_filled, guard_placing
from rebalancer.core.over_time import guard_trade, why_stop
from rebalancer.core.patience import assets_to_judge, with_patience
from rebalancer.core.plan import make_plan
from rebalancer.core.room import day_is_full, not_final, plan_room
from rebalancer.core.trigger import reason_called, reason_not_to_ask
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Ports
from rebalancer.quoting import choose_quotes
from rebalancer.units import Usd

T = TypeVar("T")

TICK_READS = 3
"""How often one tick may ask for more ticks of its pools. One is usual; a plan that needs more than
this walks through the whole book, and no trade of ours should."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A batch that passed every guard, what it is expected to do and to cost, why there is one, and what it lacks."""

    batch: Batch
    simulation: Simulated
    cost: Cost
    snapshot: Snapshot
    why: str
    left_out: tuple[str, ...]
    saved: Usd | None
    """What it saves of the drift's cost; None: nobody has named one."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What is done, and since when the trigger has called for what waits (`TickRecord.called_since`)."""

    outcome: Held | Blocked | Decision
    called_since: int | None
    called: bool = False
    """Whether the trigger calls for a rebalance, whatever comes of it."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """Quotes that are worth taking, and what they were quoted on."""

    quotes: tuple[Quote, ...]
    cost: Cost
    fees: Fees
    deadline: int
    snapshot: Snapshot
    left_out: tuple[str, ...]


def decide(ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio]) -> Decided:
    """Held or Blocked where nothing is to be sent.

    Raises Unavailable where a plan never has ticks enough, Halt where this rebalance would cross a limit over time.
    """
    snapshot, portfolio = seen
    measured = ports.targets.measured(to_measure(policy), targets_of(portfolio), snapshot.block)
    policy = resolved(policy, portfolio, snapshot, measured.volatilities)
    if (unasked := reason_not_to_ask(policy, portfolio, snapshot.block.timestamp, past)) is not None:
        return Decided(Held(unasked.reason), past.called_since)
    reason, called_since = reason_called(policy, portfolio, snapshot.block.timestamp, past), None
    called = isinstance(reason, Act)
    if policy.patience is not None and isinstance(reason, Act):
        trends = ports.targets.trends(policy.patience, assets_to_judge(policy), snapshot.block)
        waited = with_patience((policy, reason), portfolio, trends, snapshot.block.timestamp, past)
        policy, reason, called_since = waited.policy, waited.reason, waited.called_since
    if isinstance(reason, Hold):
        return Decided(Held(reason.reason), called_since, called)
    return Decided(_called(ports, policy, past, seen, reason), called_since, called)


def _called(
    ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio], reason: Act
) -> Held | Blocked | Decision:
    snapshot, portfolio = seen
    if (waits := not_final(past, snapshot.block)) is not None:
        return Held(f"{reason.reason}; {waits.reason}")
    if (full := day_is_full(policy, past.history, snapshot.block.timestamp)) is not None:
        return Held(full.reason)
    if breaches := guard_account(policy, snapshot, ports.wallet.operator):
        return Blocked(breaches)
    decided = _decided(ports, policy, past, seen, reason.reason)
    if isinstance(decided, Held) and cash_alone(policy, portfolio) is not None:
        # Too little, or too dear, for cash alone to mend. It goes first, and is no reason to let the drift stand.
        whole = replace(policy, contributions=Contributions.IGNORE)
        decided = _decided(ports, whole, past, seen, reason.reason)
    if isinstance(decided, Decision):
        at = decided.snapshot.block.timestamp
        crossed = why_stop(guard_trade(policy, past.history, portfolio, decided.cost, at))
        if crossed is not None:
            raise Halt(crossed)
    return decided


def _decided(
    ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio], why: str
) -> Held | Blocked | Decision:
    offer = _offer(ports, policy, past, seen)
    return Held(offer.reason) if isinstance(offer, Hold) else _examined(ports, policy, seen[1], offer, why)


def _offer(ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio]) -> _Offer | Hold:
    """Plan and quote; Hold where there is nothing to trade, no quote, or it costs too much."""
    snapshot, portfolio = seen
    room = plan_room(policy, past.history, portfolio, snapshot.block.timestamp)
    fees = fees_for(snapshot.block, policy.limits)

    def planned(known: Snapshot) -> Plan | Hold | MoreTicks:
        return make_plan(policy, portfolio, known, fees, room)

    made: tuple[Plan | Hold, Snapshot] = with_ticks(ports, snapshot, planned)
    plan, snapshot = made
    if isinstance(plan, Hold):
        return plan
    deadline = void_at(snapshot, policy.limits)
    slippage = limits_in(snapshot, policy.limits).max_slippage

    def chosen(known: Snapshot) -> tuple[Quote, ...] | Hold | MoreTicks:
        return choose_quotes(ports, Question(plan, known, fees, deadline, slippage))

    asked: tuple[tuple[Quote, ...] | Hold, Snapshot] = with_ticks(ports, snapshot, chosen)
    quotes, snapshot = asked
    if isinstance(quotes, Hold):
        return quotes
    cost = cost_of_quotes(quotes, snapshot, fees)
    return worth_it(cost, policy.limits) or _Offer(quotes, cost, fees, deadline, snapshot, plan.left_out)


def with_ticks(ports: Ports, snapshot: Snapshot, ask: Callable[[Snapshot], T | MoreTicks]) -> tuple[T, Snapshot]:
    """An answer that has all the ticks it needs, and the snapshot that has them. Unavailable where it never has."""
    for _ in range(TICK_READS):
        answer = ask(snapshot)
        if not isinstance(answer, MoreTicks):
            return answer, snapshot
        snapshot = ports.chain.read_ticks(snapshot, answer)
    answer = ask(snapshot)
    if isinstance(answer, MoreTicks):
        raise Unavailable(f"the plan walks out of the ticks of its pools after {TICK_READS} further reads: {answer}")
    return answer, snapshot


def _examined(ports: Ports, policy: Policy, portfolio: Portfolio, offer: _Offer, why: str) -> Held | Blocked | Decision:
    """The batch of an offer, guarded, simulated, and guarded again on what the simulation measured."""
    snapshot = offer.snapshot
    batch = ports.wallet.build(offer.quotes, snapshot, offer.deadline)
    if breaches := guard_batch(policy, portfolio, snapshot, batch):
        return Blocked(breaches)
    simulation = ports.wallet.simulate(batch, snapshot)
    if isinstance(simulation, Reverted):
        return Blocked((reverted(simulation),))
    if misplaced := guard_placing(batch, simulation):
        return Blocked(misplaced)
    # An order counts for its limit from here on, which is what it brings at least where it is filled.
    simulation = as_if_filled(batch, simulation)
    gas = (simulation.gas, gas_price_now(snapshot.block, offer.fees))
    cost = cost_of_changes(simulation.changes, snapshot.prices, gas, snapshot.native, offer.cost)
    breaches = guard_simulation(policy, (snapshot, portfolio), batch, simulation, cost)
    saved = saved_down(policy, portfolio, simulation.changes)
    not_worth = worth_it(cost, policy.limits) or pays(saved, cost)
    if not_worth is not None and all(breach.rule == "max_cost" for breach in breaches):
        # The quotes know their own gas only. Where the wallet's tips the scale, and all else is as it should be,
        # this is no alarm but a rebalance that does not pay.
        return Held(not_worth.reason)
    if breaches:
        return Blocked(breaches)
    return Decision(batch, simulation, cost, snapshot, why, offer.left_out, saved)
