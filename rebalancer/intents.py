"""From an intent on record to its end: sent, looked for, replaced, settled, failed, or closed by a person.

Whatever is sent here is on record before, and of one intent only: transactions of one nonce, one call or a
cancellation, of which the chain takes one at most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from rebalancer.core.attempts import Cancel, Keep, Leave, Raise, choose_attempt, is_void, replacement_of
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Block,
    Commitment,
    Failed,
    Failure,
    Gone,
    Intent,
    Landed,
    Landing,
    Mined,
    Outcome,
    Past,
    Pending,
    Policy,
    Receipt,
    Replacement,
    Settled,
    Settlement,
    Waiting,
    mined_of,
)
from rebalancer.core.model.snapshot import SLOT
from rebalancer.core.over_time import horizon_of
from rebalancer.core.rest import fell_short, through
from rebalancer.core.settle import accept, settle
from rebalancer.ports import Ports


def remembered(ports: Ports, policy: Policy) -> Past:
    """What the ledger knows, as far back as the limits over time go. Raises Halt, ConfigError, Unavailable."""
    return ports.ledger.read(horizon_of(ports.clock.now(), policy.over_time))


# ------------------------------------------------------------ before a new one


def reopened(ports: Ports, past: Past) -> Intent | None:
    """The newest intent, open again because its block was replaced, or because it came after it was given up.

    None: it stands as it is on record, or is final.
    """
    if past.gone is not None:
        landing = ports.wallet.land(past.gone, 0, past.last_block)
        if isinstance(landing, Gone):
            return None
        ports.ledger.record_reopened(past.gone, f"it was given up unmined; {_seen(landing)}")
        return past.gone
    if past.unfinal is None or (mined := mined_of(past.unfinal[1])) is None:
        return None
    # The block is asked for, and no receipt: a node may have dropped that, and the block stands all the same.
    if ports.wallet.stands(mined.block, mined.block_hash, past.last_block):
        return None
    intent, before = past.unfinal[0], f"{mined.tx} was in block {mined.block} ({mined.block_hash})"
    try:
        landing = ports.wallet.land(intent, 0, past.last_block)
    except Halt as error:
        # Open, so that a person's word can close it: what is on record of it is no longer so.
        ports.ledger.record_reopened(intent, f"{before}; {error}")
        raise
    match landing:
        case Landed(receipt) if _place(receipt) == _place(mined):
            return None
        case Waiting(block_hash=str(seen_in)) if seen_in == mined.block_hash:
            # Where it was, with fewer blocks on top than are asked for by now.
            return None
    ports.ledger.record_reopened(intent, f"{before}; {_seen(landing)}")
    return intent


def still_free(ports: Ports, policy: Policy, before: Past, block: Block) -> None:
    """Nobody has stopped the keeper, or acted in its place, while it was thinking, and what landed last is final.

    `before`: what the tick began with; `block`: what its decision rests on. Raises Halt, Unavailable.
    """
    past = remembered(ports, policy)
    if past.halted is not None:
        raise Halt(past.halted)
    if (past.open_intent, past.unfinal, past.gone) != (None, before.unfinal, before.gone):
        sent = "a batch" if past.open_intent is None else past.open_intent.newest.hash
        raise Unavailable(
            f"another keeper has sent {sent} in the meantime, so nothing was signed: the lease of this one was lost; "
            "look at the network between it and the database"
        )
    if past.unfinal is not None and reopened(ports, replace(past, last_block=max(past.last_block, block.number))):
        raise Unavailable(
            "the last rebalance was taken back in the meantime, so nothing was signed; the next tick takes it up"
        )


def require_same_nonce(past: Past, commitment: Commitment) -> None:
    """What was given up may come late until its nonce is used: the chain takes one of two that have the same.

    Raises Unavailable.
    """
    if past.gone is None:
        return
    given_up, nonce = past.gone.commitment.transaction.nonce, commitment.transaction.nonce
    if nonce != given_up:
        raise Unavailable(
            f"the operator's next nonce is {nonce}, expected {given_up}, that of {past.gone.newest.hash}, which was "
            "given up unmined: it has come late, or a node counts wrongly. Nothing was sent; the next tick looks again"
        )


def _seen(landing: Landing) -> str:
    match landing:
        case Landed(receipt):
            return f"{receipt.tx} is in block {receipt.block} ({receipt.block_hash}) now"
        case Waiting(reason) | Gone(reason):
            return reason
        case other:
            assert_never(other)


# ------------------------------------------------------------ one that is on record


def broadcast(ports: Ports, intent: Intent, patience: int, last_block: int) -> Outcome:
    """Send the newest of an intent's transactions, which is on record, and look what becomes of all of them."""
    try:
        ports.wallet.execute(intent)
    except Unavailable as error:
        # The bytes may have arrived all the same: the intent stays open, and the next tick looks.
        return Pending(intent, f"sending was not confirmed: {error}")
    return ended(ports, intent, ports.wallet.land(intent, patience, last_block))


