"""One tick, top to bottom: what was read goes in, exactly one outcome comes out. Errors raise.

Live, dry run and replay run this same function; what differs is who plays the ports. What to do is decided in
`decide`, what becomes of what was sent in `intents`; here is the order of the two, and what is looked at before and
after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rebalancer.core.aftermath import guard_settled, why_wrong
from rebalancer.core.drift import portfolio_of
from rebalancer.core.errors import Halt, LostNode, Unavailable
from rebalancer.core.flows import pools_on_the_way
from rebalancer.core.guard import guard_snapshot
from rebalancer.core.model import (
    FAR_BEHIND,
    Basis,
    Batch,
    Blocked,
    Failed,
    Held,
    History,
    Intent,
    ModuleWallet,
    Outcome,
    Past,
    Planned,
    Policy,
    Portfolio,
    Settled,
    Settlement,
    Snapshot,
    Target,
)
from rebalancer.core.model.snapshot import SLOT
from rebalancer.core.orders import orders_of
from rebalancer.core.over_time import (
    drawdown,
    failures,
    gas_words,
    guard_spent,
    index_after,
    seen_now,
    why_stop,
)
from rebalancer.core.rest import outside_venues
from rebalancer.core.retarget import targets_on_chain
from rebalancer.decide import Decided, Decision, decide
from rebalancer.intents import (
    broadcast,
    look_for,
    remembered,
    reopened,
    require_same_nonce,
    still_free,
    take_up,
)
from rebalancer.ports import Ports

Seen = tuple[Snapshot, Portfolio]


@dataclass(frozen=True, slots=True)
class Mode:
    """`live`: send what is decided. `patience`: seconds to wait for what was sent."""

    live: bool
    patience: int


@dataclass(frozen=True, slots=True)
class Look:
    """The wallet as it was read and believed: what the ledger is to remember of it."""

    snapshot: Snapshot
    portfolio: Portfolio
    index: int


@dataclass(frozen=True, slots=True)
class Report:
    """An outcome, with what it was decided from: None where an open intent was finished. `why`: what called for it."""

    outcome: Outcome
    snapshot: Snapshot | None
    portfolio: Portfolio | None
    why: str | None = None
    newest: Look | None = None
    """The last look of the tick; after a batch has settled, the one after it. None: there was none to rely on."""
    unread: str | None = None
    """Why the wallet could not be read anew after a batch has settled."""
    gas: str | None = None
    """That the operator needs coin, where something was spent."""
    targets: str | None = None
    """Why a module's targets stand where others are wanted."""
    called_since: int | None = None
    """As `TickRecord` keeps it."""
    called: bool = False
    """Whether the trigger calls for a rebalance, whatever has come of it."""


def run_tick(ports: Ports, policy: Policy, past: Past, mode: Mode) -> Report:
    """Finish what is open, or read, decide, and (live) send and settle.

    Raises ConfigError, Unavailable or Halt; whatever was sent before stands in the ledger.
    """
    if past.halted is not None:
        # In the same words, because this is recorded too, and read again by the next tick.
        raise Halt(past.halted)
    intent = past.open_intent or reopened(ports, past)
    if intent is not None:
        return replace(_finished(ports, policy, past, intent, mode), called_since=past.called_since)
    _halt_if(why_stop(tuple(failures(policy, past))))
    seen = look(ports, policy, past)
    if past.unchecked is not None:
        # The tick that settled it could not read the wallet anew, or was killed before.
        _halt_if(_why_wrong(policy, past.history, past.unchecked, None, seen))
    report, decided = _decided(ports, policy, past, seen)
    if not mode.live or not isinstance(decided, Decision):
        return report
    sent = _sent(ports, policy, (past, seen), decided, mode)
    return replace(sent, targets=report.targets, called_since=report.called_since, called=report.called)


