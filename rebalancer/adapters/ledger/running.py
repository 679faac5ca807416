"""How long a keeper has run, and how well, asked in SQL that SQLite and PostgreSQL both speak: rows in, a Run out.

As `core.paper.run_of` makes it of all rows, of which there may be a hundred thousand.
"""

from __future__ import annotations

from rebalancer.adapters.ledger.standing import Ask, Parameters
from rebalancer.adapters.ledger.tick_rows import holdings_of
from rebalancer.core.model import Run
from rebalancer.core.paper import BEGUN, CONFIGURED, FAILED, LONGEST_PAUSE, SHOWS_NOTHING, broken_words, paused_words

_NEWEST = """
    SELECT id, at, detail FROM ticks WHERE portfolio = :portfolio AND outcome = :outcome AND id > :newer
    ORDER BY id DESC LIMIT 1
"""
# From the row on in which a person has begun anew.
_COUNTED = f"""
    SELECT COUNT(CASE WHEN outcome NOT IN ('{BEGUN}', '{CONFIGURED}') THEN 1 END), COUNT(*) FROM ticks
    WHERE portfolio = :portfolio AND id >= :begun
"""
_FIRST = "SELECT at FROM ticks WHERE portfolio = :portfolio AND id >= :begun ORDER BY id LIMIT 1"
_LAST = "SELECT at FROM ticks WHERE portfolio = :portfolio ORDER BY id DESC LIMIT 1"
_OPENING = """
    SELECT holdings FROM ticks WHERE portfolio = :portfolio AND id >= :begun AND holdings IS NOT NULL
    ORDER BY id LIMIT 1
"""
# Of those since the newest that failed; its first row has waited for nothing.
_SHOWN = f"""
    SELECT id, at, at - LAG(at) OVER (ORDER BY id) AS waited FROM ticks WHERE portfolio = :portfolio AND id > :bad
    AND holdings IS NOT NULL AND outcome NOT IN ('{SHOWS_NOTHING}', '{BEGUN}', '{CONFIGURED}')
"""
_STRETCH = f"""
    SELECT at, waited FROM ({_SHOWN}) AS shown WHERE waited IS NULL OR waited > :longest ORDER BY id DESC LIMIT 1
"""
_UNTIL = f"SELECT at FROM ({_SHOWN}) AS shown ORDER BY id DESC LIMIT 1"


def read_run(ask: Ask, portfolio: int) -> Run | None:
    """None: nothing is on record. Raises Halt where a row is none of ours."""
    ours: Parameters = {"portfolio": portfolio}
    begun = ask(_NEWEST, ours | {"outcome": BEGUN, "newer": 0})
    ours["begun"] = begun[0][0] if begun else 0
    ticks, rows = ask(_COUNTED, ours)[0]
    if not rows:
        return None
    changed = ask(_NEWEST, ours | {"outcome": CONFIGURED, "newer": ours["begun"]})
    mark = (changed or begun)[:1]
    last, opening = ask(_LAST, ours)[0][0], ask(_OPENING, ours)
    good_since, good_until, broken_by = _stretch(ask, ours, last)
    return Run(
        ticks=ticks,
        began=ask(_FIRST, ours)[0][0],
        last=last,
        good_since=good_since,
        good_until=good_until,
        broken_by=broken_by,
        opening=holdings_of(opening[0][0]) if opening else (),
        rehearsed=mark[0][2] if mark else None,
    )


def _stretch(ask: Ask, ours: Parameters, last: int) -> tuple[int, int, str | None]:
    """(since when it has gone well, until when, what was before)."""
    broken_by, bad = None, int(ours["begun"])
    for outcome in FAILED:
        for number, _, detail in ask(_NEWEST, ours | {"outcome": outcome, "newer": bad}):
            bad, broken_by = number, broken_words(outcome, detail)
    shown = ours | {"bad": bad}
    stretch = ask(_STRETCH, shown | {"longest": LONGEST_PAUSE})
    if not stretch:
        return last, last, broken_by
    since, waited = stretch[0]
    return since, ask(_UNTIL, shown)[0][0], broken_by if waited is None else paused_words(waited)
