"""When a schedule is due, held against cronsim and the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import settings as searching
from hypothesis import strategies as st

from rebalancer.config.schedule_text import schedule
from rebalancer.core.schedule import DAY, last_moment, moment_words, next_moment

FIRST, LAST_TIME = 0, int(datetime(2110, 1, 1, tzinfo=UTC).timestamp())
TIMES = st.integers(FIRST, LAST_TIME)


def fields(low: int, high: int, more: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """One field of a cron expression."""
    number = st.integers(low, high).map(str)
    spans = st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda p: f"{min(p)}-{max(p)}")
    steps = st.tuples(st.just("*") | spans, st.integers(1, 9)).map(lambda p: f"{p[0]}/{p[1]}")
    one = number | spans | (st.sampled_from(more) if more else number)
    return st.just("*") | steps | st.lists(one, min_size=1, max_size=3).map(",".join)


CRONS = st.tuples(
    fields(0, 59),
    fields(0, 23),
    fields(1, 31, ("L",)),
    fields(1, 12, ("FEB", "nov")),
    fields(0, 7, ("MON", "sun", "5#1", "MON#5", "5L", "7#2")),
).map(" ".join)


def when(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


@searching(max_examples=300)
@given(CRONS, TIMES)
def test_moments__of_any_expression_at_any_time__are_cronsims(text: str, now: int) -> None:
    try:
        found = schedule(text)
    except ValueError as error:
        assert "no date fits" in str(error) or "day-of-month" in str(error), "31 February"
        return
    assert next_moment(found, now) == int(next(CronSim(text, when(now))).timestamp())
    # Backwards from a second later: what is due at `now` itself has come.
    assert last_moment(found, now) == int(next(CronSim(text, when(now + 1), reverse=True)).timestamp())


@pytest.mark.parametrize(
    ("words", "cron"),
    [
        ("weekly Monday 14:00", "0 14 * * MON"),
        ("weekly sun 23:59", "59 23 * * 0"),
        ("Weekly friday", "0 0 * * FRI"),
        ("weekly 06:30", "30 6 * * 1"),
        ("weekly", "0 0 * * MON"),
        ("monthly 28 09:05", "5 9 28 * *"),
        ("monthly", "0 0 1 * *"),
        ("monthly last 12:00", "0 12 L * *"),
        ("quarterly 1 00:00", "0 0 1 1,4,7,10 *"),
        ("quarterly", "0 0 1 1,4,7,10 *"),
        ("quarterly 15 12:00", "0 12 15 1,4,7,10 *"),
        ("quarterly last", "0 0 L 3,6,9,12 *"),
    ],
)
def test_schedule__in_words__is_the_cron_expression(words: str, cron: str) -> None:
    one, other = schedule(words), schedule(cron)
    for now in range(0, 3 * 365 * DAY, 100_003):
        assert last_moment(one, now) == last_moment(other, now)
        assert next_moment(one, now) == next_moment(other, now)
    assert one.text == words


@given(TIMES)
def test_moment_words__at_any_time__are_the_calendars(at: int) -> None:
    assert moment_words(at) == when(at).strftime("%A %Y-%m-%d %H:%M UTC")


def test_last_moment__at_the_moment_itself__is_that_and_a_second_before_the_one_before() -> None:
    monday = int(datetime(2026, 11, 16, 14, tzinfo=UTC).timestamp())
    weekly = schedule("weekly Monday 14:00")
    assert last_moment(weekly, monday) == monday
    assert last_moment(weekly, monday - 1) == monday - 7 * DAY
    assert next_moment(weekly, monday - 1) == monday
    assert next_moment(weekly, monday) == monday + 7 * DAY


def test_last_moment__of_a_leap_day__skips_the_year_2100() -> None:
    found = schedule("0 0 29 2 *")
    assert moment_words(last_moment(found, LAST_TIME - DAY * 1_400) or 0) == "Friday 2104-02-29 00:00 UTC"
    assert moment_words(next_moment(found, last_moment(found, LAST_TIME - DAY * 3_000) or 0) or 0).split()[1] == (
        "2104-02-29"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fortnightly", "expected `weekly Monday 14:00`"),
        ("weekly Monday Tuesday 14:00", "expected `weekly Monday 14:00`"),
        ("weekly someday", "expected a day of the week"),
        ("weekly Monday 24:00", "expected a time in UTC"),
        ("weekly Monday 9:00", "expected a time in UTC"),
        ("monthly 29", "expected a day that every month has"),
        ("monthly 0", "expected a day that every month has"),
        ("monthly Monday", "expected a day that every month has"),
        ("0 14 * * FUNDAY", "its day-of-week is none"),
        ("61 14 * * *", "its minute is none"),
        ("0 0 LW * *", "expected no `LW`"),
        ("0 0 30 2 *", "day-of-month"),
        ("0 0 0 14 * *", "a cron expression"),
        ("@daily", "a cron expression"),
        ("* * * *", "a cron expression"),
    ],
)
def test_schedule__of_what_is_none__is_refused_with_what_is_expected(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="expected") as refusal:
        schedule(text)
    assert said in str(refusal.value)
