"""An intent as its rows keep it: the record itself, and one row for each transaction that was signed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rebalancer.adapters.ledger.records import intent_from_json, signed_from_json, signed_to_json
from rebalancer.core.errors import Halt
from rebalancer.core.model import Intent, Purpose, Replacement, SignedTransaction
from rebalancer.market.addresses import keccak256

SEND = "send"
"""The purpose of the first; those of the others are Purpose's."""


def intent_of(rows: Sequence[Sequence[Any]], attempts: Sequence[Sequence[Any]]) -> Intent:
    """`rows`: (id, tx, body), one. `attempts`: (purpose, at, hash, body), oldest first.

    Raises Halt where they contradict each other, or the bytes are others than the hash says.
    """
    if not rows or not attempts:
        raise Halt(
            "ledger: an intent is open that has no record, or no transaction. Look on the chain what the operator "
            "sent, and restore the ledger from a backup"
        )
    identity, tx, body = rows[0]
    intent = intent_from_json(body)
    _check(identity, tx, intent.commitment)
    if intent.id != identity or signed_from_json(attempts[0][3]) != intent.commitment:
        raise _contradiction(identity, intent.commitment.hash, str(attempts[0][2]))
    return replace(intent, replacements=tuple(_replacement(identity, row) for row in attempts[1:]))


def row_of(at: int, purpose: str, signed: SignedTransaction) -> dict[str, int | str]:
    """What is kept of a signed transaction, whole and in parts."""
    fees = signed.transaction.fees
    return {
        "purpose": purpose,
        "at": at,
        "nonce": signed.transaction.nonce,
        "gas": signed.transaction.gas,
        "max_fee": str(fees.max_fee),
        "tip": str(fees.tip),
        "hash": signed.hash,
        "body": signed_to_json(signed),
    }


def _replacement(identity: str, row: Sequence[Any]) -> Replacement:
    purpose, at, known_as, body = row
    signed = signed_from_json(body)
    _check(identity, known_as, signed)
    try:
        return Replacement(Purpose(purpose), at, signed)
    except ValueError:
        raise Halt(
            f"ledger: transaction {known_as} of intent {identity} is for {purpose!r}, expected "
            f"{' or '.join(Purpose)}. Restore the ledger from a backup, or run the version that wrote it"
        ) from None


def _check(identity: str, known_as: str, signed: SignedTransaction) -> None:
    hashed = "0x" + keccak256(signed.raw).hex()
    if not known_as == signed.hash == hashed:
        raise _contradiction(identity, known_as, hashed)


def _contradiction(identity: str, known_as: str, hashed: str) -> Halt:
    return Halt(
        f"ledger: intent {identity} says it was sent as {known_as}, but its bytes are {hashed}. "
        "Look on the chain what the operator sent, and restore the ledger from a backup"
    )
