"""One tick, top to bottom: what was read goes in, exactly one outcome comes out. Errors raise.

Live, dry run and replay run this same function; what differs is who plays the ports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, assert_never

from rebalancer.core.cost import cost_of_changes, cost_of_quotes, fees_for, gas_price_now, worth_it
from rebalancer.core.drift import portfolio_of
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.guard import guard_account, guard_batch, guard_simulation, guard_snapshot, reverted
from rebalancer.core.model import (
    Batch,
    Blocked,
    Cost,
    Failed,
    Fees,
    Gone,
    Held,
    Hold,
    Intent,
    Landed,
    Outcome,
    Past,
    Pending,
    Plan,
    Planned,
    Policy,
    Portfolio,
    Quote,
    QuoteRequest,
    Refusal,
    Reverted,
    Settled,
    Simulated,
    Snapshot,
    Trade,
    Waiting,
)
from rebalancer.core.module_guard import guard_module_simulation
from rebalancer.core.module_room import void_at
from rebalancer.core.plan import make_plan, snapshot_after
from rebalancer.core.settle import settle
from rebalancer.core.trigger import reason_to_act
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Ports

T = TypeVar("T")

MOST_FAILURES = 3
"""Batches that may fail in a row. One fails when a price moves between two blocks; a third says that something stays
wrong which the simulation does not see, and each costs its gas."""
FAR_BEHIND = 300
"""Blocks, an hour of mainnet's. A node that lags is back sooner; further behind, either it or our record is wrong."""
TICK_READS = 3
"""How often one tick may ask for more ticks of its pools. One is usual; a plan that needs more than
this walks through the whole book, and no trade of ours should."""


@dataclass(frozen=True, slots=True)
class Mode:
    """`live`: send what is decided. `patience`: seconds to wait for what was sent."""

    live: bool
    patience: int