def dry_tick(ports: Ports, policy: Policy, past: Past) -> Report:
    """What a tick would decide now, were nothing open or halted. Sends nothing, and writes nothing down."""
    return _decided(ports, policy, past, look(ports, policy, past))[0]


def look(ports: Ports, policy: Policy, past: Past) -> Seen:
    """The chain at one block, and the portfolio in it. Unavailable where the node is behind, Halt far behind."""
    snapshot = ports.chain.read(past.last_block)
    behind = past.last_block - snapshot.block.number
    if behind > FAR_BEHIND:
        raise LostNode("the node", snapshot.block.number, past.last_block)
    if behind > 0:
        raise Unavailable(
            f"the node is at block {snapshot.block.number}, behind block {past.last_block} that was read before; "
            "wait for it to catch up, or use another node"
        )
    return snapshot, portfolio_of(policy.assets, held_to(ports, policy, snapshot), snapshot)


def held_to(ports: Ports, policy: Policy, snapshot: Snapshot) -> tuple[Target, ...]:
    """The targets of a rebalance. A module's are on the chain, whatever is wanted: it holds every swap to them."""
    if isinstance(snapshot.wallet, ModuleWallet):
        return targets_on_chain(snapshot.wallet, policy.assets)
    return ports.targets.read(snapshot.block)


def _decided(ports: Ports, policy: Policy, past: Past, seen: Seen) -> tuple[Report, Held | Blocked | Decision]:
    """What is decided on a look, and its report as a dry run's. Halt where a limit over time is crossed."""
    snapshot, portfolio = seen
    if breaches := guard_snapshot(policy, snapshot):
        # Prices that are in dispute are no measure of what the wallet has lost.
        blocked = Blocked(breaches)
        return Report(blocked, *seen, called_since=past.called_since), blocked
    _halt_if(why_stop(tuple(drawdown(policy, past.history, portfolio, snapshot.block.timestamp))))
    newest = Look(*seen, index_after(past.history, portfolio))
    found, stand = _chosen(ports, policy, past, seen)
    decided, why = found.outcome, None
    outcome: Outcome
    if isinstance(decided, Decision):
        why = decided.why
        outcome = Planned(decided.batch, decided.simulation, decided.cost, decided.left_out, decided.saved)
    else:
        outcome = decided
    since, called = found.called_since, found.called
    return Report(outcome, *seen, why, newest, targets=stand, called_since=since, called=called), decided


def _chosen(ports: Ports, policy: Policy, past: Past, seen: Seen) -> tuple[Decided, str | None]:
    """What is decided: other targets first, then a rebalance to those that there are; and why these stand."""
    stand = None
    if isinstance(seen[0].wallet, ModuleWallet):
        from rebalancer.retargeting import retargeted  # late: few wallets have targets of their own

        moved = retargeted(ports, policy, past, seen)
        if isinstance(moved, Decision | Blocked):
            return Decided(moved, past.called_since), None
        stand = None if moved is None else moved.reason
    return decide(ports, policy, past, seen), stand


def _sent(ports: Ports, policy: Policy, known: tuple[Past, Seen], decision: Decision, mode: Mode) -> Report:
    from rebalancer.placing import placed

    past, seen = known
    newest = Look(*seen, index_after(past.history, seen[1]))
    taken = placed(ports, policy, past, seen, decision)
    if not isinstance(taken, Decision):
        return Report(taken, *seen, newest=newest)
    decision, batch, snapshot = taken, taken.batch, taken.snapshot
    ports.chain.confirm(snapshot)
    _still_granted(batch, ports.clock.now())
    still_free(ports, policy, past, snapshot.block)
    commitment = ports.wallet.commit(batch, decision.simulation, snapshot, past.gone)
    require_same_nonce(past, commitment)
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
        value=seen[1].value,
        pools=pools_on_the_way(batch.quotes, snapshot.pools),
        orders=orders_of(batch.quotes),
        venues=outside_venues(batch.quotes),
        targets=batch.targets,
    )
    ports.ledger.record_intent(intent, Basis(snapshot, batch.quotes, decision.simulation))
    outcome = broadcast(ports, intent, mode.patience, max(past.last_block, intent.block))
    report = Report(outcome, *seen, decision.why, newest)
    match outcome:
        case Settled(settlement):
            looked = seen_now(past.history, seen[1], intent.created_at)
            return _looked_after(ports, policy, (intent, settlement), report, looked)
        case Failed():
            gas = gas_words(policy, past.history, snapshot.operator_balance, intent.created_at)
            return replace(report, gas=gas)
        case _:
            return report


