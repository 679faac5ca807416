"""How a tick ended and what stood on record before it in; what a person is told of it out, or nothing.

Nothing is told twice in a row: a keeper that is halted says so once, a breach is told when it is new, what may pass by
itself is told the second time, and what is open for long once a day.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from rebalancer.core.errors import Halt, RebalancerError, Unavailable
from rebalancer.core.model import (
    Blocked,
    Breach,
    Failed,
    Held,
    Intent,
    Notice,
    Outcome,
    Past,
    Pending,
    Planned,
    Proposed,
    Settled,
    TickRecord,
)
from rebalancer.core.render import duration, outcome_words

UNKNOWN = "error"
"""The outcome on record of a tick that ended in an error of none of our kinds: a fault in the program."""


LONG = 3_600
"""Seconds past its deadline, from which on an open intent is told of: by then a keeper has long ended it by itself."""
_DAY = 86_400


def notice_of(ended: Outcome | Exception, past: Past | None, gas: str | None = None, at: int = 0) -> Notice | None:
    """What to tell of a live tick. `past`: as it was before the tick; None: the ledger could not be read,
    or took no row of this tick.

    `at`: Unix seconds of the tick's row; no error needs it.
    `gas`: that the operator needs coin, in words. It rides on what spends gas, and so comes back until it is heard.
    """
    told = _of_error(ended, past) if isinstance(ended, Exception) else _of_outcome(ended, past, at)
    if past is None and told is not None:
        told = replace(told, remembered=False)
    if gas is None or not isinstance(ended, Settled | Failed):
        return told
    if told is None:
        return Notice("the operator runs out of gas", gas, urgent=True)
    return Notice(f"{told.title}; the operator runs out of gas", f"{told.body}\n{gas}", urgent=True)


def _of_error(error: Exception, past: Past | None) -> Notice | None:
    match error:
        case Halt():
            known = past is not None and past.halted is not None
            return None if known else Notice("halted: a person must look", str(error), urgent=True)
        case Unavailable():
            known = past is not None and not _second(past)
            return None if known else Notice("no decision, twice in a row", str(error), urgent=True)
        case RebalancerError():
            return _new(error.kind, Notice("the configuration must be mended", str(error), urgent=True), past)
        case _:
            # Its text may hold anything, the URL of a node with its key included.
            body = f"{type(error).__name__}; its traceback is in the log, and nothing is half done"
            return _new(UNKNOWN, Notice("a fault in the program", body, urgent=True), past)


def _of_outcome(outcome: Outcome, past: Past | None, at: int) -> Notice | None:
    word, detail = outcome_words(outcome)
    match outcome:
        case Settled():
            return _of_settled(outcome, detail)
        case Failed():
            # Ticks that waited may lie between two batches, so these are counted, not the ticks.
            known = past is not None and (past.failures != 1 or _is_known(outcome, past))
            return None if known else Notice("a batch failed, twice in a row", detail, urgent=True)
        case Blocked(breaches):
            return None if _told_of(breaches, past) else Notice("blocked by its limits", detail, urgent=True)
        case Proposed():
            return _new(word, Notice("waits for the owners' signatures", detail, urgent=True), past)
        case Pending(intent):
            return _of_pending(intent, detail, past, at)
        case Held() | Planned():
            return None
        case other:
            assert_never(other)


def _of_settled(settled: Settled, detail: str) -> Notice:
    if settled.short is not None:
        return Notice("rebalanced for less than was simulated", detail, urgent=True)
    if settled.targets:
        return Notice("new targets are set", detail, urgent=False)
    return Notice("rebalanced", detail, urgent=False)


def _of_pending(intent: Intent, detail: str, past: Past | None, at: int) -> Notice | None:
    """Told an hour after its deadline, or that of its orders, and then once a day."""
    late = at - intent.over_at
    if late < LONG:
        return None
    due = at - (late - LONG) % _DAY
    told = past is not None and (before := _waited_at(past)) is not None and before >= due
    body = f"{detail}; it should have ended by its deadline, {duration(late)} ago"
    return None if told else Notice("an intent is open for long", body, urgent=True)


def _waited_at(past: Past) -> int | None:
    """When a tick ended in waiting last; where no tick on record did, when the oldest of these ended."""
    waited = [record.at for record in past.recent if record.outcome == "pending"]
    return next(iter(waited or [record.at for record in past.recent[-1:]]), None)


def _is_known(failed: Failed, past: Past) -> bool:
    """Whether it stood on record as given up, was looked at again, and is."""
    return past.gone is not None and past.gone.id == failed.intent


def _second(past: Past) -> bool:
    """Whether the tick before came to no decision either, and the one before that did: two in a row are told once."""
    before = [_undecided(record) for record in past.recent[:2]]
    return before[:1] == [True] and before[1:] != [True]


def _undecided(record: TickRecord) -> bool:
    return record.outcome == Unavailable.__name__


def _new(word: str, notice: Notice, past: Past | None) -> Notice | None:
    """Told unless the tick before ended in the same way."""
    last = past.recent[0] if past is not None and past.recent else None
    return None if last is not None and last.outcome == word else notice


def _told_of(breaches: tuple[Breach, ...], past: Past | None) -> bool:
    """Whether the tick before was blocked by all of these rules, whatever their figures were."""
    last = past.recent[0] if past is not None and past.recent else None
    if last is None or last.outcome != "blocked":
        return False
    return all(f"; {breach.rule}: " in f"; {last.detail}" for breach in breaches)
