"""How long a keeper has run, and how well, asked in SQL that SQLite and PostgreSQL both speak: rows in, a Run out.

As `core.paper.run_of` makes it of all rows, of which there may be a hundred thousand.
"""

from __future__ import annotations

from rebalancer.adapters.ledger.standing import Ask, Parameters
from rebalancer.adapters.ledger.tick_rows import holdings_of
from rebalancer.core.model import Run
from rebalancer.core.paper import FAILED, LONGEST_PAUSE, broken_words, paused_words

_COUNTED = """
    SELECT COUNT(*), (SELECT at FROM ticks WHERE portfolio = :portfolio ORDER BY id DESC LIMIT 1),
        (SELECT holdings FROM ticks WHERE portfolio = :portfolio AND holdings IS NOT NULL ORDER BY id LIMIT 1)
    FROM ticks WHERE portfolio = :portfolio
"""
_FIRST = "SELECT at FROM ticks WHERE portfolio = :portfolio ORDER BY id LIMIT 1"
_BAD = """
    SELECT id, at, detail FROM ticks WHERE portfolio = :portfolio AND outcome = :outcome AND id > :newer
    ORDER BY id DESC LIMIT 1
"""
# Since the newest that failed, which is left out: a pause right after it is no further end.
_PAUSED = """
    SELECT at, waited FROM (
        SELECT id, at, at - LAG(at) OVER (ORDER BY id) AS waited FROM ticks WHERE portfolio = :portfolio AND id > :bad
    ) AS pauses WHERE waited > :longest ORDER BY id DESC LIMIT 1
"""


def read_run(ask: Ask, portfolio: int) -> Run | None:
    """None: no tick is on record. Raises Halt where a row is none of ours."""
    ours: Parameters = {"portfolio": portfolio}
    count, last, opening = ask(_COUNTED, ours)[0]
    if not count:
        return None
    began = ask(_FIRST, ours)[0][0]
    good_since, broken_by, failed = began, None, 0
    for outcome in FAILED:
        for number, at, detail in ask(_BAD, ours | {"outcome": outcome, "newer": failed}):
            failed, good_since, broken_by = number, at, broken_words(outcome, detail)
    for since, waited in ask(_PAUSED, ours | {"bad": failed, "longest": LONGEST_PAUSE}):
        good_since, broken_by = since, paused_words(waited)
    return Run(count, began, last, good_since, broken_by, holdings_of(opening))
