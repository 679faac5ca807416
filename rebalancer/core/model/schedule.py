"""The moments at which a calendar is due: a cron expression as sets of what fits."""

from __future__ import annotations

from dataclasses import dataclass

LAST = 0
"""In the place of a day of the month: its last day; of a weekday: the last of it in the month."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every minute in UTC whose parts are in these sets. `core.schedule` finds the one before a time, and the next."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    """Of the month: 1 to 31, or LAST."""
    months: frozenset[int]
    weekdays: frozenset[tuple[int, int]]
    """(0 for Monday to 6, which of them in the month: 1 to 5, or LAST)."""
    both: bool
    """Whether a day must fit by its number and by its weekday; else either will do. Cron's rule: either, where both
    fields say something, and so both, where one of them begins with a star (Debian's cron, crontab(5))."""
    text: str
    """As the owners wrote it."""


Cadence = int | Schedule
"""Seconds since the last settled rebalance, or the moments of a schedule."""