def _finished(ports: Ports, policy: Policy, past: Past, intent: Intent, mode: Mode) -> Report:
    """An intent that an earlier tick left open. A dry run looks, and sends nothing."""
    if mode.live:
        outcome, why = take_up(ports, policy, intent, mode.patience, past.last_block)
        if intent.orders:
            from rebalancer.withdrawing import watched  # late, as placing: few ticks have an order

            outcome, why = watched(ports, policy, past, (outcome, why), mode.patience)
    else:
        outcome, why = look_for(ports, intent, past.last_block), None
    report = Report(outcome, None, None, why)
    if not isinstance(outcome, Settled):
        return report
    return _looked_after(ports, policy, (intent, outcome.settlement), report, None)


def _looked_after(
    ports: Ports, policy: Policy, landed: tuple[Intent, Settlement], report: Report, looked: History | None
) -> Report:
    """The wallet read anew after a batch, and held to its limits again. Halt where it breaks one.

    `looked`: the history up to what the batch was decided on; None where an earlier tick did that.
    """
    intent, settlement = landed
    past = remembered(ports, policy)
    try:
        seen = look(ports, policy, replace(past, last_block=max(past.last_block, settlement.block)))
    except Unavailable as error:
        # It has settled all the same. The next tick looks at the wallet first of all.
        return replace(report, newest=None, unread=str(error))
    snapshot, portfolio = seen
    history = past.history
    if looked is not None:
        moved = tuple((fill.token.address, fill.raw) for fill in settlement.fills)
        history = replace(history, valued=looked.valued, peak=looked.peak, moved=moved)
    before = (report.snapshot, report.portfolio) if report.snapshot and report.portfolio else None
    _halt_if(_why_wrong(policy, history, landed, before, seen))
    return replace(
        report,
        newest=None if guard_snapshot(policy, snapshot) else Look(*seen, index_after(history, portfolio)),
        gas=gas_words(policy, history, snapshot.operator_balance, ports.clock.now()),
    )


def _why_wrong(
    policy: Policy, history: History, landed: tuple[Intent, Settlement], before: Seen | None, seen: Seen
) -> str | None:
    """What is not as a settled batch should have left it, or the limits over time that it has crossed."""
    (intent, settlement), (snapshot, portfolio) = landed, seen
    # Prices that are in dispute measure no loss.
    fallen = () if guard_snapshot(policy, snapshot) else drawdown(policy, history, portfolio, snapshot.block.timestamp)
    over_time = (*fallen, *guard_spent(policy, history))
    wrong = (why_wrong(settlement, guard_settled(intent, settlement, before, snapshot)), why_stop(over_time))
    return "; ".join(words for words in wrong if words is not None) or None


def _still_granted(batch: Batch, now: int) -> None:
    """Unavailable where a venue's quote, or the batch itself, has outlived what was granted since it was chosen."""
    if now + SLOT > batch.deadline:
        raise Unavailable(
            f"the batch is void after second {batch.deadline}, and it is {now}: no block comes in time, so nothing was "
            "signed; the next tick plans anew"
        )
    void = [quote.venue for quote in batch.quotes if quote.until is not None and quote.until < now]
    if void:
        raise Unavailable(f"the quote of {void[0]} has expired before it could be sent: the next tick asks anew")


def _halt_if(why: str | None) -> None:
    if why is not None:
        raise Halt(why)
