"""How the newest intent stands, and whether the keeper is halted: rows in, what the Past tells of both out.

Order is that of the rows, never of the clock. Asked as in reading.py, which this is a part of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rebalancer.adapters.ledger.landing_records import mined_from_json, settlement_from_json
from rebalancer.adapters.ledger.words import HALTED, RESUMED
from rebalancer.core.model import FINAL_BLOCKS, Failure, Intent, Settlement

Ask = Callable[[str, Mapping[str, int | str]], Sequence[Sequence[Any]]]
"""A question with named parameters, and its rows."""
Parameters = dict[str, int | str]

_MARK = "SELECT id, at, detail FROM ticks WHERE portfolio = :portfolio AND outcome = :outcome ORDER BY id DESC LIMIT 1"
_HIGHEST = """
    SELECT block FROM ticks WHERE portfolio = :portfolio AND id > :after AND block IS NOT NULL
    ORDER BY block DESC LIMIT 1
"""
_NEWEST_TURN = "SELECT kind, number, turn FROM turns WHERE portfolio = :portfolio ORDER BY turn DESC LIMIT 1"
_RECORDED_AFTER = "SELECT after_tick FROM intents WHERE portfolio = :portfolio AND number = :number"
_INTENT = "SELECT id, tx, body FROM intents WHERE portfolio = :portfolio AND number = :number"
_ATTEMPTS = """
    SELECT purpose, at, hash, body FROM attempts WHERE portfolio = :portfolio AND number = :number ORDER BY attempt
"""
_LANDING = "SELECT reason, body, block, after_tick FROM landings WHERE portfolio = :portfolio AND turn = :turn"


def standing_halt(ask: Ask, ours: Parameters) -> str | None:
    """Why a person must look first."""
    return marks_of(ask, ours)[2]


def read_intent(ask: Ask, ours: Parameters, number: int) -> Intent:
    """With all that was signed for it. Raises Halt where the bytes are others than the hash says."""
    from rebalancer.adapters.ledger.attempts import intent_of

    found = {"number": number} | ours
    return intent_of(ask(_INTENT, found), ask(_ATTEMPTS, found))


def newest_turn(ask: Ask, ours: Parameters) -> tuple[str, int, int] | None:
    """(what happened last to an intent, its number, the turn); None: there was never an intent."""
    rows = ask(_NEWEST_TURN, ours)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def result_of(reason: str | None, body: str | None) -> Settlement | Failure:
    """As a landing's row keeps it."""
    if reason is None:
        return settlement_from_json(body or "")
    return Failure(reason, None if body is None else mined_from_json(body))


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest intent as the Past tells of it. `block`: the highest that it speaks of since a person resumed."""

    block: int = 0
    open_intent: Intent | None = None
    unfinal: tuple[Intent, Settlement | Failure] | None = None
    gone: Intent | None = None
    unchecked: tuple[Intent, Settlement] | None = None


def newest_of(ask: Ask, ours: Parameters, resumed: int) -> Newest:
    turn = newest_turn(ask, ours)
    if turn is None:
        return Newest()
    kind, number, at = turn
    if kind != "landing":
        intent = read_intent(ask, ours, number)
        known_after = ask(_RECORDED_AFTER, ours | {"number": number})[0][0]
        return Newest(intent.block if known_after >= resumed else 0, intent)
    reason, body, block, after_tick = ask(_LANDING, ours | {"turn": at})[0]
    fresh = after_tick >= resumed
    if block is None:
        return Newest(gone=read_intent(ask, ours, number) if fresh else None)
    bound = block if fresh else 0
    # What was read after it has the say, whoever resumed: a block that never was is forgotten, finality is not.
    read = highest_block(ask, ours, after_tick)
    if read - block >= FINAL_BLOCKS:
        return Newest(bound)
    intent, result = read_intent(ask, ours, number), result_of(reason, body)
    if isinstance(result, Settlement) and fresh and read < block:
        return Newest(bound, unfinal=(intent, result), unchecked=(intent, result))
    return Newest(bound, unfinal=(intent, result))


def marks_of(ask: Ask, ours: Parameters) -> tuple[int, int, str | None]:
    """(the row in which a person resumed last, and when; why it is halted since)."""
    halted = ask(_MARK, ours | {"outcome": HALTED})
    resumed = ask(_MARK, ours | {"outcome": RESUMED})
    row, at = (resumed[0][0], resumed[0][1]) if resumed else (0, 0)
    return row, at, halted[0][2] if halted and halted[0][0] > row else None


def highest_block(ask: Ask, ours: Parameters, after: int) -> int:
    rows = ask(_HIGHEST, ours | {"after": after})
    return rows[0][0] if rows else 0