def look_for(ports: Ports, intent: Intent, last_block: int) -> Outcome:
    """What became of an intent: settled and recorded, failed and recorded, or still pending. Sends nothing."""
    return ended(ports, intent, ports.wallet.land(intent, 0, last_block))


def take_up(ports: Ports, policy: Policy, intent: Intent, patience: int, last_block: int) -> tuple[Outcome, str | None]:
    """Finish an intent that an earlier tick left open, and say why a further transaction was sent for it.

    Where its nonce is free yet: the same bytes again, higher fees, a cancellation, or nothing, as the time and the
    price of gas tell.
    """
    landing = ports.wallet.land(intent, 0, last_block)
    if not isinstance(landing, Waiting) or landing.mined:
        return ended(ports, intent, landing), None
    now, block = ports.clock.now(), ports.wallet.gas_now()
    attempt = choose_attempt(intent, now, block, policy)
    if isinstance(attempt, Raise) and (refusal := ports.wallet.rehearse(intent)) is not None:
        attempt = choose_attempt(intent, now, block, policy, refusal)
    match attempt:
        case Leave(reason):
            return Pending(intent, f"{landing.reason}; {reason}"), None
        case Keep(reason):
            if is_void(intent, now, block) and not intent.cancelled:
                # What is void is not offered again: mined now, it would burn its gas, or set targets of long ago.
                return Pending(intent, f"{landing.reason}; {reason}"), None
            past = remembered(ports, policy)
            if past.halted is not None:
                # A person has stopped it meanwhile. A record would be refused; the same bytes again need none.
                raise Halt(past.halted)
            return with_words(broadcast(ports, intent, patience, last_block), reason), None
        case Raise(_, reason) | Cancel(_, reason):
            intent = _replaced(ports, intent, attempt)
            return with_words(broadcast(ports, intent, patience, last_block), reason), reason
        case other:
            assert_never(other)


def close(ports: Ports, intent: Intent, why: str) -> bool:
    """Close the intent of a halted keeper, on a person's word, if the chain shows that nothing more comes of it.

    What landed is recorded as it was measured. Where it may still happen it stays open, and the next tick finishes it.
    Raises Unavailable, ConfigError.
    """
    try:
        # What was read before may be what halted the keeper: no block is asked for.
        landing = ports.wallet.land(intent, 0, 0)
    except Halt as error:
        if intent.orders and ports.clock.now() <= intent.over_at + FINAL_BLOCKS * SLOT:
            # They may be valid, whatever is known of what made them so; when their time is final, events tell.
            return False
        ports.ledger.record_landing(intent, Failure(f"closed by a person, {why!r}: {error}"))
        return True
    match landing:
        case Waiting():
            return False
        case Gone(reason):
            ports.ledger.record_landing(intent, Failure(reason))
        case Landed(receipt):
            ports.ledger.record_landing(intent, accept(intent, receipt, why))
        case other:
            assert_never(other)
    return True


def _place(mined: Settlement | Mined | Receipt) -> tuple[str, int, str]:
    return mined.tx, mined.block, mined.block_hash


def ended(ports: Ports, intent: Intent, landing: Landing) -> Outcome:
    """A landing as an outcome, recorded where it is an end. Raises Halt where something moved that must not."""
    match landing:
        case Waiting(reason):
            return Pending(intent, reason, landing)
        case Gone(reason):
            reason += through(intent)
            ports.ledger.record_landing(intent, Failure(reason))
            return Failed(intent.id, intent.newest.hash, reason)
        case Landed(receipt):
            result = settle(intent, receipt)
            ports.ledger.record_landing(intent, result)
            if isinstance(result, Failure):
                return Failed(intent.id, receipt.tx, result.reason)
            return Settled(result, intent.cost, fell_short(intent, result), intent.targets)
        case other:
            assert_never(other)


def _replaced(ports: Ports, intent: Intent, attempt: Raise | Cancel) -> Intent:
    purpose, fees = replacement_of(intent, attempt)
    signed = ports.wallet.replace(intent, purpose, fees)
    return ports.ledger.record_replacement(intent, Replacement(purpose, ports.clock.now(), signed))


def with_words(outcome: Outcome, reason: str) -> Outcome:
    """What still waits, with what was done about it."""
    if not isinstance(outcome, Pending):
        return outcome
    return replace(outcome, reason=f"{outcome.reason}; {reason}")
