"""From an intent on record to its end: sent, looked for, replaced, settled, failed, or closed by a person.

Whatever is sent here is on record before, and of one intent only: transactions of one nonce, one call or a
cancellation, of which the chain takes one at most.
"""

from __future__ import annotations

from typing import assert_never

from rebalancer.core.attempts import Cancel, Keep, Leave, Raise, choose_attempt, is_void, replacement_of
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Failed,
    Failure,
    Gone,
    Intent,
    Landed,
    Landing,
    Outcome,
    Past,
    Pending,
    Policy,
    Replacement,
    Settled,
    Settlement,
    Waiting,
)
from rebalancer.core.settle import settle
from rebalancer.ports import Ports


def reopened(ports: Ports, past: Past) -> Intent | None:
    """The newest intent, open again because the block that it landed in was replaced; None: it stands, or is final."""
    if past.unfinal is None:
        return None
    intent, result = past.unfinal
    mined = result if isinstance(result, Settlement) else result.mined
    if mined is None:
        return None
    # A node that has not come to that block yet has nothing to say about it.
    landing = ports.wallet.land(intent, 0, max(past.last_block, mined.block))
    match landing:
        case Landed(receipt) if (receipt.tx, receipt.block_hash) == (mined.tx, mined.block_hash):
            return None
        case Landed(receipt):
            seen = f"{receipt.tx} is in block {receipt.block} ({receipt.block_hash}) now"
        case Waiting(reason) | Gone(reason):
            seen = reason
        case other:
            assert_never(other)
    ports.ledger.record_reopened(intent, f"{mined.tx} was in block {mined.block} ({mined.block_hash}); {seen}")
    return intent


def broadcast(ports: Ports, intent: Intent, patience: int, last_block: int) -> Outcome:
    """Send the newest of an intent's transactions, which is on record, and look what becomes of all of them."""
    try:
        ports.wallet.execute(intent)
    except Unavailable as error:
        # The bytes may have arrived all the same: the intent stays open, and the next tick looks.
        return Pending(intent, f"sending was not confirmed: {error}")
    return _ended(ports, intent, ports.wallet.land(intent, patience, last_block))


def look_for(ports: Ports, intent: Intent, last_block: int) -> Outcome:
    """What became of an intent: settled and recorded, failed and recorded, or still pending. Sends nothing."""
    return _ended(ports, intent, ports.wallet.land(intent, 0, last_block))


def take_up(ports: Ports, policy: Policy, intent: Intent, patience: int, last_block: int) -> tuple[Outcome, str | None]:
    """Finish an intent that an earlier tick left open, and say why a further transaction was sent for it.

    Where its nonce is free yet: the same bytes again, higher fees, a cancellation, or nothing, as the time and the
    price of gas tell.
    """
    landing = ports.wallet.land(intent, 0, last_block)
    if not isinstance(landing, Waiting) or landing.mined:
        return _ended(ports, intent, landing), None
    now, block = ports.clock.now(), ports.wallet.gas_now()
    attempt = choose_attempt(intent, now, block, policy)
    if isinstance(attempt, Raise) and (refusal := ports.wallet.rehearse(intent)) is not None:
        attempt = choose_attempt(intent, now, block, policy, refusal)
    match attempt:
        case Leave(reason):
            return Pending(intent, f"{landing.reason}; {reason}"), None
        case Keep(reason):
            if is_void(intent, now, block) and not intent.cancelled:
                # What is void is not offered again: mined now, it would only burn its gas.
                return Pending(intent, f"{landing.reason}; {reason}"), None
            return _with(broadcast(ports, intent, patience, last_block), reason), None
        case Raise(_, reason) | Cancel(_, reason):
            intent = _replaced(ports, intent, attempt)
            return _with(broadcast(ports, intent, patience, last_block), reason), reason
        case other:
            assert_never(other)


def close(ports: Ports, intent: Intent, why: str, last_block: int) -> bool:
    """Close the intent of a halted keeper, on a person's word, if the chain shows that nothing more comes of it.

    Where it may still happen it stays open, and the next tick finishes it. Raises Unavailable, ConfigError.
    """
    try:
        return not isinstance(look_for(ports, intent, last_block), Pending)
    except Halt as error:
        # Final, but not as it should be: mined otherwise than planned, or another transaction has its place.
        ports.ledger.record_landing(intent, Failure(f"closed by a person, {why!r}: {error}"))
        return True


def _ended(ports: Ports, intent: Intent, landing: Landing) -> Outcome:
    match landing:
        case Waiting(reason):
            return Pending(intent, reason)
        case Gone(reason):
            ports.ledger.record_landing(intent, Failure(reason))
            return Failed(intent.id, intent.newest.hash, reason)
        case Landed(receipt):
            result = settle(intent, receipt)
            ports.ledger.record_landing(intent, result)
            if isinstance(result, Failure):
                return Failed(intent.id, receipt.tx, result.reason)
            return Settled(result, intent.cost)
        case other:
            assert_never(other)


def _replaced(ports: Ports, intent: Intent, attempt: Raise | Cancel) -> Intent:
    purpose, fees = replacement_of(intent, attempt)
    signed = ports.wallet.replace(intent, purpose, fees)
    return ports.ledger.record_replacement(intent, Replacement(purpose, ports.clock.now(), signed))


def _with(outcome: Outcome, reason: str) -> Outcome:
    """What still waits, with what was done about it."""
    return Pending(outcome.intent, f"{outcome.reason}; {reason}") if isinstance(outcome, Pending) else outcome
