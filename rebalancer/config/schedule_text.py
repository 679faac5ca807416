"""What people write about when a calendar is due, as a Schedule: "weekly Monday 14:00", or a cron expression. UTC."""

from __future__ import annotations

import re

from rebalancer.core.model import LAST, Schedule
from rebalancer.core.schedule import next_moment

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EXPECTED = "expected `weekly Monday 14:00`, `monthly 1 00:00`, `quarterly 1 00:00`, or a cron expression in UTC"
_FIRST_MONTHS, _LAST_MONTHS = frozenset({1, 4, 7, 10}), frozenset({3, 6, 9, 12})
"""Of the quarters: the last day is that of their last month, all others are of their first."""
_SAFE_DAYS = range(1, 29)
"""Days that every month has."""
_FIELDS = 5
_EVERY_WEEKDAY = frozenset((weekday, nth) for weekday in range(7) for nth in range(1, 6))
_EVERY_MONTH = frozenset(range(1, 13))


def schedule(text: str) -> Schedule:
    """By a word or by cron. A word alone is Monday, or the first of the month, at 00:00: where daily prices begin."""
    words = text.split()
    match [word.lower() for word in words]:
        case ["weekly", *rest]:
            day, time = _day_and_time(rest, "monday")
            weekdays = frozenset((_weekday(day), nth) for nth in range(1, 6))
            return _at(time, frozenset(range(1, 32)), _EVERY_MONTH, weekdays, text)
        case ["monthly", *rest]:
            day, time = _day_and_time(rest, "1")
            return _at(time, frozenset({_day_of_month(day)}), _EVERY_MONTH, _EVERY_WEEKDAY, text)
        case ["quarterly", *rest]:
            day, time = _day_and_time(rest, "1")
            number = _day_of_month(day)
            months = _LAST_MONTHS if number == LAST else _FIRST_MONTHS
            return _at(time, frozenset({number}), months, _EVERY_WEEKDAY, text)
        case _ if len(words) == _FIELDS:
            return _of_cron(text)
        case _:
            raise ValueError(EXPECTED)


def _at(
    time: str, days: frozenset[int], months: frozenset[int], weekdays: frozenset[tuple[int, int]], text: str
) -> Schedule:
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", time)
    if found is None:
        raise ValueError(f"expected a time in UTC such as `14:00`; {EXPECTED}")
    return Schedule(frozenset({int(found[2])}), frozenset({int(found[1])}), days, months, weekdays, True, text)


def _day_and_time(rest: list[str], day: str) -> tuple[str, str]:
    """Either may be left out."""
    time = rest[-1] if rest and ":" in rest[-1] else None
    days = rest if time is None else rest[:-1]
    if len(days) > 1:
        raise ValueError(EXPECTED)
    return days[0] if days else day, time or "00:00"


def _weekday(text: str) -> int:
    found = [number for number, name in enumerate(WEEKDAYS) if text in (name, name[:3])]
    if not found:
        raise ValueError(f"expected a day of the week such as `Monday`; {EXPECTED}")
    return found[0]


def _day_of_month(text: str) -> int:
    if text == "last":
        return LAST
    if not re.fullmatch("[0-9]{1,2}", text) or int(text) not in _SAFE_DAYS:
        raise ValueError("expected a day that every month has, `1` to `28`, or `last`")
    return int(text)


def _of_cron(text: str) -> Schedule:
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError  # late: few configurations have one

    try:
        read = CronSim(text, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise ValueError(f"{EXPECTED} such as `0 14 * * MON`: its {field} is none") from None
    if CronSim.LAST_WEEKDAY in read.days:
        raise ValueError("expected no `LW`, which is not known here; `L` is the last day of the month")
    found = Schedule(
        frozenset(read.minutes),
        frozenset(read.hours),
        frozenset(LAST if day == CronSim.LAST else day for day in read.days),
        frozenset(read.months),
        frozenset(pair for one in read.weekdays for pair in _pairs(one, CronSim.LAST)),
        read.day_and,
        text,
    )
    if next_moment(found, 0) is None:
        raise ValueError("expected a schedule that comes some day: no date fits this one")
    return found


def _pairs(one: int | tuple[int, int], last: int) -> list[tuple[int, int]]:
    """Cron's weekday, 0 or 7 for Sunday, perhaps with which of the month."""
    if isinstance(one, int):
        return [((one + 6) % 7, nth) for nth in range(1, 6)]
    weekday, nth = one
    return [((weekday + 6) % 7, LAST if nth == last else nth)]
