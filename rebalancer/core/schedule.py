"""A schedule and a time in; its last moment by then, or the next one after it, out. All in UTC, and in integers.

Days are walked month by month, so that a schedule of quarters is no slower than one of weeks. From a count of days to
a date and back: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (civil_from_days, days_from_civil).
"""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.core.model import LAST, Schedule

DAY = 86_400
GRACE = DAY
"""How long a moment is due: whoever ticks at least daily meets it. What could not be done within it waits for the next
one, so that a rebalance of Mondays is one on a Monday, however long nobody ticked or nothing could be sent."""
_MONTHS = 50 * 12
"""How far is looked: 29 February of a given weekday comes every 28 years, or 40 over a year such as 2100."""
_FIRST_DAY = 3
"""1970-01-01 was a Thursday."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def last_moment(schedule: Schedule, now: int) -> int | None:
    """The latest one at `now` or before, in Unix seconds; None: none in fifty years."""
    today, second = divmod(now, DAY)
    times = [time for time in _times(schedule) if time <= second]
    if times and _fits_on(schedule, today):
        return today * DAY + times[-1]
    day = next(_days_before(schedule, today), None)
    return None if day is None else day * DAY + _times(schedule)[-1]


def next_moment(schedule: Schedule, now: int) -> int | None:
    """The earliest one after `now`; None: none in fifty years."""
    today, second = divmod(now, DAY)
    times = [time for time in _times(schedule) if time > second]
    if times and _fits_on(schedule, today):
        return today * DAY + times[0]
    day = next(_days_after(schedule, today), None)
    return None if day is None else day * DAY + _times(schedule)[0]


def moment_words(at: int) -> str:
    """Unix seconds for people: "Monday 2026-11-16 14:00 UTC"."""
    day, second = divmod(at, DAY)
    year, month, number = _date(day)
    hour, minute = divmod(second // 60, 60)
    return f"{_WEEKDAYS[(day + _FIRST_DAY) % 7]} {year:04d}-{month:02d}-{number:02d} {hour:02d}:{minute:02d} UTC"


def _times(schedule: Schedule) -> list[int]:
    """Of a day that fits, in seconds, in their order."""
    return [hour * 3_600 + minute * 60 for hour in sorted(schedule.hours) for minute in sorted(schedule.minutes)]


def _fits_on(schedule: Schedule, day: int) -> bool:
    year, month, number = _date(day)
    return month in schedule.months and _fits(schedule, day, number, _length(year, month))


def _fits(schedule: Schedule, day: int, number: int, length: int) -> bool:
    """`day` since 1970-01-01, the `number`th of its month, which has `length`."""
    weekday = (day + _FIRST_DAY) % 7
    by_number = number in schedule.days or (number == length and LAST in schedule.days)
    by_weekday = (weekday, (number + 6) // 7) in schedule.weekdays or (
        number + 7 > length and (weekday, LAST) in schedule.weekdays
    )
    return by_number and by_weekday if schedule.both else by_number or by_weekday


def _days_before(schedule: Schedule, today: int) -> Iterator[int]:
    """Those that fit, the newest first."""
    year, month, number = _date(today)
    for _ in range(_MONTHS):
        if month in schedule.months:
            first, length = _first_of(year, month), _length(year, month)
            for one in range(min(number - 1, length), 0, -1):
                if _fits(schedule, first + one - 1, one, length):
                    yield first + one - 1
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        number = 32


def _days_after(schedule: Schedule, today: int) -> Iterator[int]:
    """Those that fit, the oldest first."""
    year, month, number = _date(today)
    for _ in range(_MONTHS):
        if month in schedule.months:
            first, length = _first_of(year, month), _length(year, month)
            for one in range(number + 1, length + 1):
                if _fits(schedule, first + one - 1, one, length):
                    yield first + one - 1
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        number = 0


def _length(year: int, month: int) -> int:
    following = (year, month + 1) if month < 12 else (year + 1, 1)
    return _first_of(*following) - _first_of(year, month)


def _first_of(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of the month. Years begin in March, so that a leap day is the last."""
    year -= month <= 2
    of_year = (153 * ((month + 9) % 12) + 2) // 5
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719_468


def _date(day: int) -> tuple[int, int, int]:
    """(year, month, day of the month)."""
    era, of_era = divmod(day + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    number = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + 400 * era + (month <= 2), month, number
