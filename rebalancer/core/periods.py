"""A time in; when the targets were to be estimated last and are to be next out. All at midnights, UTC.

Days are counted from 1970-01-01; a date from its day by the civil calendar's cycle of 400 years (Howard Hinnant,
"chrono-Compatible Low-Level Date Algorithms").
"""

from __future__ import annotations

from typing import assert_never

from rebalancer.core.model.estimation import Estimate, Estimation, EveryDays, EveryMonths, Update

DAY = 86_400
FORMER = 2
"""Updates before the last one whose estimate holds where the last has none, if no step ties each to the one before."""
_MONTHS = 12


def last_update(update: Update, at: int) -> int:
    """The newest one that is not after `at`, in Unix seconds."""
    day = at // DAY
    match update:
        case EveryDays(days, first):
            return (day - (day - first) % days) * DAY
        case EveryMonths(months):
            month = _month_of(day)
            return _first_day(month - month % months) * DAY
        case other:
            assert_never(other)


def next_update(update: Update, at: int) -> int:
    """The first one after `at`, in Unix seconds."""
    match update:
        case EveryDays(days, _):
            return last_update(update, at) + days * DAY
        case EveryMonths(months):
            return _first_day(_month_of(last_update(update, at) // DAY) + months) * DAY
        case other:
            assert_never(other)


def updates_until(estimation: Estimation, at: int) -> list[int]:
    """The times of all updates that the targets at `at` follow from, oldest first."""
    due = [last_update(estimation.update, at)]
    if estimation.step is None:
        while len(due) <= FORMER:
            due.append(last_update(estimation.update, due[-1] - 1))
        return due[::-1]
    _, since = estimation.step
    while due[-1] >= since:
        due.append(last_update(estimation.update, due[-1] - 1))
    return due[-2::-1]


def started(estimation: Estimation, at: int) -> Estimate:
    """What holds before the first update."""
    return Estimate(at, estimation.start, None, estimation.start, 0, 0, 0, "no update was due yet")


def _month_of(day: int) -> int:
    """Months since the year 0."""
    days = day + 719_468
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    since_march = (5 * of_year + 2) // 153
    return (era * 400 + year_of_era) * _MONTHS + since_march + 2


def _first_day(month: int) -> int:
    """Of a month since the year 0, in days since 1970-01-01."""
    year, since_march = divmod(month - 2, _MONTHS)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * since_march + 2) // 5 - 719_468
