"""One tick, top to bottom: what was read goes in, exactly one outcome comes out. Errors raise.

Live, dry run and replay run this same function; what differs is who plays the ports. What to do is decided in
`decide`; here are what comes before it, and what becomes of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from rebalancer.core.drift import portfolio_of
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Blocked,
    Failed,
    Gone,
    Held,
    Intent,
    Landed,
    Outcome,
    Past,
    Pending,
    Planned,
    Policy,
    Portfolio,
    Settled,
    Snapshot,
    Waiting,
)
from rebalancer.core.settle import settle
from rebalancer.decide import Decision, decide
from rebalancer.ports import Ports

MOST_FAILURES = 3
"""Batches that may fail in a row. One fails when a price moves between two blocks; a third says that something stays
wrong which the simulation does not see, and each costs its gas."""
FAR_BEHIND = 300
"""Blocks, an hour of mainnet's. A node that lags is back sooner; further behind, either it or our record is wrong."""


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