@dataclass(frozen=True, slots=True)
class Report:
    """An outcome, with what it was decided from: None where an open intent was finished. `why`: what called for it."""

    outcome: Outcome
    snapshot: Snapshot | None
    portfolio: Portfolio | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A batch that passed every guard, what it is expected to do and to cost, why there is one, and what it lacks."""

    batch: Batch
    simulation: Simulated
    cost: Cost
    snapshot: Snapshot
    why: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Offer:
    """Quotes that are worth taking, and what they were quoted on."""

    quotes: tuple[Quote, ...]
    cost: Cost
    fees: Fees
    deadline: int
    snapshot: Snapshot
    left_out: tuple[str, ...]


def run_tick(ports: Ports, policy: Policy, mode: Mode) -> Report:
    """Finish what is open, or read, decide, and (live) send and settle.

    Raises ConfigError, Unavailable or Halt; whatever was sent before stands in the ledger.
    """
    past = ports.ledger.read()
    if past.halted is not None:
        # In the same words, because this is recorded too, and read again by the next tick.
        raise Halt(past.halted)
    if past.open_intent is not None:
        return Report(_take_up(ports, past.open_intent, mode), None, None)
    if past.failures >= MOST_FAILURES:
        raise Halt(
            f"the last {past.failures} batches failed, though each had passed its simulation; at {MOST_FAILURES} in a "
            "row nothing more is sent, since a failure costs gas. `rebalancer history` says why each failed: mend the "
            "cause, then resume"
        )
    seen = look(ports, policy, past)
    decided = decide(ports, policy, past, seen)
    if mode.live and isinstance(decided, Decision):
        return Report(_send(ports, decided, mode), *seen, decided.why)
    return _dry(decided, seen)


def dry_tick(ports: Ports, policy: Policy, past: Past) -> Report:
    """What a tick would decide now, were nothing open or halted. Sends nothing, and writes nothing down."""
    seen = look(ports, policy, past)
    return _dry(decide(ports, policy, past, seen), seen)


def look(ports: Ports, policy: Policy, past: Past) -> tuple[Snapshot, Portfolio]:
    """The chain at one block, and the portfolio in it. Unavailable where the node is behind, Halt far behind."""
    snapshot = ports.chain.read()
    behind = past.last_block - snapshot.block.number
    if behind > FAR_BEHIND:
        raise Halt(
            f"the node is at block {snapshot.block.number}, {behind} behind block {past.last_block} that was read "
            "before: it has lost its way, or that block never was; look at both on an explorer, then resume"
        )
    if behind > 0:
        raise Unavailable(
            f"the node is at block {snapshot.block.number}, behind block {past.last_block} that was read before; "
            "wait for it to catch up, or use another node"
        )
    return snapshot, portfolio_of(policy.assets, ports.targets.read(snapshot.block), snapshot)


def decide(ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio]) -> Held | Blocked | Decision:
    """Act or hold, and with which batch. Sends nothing, and writes nothing down."""
    snapshot, portfolio = seen
    if breaches := guard_snapshot(policy, snapshot):
        return Blocked(breaches)
    reason = reason_to_act(policy, portfolio, snapshot.block.timestamp, past.last_settled_at)
    if isinstance(reason, Hold):
        return Held(reason.reason)
    if breaches := guard_account(policy, snapshot, ports.wallet.operator):
        return Blocked(breaches)
    offer = _offer(ports, policy, portfolio, snapshot)
    return Held(offer.reason) if isinstance(offer, Hold) else _examined(ports, policy, portfolio, offer, reason.reason)


def choose_quotes(ports: Ports, plan: Plan, deadline: int, snapshot: Snapshot) -> tuple[Quote, ...] | Hold | MoreTicks:
    """The best quote for each trade in turn, each on the pools as the ones before leave them.

    Hold where a trade has no quote that reaches its floor: half a rebalance is not what was planned.
    """
    quotes: list[Quote] = []
    for trade in plan.trades:
        found = _best_quote(ports, trade, snapshot, deadline)
        if not isinstance(found, Quote):
            return found
        quotes.append(found)
        snapshot = snapshot_after(snapshot, found)
    return tuple(quotes)


def finish(ports: Ports, intent: Intent, patience: int) -> Outcome:
    """What became of a sent intent: settled and recorded, failed and recorded, or still pending."""
    match ports.wallet.land(intent, patience):
        case Waiting(reason):
            return Pending(intent, reason)
        case Gone(reason):
            ports.ledger.record_landing(intent, reason)
            return Failed(intent.id, intent.commitment.hash, reason)
        case Landed(receipt):
            result = settle(intent, receipt)
            ports.ledger.record_landing(intent, result)
            if isinstance(result, str):
                return Failed(intent.id, receipt.tx, result)
            return Settled(result, intent.cost)
        case other:
            assert_never(other)


def close(ports: Ports, intent: Intent, why: str) -> bool:
    """Close the intent of a halted keeper, on a person's word, if the chain shows that nothing more comes of it.

    Where it may still happen it stays open, and the next tick finishes it. Raises Unavailable, ConfigError.
    """
    try:
        return not isinstance(finish(ports, intent, 0), Pending)
    except Halt as error:
        # Final, but not as it should be: mined otherwise than planned, or another transaction has its place.
        ports.ledger.record_landing(intent, f"closed by a person, {why!r}: {error}")
        return True


def _dry(decided: Held | Blocked | Decision, seen: tuple[Snapshot, Portfolio]) -> Report:
    if isinstance(decided, Decision):
        planned = Planned(decided.batch, decided.simulation, decided.cost, decided.left_out)
        return Report(planned, *seen, decided.why)
    return Report(decided, *seen)


def _best_quote(ports: Ports, trade: Trade, snapshot: Snapshot, deadline: int) -> Quote | Hold | MoreTicks:
    request = QuoteRequest(trade, ports.wallet.address, ports.wallet.operator, deadline)
    best: Quote | None = None
    refusals: list[str] = []
    for venue in ports.venues:
        match venue.quote(request, snapshot):
            case MoreTicks() as need:
                return need
            case Refusal(name, reason):
                refusals.append(f"{name}: {reason}")
            case Quote() as quote if quote.expected.raw < trade.floor.raw:
                refusals.append(f"{quote.venue}: {quote.expected.raw} is below the floor of {trade.floor.raw}")
            case Quote() as quote:
                if best is None or quote.expected.raw > best.expected.raw:
                    best = quote
    return best or Hold(
        f"no venue sells {trade.sell.token} for {trade.buy}: {'; '.join(refusals) or 'none is configured'}"
    )


def _offer(ports: Ports, policy: Policy, portfolio: Portfolio, snapshot: Snapshot) -> _Offer | Hold:
    """Plan and quote; Hold where there is nothing to trade, no quote, or it costs too much."""
    fees = fees_for(snapshot.block, policy.limits)

    def planned(known: Snapshot) -> Plan | Hold | MoreTicks:
        return make_plan(policy, portfolio, known, fees)

    made: tuple[Plan | Hold, Snapshot] = _with_ticks(ports, snapshot, planned)
    plan, snapshot = made
    if isinstance(plan, Hold):
        return plan
    deadline = void_at(snapshot, policy.limits)
    asked: tuple[tuple[Quote, ...] | Hold, Snapshot] = _with_ticks(
        ports, snapshot, partial(choose_quotes, ports, plan, deadline)
    )
    quotes, snapshot = asked
    if isinstance(quotes, Hold):
        return quotes
    cost = cost_of_quotes(quotes, snapshot, fees)
    return worth_it(cost, policy.limits) or _Offer(quotes, cost, fees, deadline, snapshot, plan.left_out)


def _examined(ports: Ports, policy: Policy, portfolio: Portfolio, offer: _Offer, why: str) -> Held | Blocked | Decision:
    """The batch of an offer, guarded, simulated, and guarded again on what the simulation measured."""
    snapshot = offer.snapshot
    batch = ports.wallet.build(offer.quotes, snapshot, offer.deadline)
    if breaches := guard_batch(policy, portfolio, snapshot, batch):
        return Blocked(breaches)
    simulation = ports.wallet.simulate(batch, snapshot)
    if isinstance(simulation, Reverted):
        return Blocked((reverted(simulation),))
    gas = (simulation.gas, gas_price_now(snapshot.block, offer.fees))
    cost = cost_of_changes(simulation.changes, snapshot.prices, gas, snapshot.native, offer.cost)
    breaches = guard_simulation(policy, portfolio, batch, simulation, cost)
    breaches += guard_module_simulation(snapshot, batch, simulation)
    not_worth = worth_it(cost, policy.limits)
    if not_worth is not None and all(breach.rule == "max_cost" for breach in breaches):
        # The quotes know their own gas only. Where the wallet's tips the scale, and all else is as it should be,
        # this is no alarm but a rebalance that does not pay.
        return Held(not_worth.reason)
    if breaches:
        return Blocked(breaches)
    return Decision(batch, simulation, cost, snapshot, why, offer.left_out)


def _send(ports: Ports, decision: Decision, mode: Mode) -> Outcome:
    batch, snapshot = decision.batch, decision.snapshot
    commitment = ports.wallet.commit(batch, decision.simulation, snapshot)
    intent = Intent(
        id=commitment.hash,
        created_at=ports.clock.now(),
        block=snapshot.block.number,
        trades=tuple(q.trade for q in batch.quotes),
        expected=decision.simulation.changes,
        prices=snapshot.prices,
        native=snapshot.native,
        cost=decision.cost,
        deadline=batch.deadline,
        commitment=commitment,
    )
    ports.ledger.record_intent(intent)
    return _broadcast(ports, intent, mode)


def _take_up(ports: Ports, intent: Intent, mode: Mode) -> Outcome:
    """An intent left open by an earlier tick: look first, and send the same bytes again only where
    the network does not know them, they can still be mined, and sending is what was asked for."""
    outcome = finish(ports, intent, 0)
    if isinstance(outcome, Pending) and mode.live and ports.clock.now() < intent.deadline:
        return _broadcast(ports, intent, mode)
    return outcome


def _broadcast(ports: Ports, intent: Intent, mode: Mode) -> Outcome:
    try:
        ports.wallet.execute(intent)
    except Unavailable as error:
        # The bytes may have arrived all the same: the intent stays open, and the next tick looks.
        return Pending(intent, f"sending was not confirmed: {error}")
    return finish(ports, intent, mode.patience)


def _with_ticks(ports: Ports, snapshot: Snapshot, ask: Callable[[Snapshot], T | MoreTicks]) -> tuple[T, Snapshot]:
    for _ in range(TICK_READS):
        answer = ask(snapshot)
        if not isinstance(answer, MoreTicks):
            return answer, snapshot
        snapshot = ports.chain.read_ticks(snapshot, answer)
    answer = ask(snapshot)
    if isinstance(answer, MoreTicks):
        raise Unavailable(f"the plan walks out of the ticks of its pools after {TICK_READS} further reads: {answer}")
    return answer, snapshot
