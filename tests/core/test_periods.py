"""When targets are estimated anew, against the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.core.model.estimation import Estimation, EveryDays, EveryMonths, Method, Update
from rebalancer.core.periods import DAY, last_update, next_update, updates_until
from rebalancer.units import Ppm

MONDAY = 4


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@given(st.dates(date(1970, 6, 1), date(2400, 1, 1)), st.integers(0, DAY - 1), st.sampled_from([1, 3]))
def test_last_update__of_months__is_the_calendars(day: date, second: int, months: int) -> None:
    at = (day - date(1970, 1, 1)).days * DAY + second
    month = (day.month - 1) // months * months + 1
    first = day.replace(day=1, month=month)
    after = date(day.year + (month + months > 12), (month + months - 1) % 12 + 1, 1)
    assert last_update(EveryMonths(months), at) == (first - date(1970, 1, 1)).days * DAY
    assert next_update(EveryMonths(months), at) == (after - date(1970, 1, 1)).days * DAY


@given(st.dates(date(1970, 6, 1), date(2400, 1, 1)), st.integers(0, DAY - 1))
def test_last_update__of_a_week__is_a_monday(day: date, second: int) -> None:
    at = (day - date(1970, 1, 1)).days * DAY + second
    monday = day - timedelta(days=day.weekday())
    assert last_update(EveryDays(7, MONDAY), at) == (monday - date(1970, 1, 1)).days * DAY
    assert next_update(EveryDays(7, MONDAY), at) - last_update(EveryDays(7, MONDAY), at) == 7 * DAY


@given(st.integers(0, 10**10), st.integers(1, 366), st.integers(0, 10**5))
def test_last_update__of_days__is_the_newest_of_its_row(at: int, days: int, first: int) -> None:
    found = last_update(EveryDays(days, first), at)
    assert 0 <= at - found < days * DAY
    assert (found // DAY - first) % days == 0 and found % DAY == 0


@pytest.mark.parametrize(
    ("update", "since", "at", "expected"),
    [
        (EveryMonths(1), "2026-01-01", "2026-03-05", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        (EveryMonths(1), "2026-01-02", "2026-03-05", ["2026-02-01", "2026-03-01"]),
        (EveryMonths(3), "2026-01-02", "2026-03-05", []),
        (EveryDays(7, MONDAY), "2026-02-20", "2026-03-05", ["2026-02-23", "2026-03-02"]),
        (EveryMonths(1), "2027-01-01", "2026-03-05", []),
    ],
)
def test_updates_until__with_a_step__are_all_since_the_day(
    update: Update, since: str, at: str, expected: list[str]
) -> None:
    estimation = Estimation(Method.EQUAL, 90, update, (Ppm(1), seconds(since)), (), ())
    assert updates_until(estimation, seconds(at)) == [seconds(one) for one in expected]


def test_updates_until__without_a_step__are_the_last_three() -> None:
    estimation = Estimation(Method.EQUAL, 90, EveryMonths(1), None, (), ())
    found = updates_until(estimation, seconds("2026-03-05"))
    assert found == [seconds(one) for one in ("2026-01-01", "2026-02-01", "2026-03-01")]
