"""Of transactions that are not mined: an intent and what a node says of it in, words for people out."""

from __future__ import annotations

from rebalancer.core.model import Intent, Purpose, SignedTransaction

INDEX_SECONDS = 600
"""A node's index of transactions may lag behind its blocks by minutes, and a relay shows nobody what it holds: so long
after the deadline, a transaction that is neither in the index nor in a block is believed to be none."""


def names_of(intent: Intent) -> str:
    """All its transactions."""
    first, *more = (each.hash for each in intent.transactions)
    return f"{first} (replaced by {', '.join(more)})" if more else first


def is_cancellation(intent: Intent, signed: SignedTransaction) -> bool:
    """Whether this one of its transactions is there to prevent it."""
    return any(each.signed == signed and each.purpose is Purpose.CANCEL for each in intent.replacements)


def believed_at(intent: Intent) -> int:
    """From when on a node that does not know any of its transactions is believed. A cancellation has no deadline, and
    orders that it may have placed all the same are valid for longer.
    """
    signed_at = (each.at for each in intent.of_its_nonce)
    return max((intent.deadline, *signed_at, *(order.valid_to for order in intent.orders))) + INDEX_SECONDS


def unknown(intent: Intent, now: int, host: str) -> str:
    """The node knows none of its transactions, and has not used their nonce. `now` is the newest block's time."""
    if intent.cancelled:
        return f"{host} does not know the cancellation {intent.newest.hash}, nor what it is to replace"
    late = "is given up since" if intent.targets else "could only revert since"
    until = "can be mined until" if now <= intent.deadline else late
    return f"{host} does not know {names_of(intent)}, which {until} {intent.deadline}"


def unmined(intent: Intent, newest: SignedTransaction, now: int) -> str:
    """`newest` is known, and not mined. Past the deadline no waiting helps: it may be cut short."""
    what = f"the cancellation {newest.hash}" if is_cancellation(intent, newest) else newest.hash
    waits = f"{what} waits to be mined, with nonce {newest.transaction.nonce}"
    if now <= intent.deadline or intent.cancelled:
        return waits
    fees = newest.transaction.fees
    late = "would set what was wanted long ago" if intent.targets else "can only revert and burn gas"
    return (
        f"{waits}, and is {now - intent.deadline} s past its deadline: mined now, it {late}. "
        "With `execution.when_stuck: cancel` the keeper cancels it. By hand: from the operator to itself, 0 wei, with "
        f"nonce {newest.transaction.nonce}, a max fee above {fees.max_fee} wei and a tip above {fees.tip} wei, both by "
        "an eighth or more; the next tick halts on that, and `rebalancer resume` closes the intent"
    )


def missing_before(intent: Intent, used: int) -> str:
    """What to add where the operator's next nonce, `used`, comes before the intent's."""
    if used >= intent.commitment.transaction.nonce:
        return ""
    return (
        f"; the operator's next nonce is {used}, so nothing of it can be mined before another transaction is: an "
        "earlier one was taken back with its block"
    )
