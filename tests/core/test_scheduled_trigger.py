"""Moments of a schedule: which are due, for how long, and which pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import NEW
from given_triggers import AT_TARGET, DAY, HOUR, MONDAY, TUESDAYS, policy_with, settled, weth_at, wider
from small_market import NOW

from rebalancer.config.schedule_text import schedule
from rebalancer.core.model import (
    NO_HISTORY,
    Act,
    Calendar,
    Hold,
    Hybrid,
    Past,
    Window,
)
from rebalancer.core.trigger import reason_to_act

AT_TWO = MONDAY + DAY + 14 * HOUR
"""Eight hours before NOW, which is 22:13:20."""
OUTSIDE = "36000"
"""Of WETH: a point beyond a band of five."""


def new(began: int) -> Past:
    """Nothing has settled; the first tick on record was then."""
    return replace(NEW, history=replace(NO_HISTORY, began=began))


@pytest.mark.parametrize(("ago", "acts"), [(NOW - AT_TWO + 1, True), (NOW - AT_TWO, False), (HOUR, False)])
def test_schedule__after_its_moment__acts_where_nothing_has_settled_since(ago: int, acts: bool) -> None:
    assert isinstance(reason_to_act(policy_with(TUESDAYS), AT_TARGET, NOW, settled(ago)), Act) == acts


@pytest.mark.parametrize(
    ("late", "acts"), [(-1, False), (0, True), (DAY - 1, True), (DAY, False), (6 * DAY, False), (7 * DAY, True)]
)
def test_schedule__missed__is_due_for_a_day_and_then_waits_for_its_next_moment(late: int, acts: bool) -> None:
    answer = reason_to_act(policy_with(TUESDAYS), AT_TARGET, AT_TWO + late, settled(NOW - AT_TWO + 6 * DAY))
    assert isinstance(answer, Act) == acts
    if late == DAY - 1:
        assert answer.reason.endswith(", one is due since Tuesday 2023-11-14 14:00 UTC (weekly Tuesday 14:00)")
    if late == DAY:
        assert answer == Hold(
            "the last rebalance settled 7 d ago, that of Tuesday 2023-11-14 14:00 UTC was due for 1 d and has passed, "
            "the next is due on Tuesday 2023-11-21 14:00 UTC, in 6 d (weekly Tuesday 14:00)"
        )


def test_schedule__of_a_keeper_that_was_dry_for_weeks_and_goes_live_on_thursday__waits_for_its_next_moment() -> None:
    dry = new(MONDAY - 18 * DAY)
    answer = reason_to_act(policy_with(TUESDAYS), AT_TARGET, AT_TWO + 2 * DAY, dry)
    assert isinstance(answer, Hold) and answer.reason.startswith("no rebalance has settled yet, that of Tuesday ")
    assert isinstance(reason_to_act(policy_with(TUESDAYS), AT_TARGET, AT_TWO + 7 * DAY, dry), Act)


def test_schedule__between_two_moments__holds_and_says_when_the_next_is() -> None:
    answer = reason_to_act(policy_with(TUESDAYS), AT_TARGET, NOW, settled(HOUR))
    assert answer == Hold(
        "the last rebalance settled 1 h ago, the next is due on Tuesday 2023-11-21 14:00 UTC, in 6 d 15 h "
        "(weekly Tuesday 14:00)"
    )


@pytest.mark.parametrize(("began", "acts"), [(0, False), (AT_TWO - 1, True), (AT_TWO, False), (NOW - 60, False)])
def test_schedule__with_nothing_settled__counts_from_the_first_tick_on_record(began: int, acts: bool) -> None:
    answer = reason_to_act(policy_with(TUESDAYS), AT_TARGET, NOW, new(began))
    assert isinstance(answer, Act) == acts and answer.reason.startswith("no rebalance has settled yet, ")


@pytest.mark.parametrize(
    ("window", "late", "acts"),
    [
        # Its hours were over at 14:00: it is due from the next morning on, for a day.
        (Window(frozenset(range(5)), 8 * HOUR, 12 * HOUR), 18 * HOUR, True),
        (Window(frozenset(range(5)), 8 * HOUR, 12 * HOUR), 21 * HOUR, True),
        (Window(frozenset(range(5)), 8 * HOUR, 12 * HOUR), 42 * HOUR, False),
        # Fridays only, and over midnight.
        (Window(frozenset({4}), 22 * HOUR, 4 * HOUR), 3 * DAY + 13 * HOUR, True),
        # On its day it opens before and after the moment.
        (Window(frozenset({1}), 23 * HOUR, 15 * HOUR), HOUR, False),
        (Window(frozenset({1}), 23 * HOUR, 13 * HOUR), 22 * HOUR, True),
        (Window(frozenset({1}), 10 * HOUR, 12 * HOUR), 7 * DAY - 3 * HOUR, True),
    ],
)
def test_schedule__whose_moment_the_window_shuts_out__is_due_for_a_day_from_when_it_opens(
    window: Window, late: int, acts: bool
) -> None:
    policy = policy_with(TUESDAYS, window)
    answer = reason_to_act(policy, AT_TARGET, AT_TWO + late, settled(NOW - AT_TWO + DAY))
    assert isinstance(answer, Act) == acts, answer


@pytest.mark.parametrize(
    ("dollars", "ago", "acts"), [(OUTSIDE, 2 * DAY, True), ("35000", 2 * DAY, False), (OUTSIDE, 1, False)]
)
def test_hybrid__by_a_schedule__asks_for_both(dollars: str, ago: int, acts: bool) -> None:
    policy = policy_with(Hybrid(TUESDAYS.every, wider("5", None).bands))
    assert isinstance(reason_to_act(policy, weth_at(dollars), NOW, settled(ago)), Act) == acts


@pytest.mark.parametrize(("blocked", "day"), [(0, 1), (3, 4), (7, None)])
def test_schedule__of_seven_days_with_rebalances_apart__acts_once_a_month_on_the_first_day_that_lets_it(
    blocked: int, day: int | None
) -> None:
    policy = replace(policy_with(Calendar(schedule("0 14 1-7 * *"))), apart=20 * DAY)
    november = MONDAY - 12 * DAY
    last: int | None = november - 30 * DAY
    acted = []
    for hour in range(30 * 24):
        now = november + hour * HOUR
        answer = reason_to_act(policy, AT_TARGET, now, replace(NEW, last_settled_at=last))
        if isinstance(answer, Act) and now >= november + blocked * DAY + 14 * HOUR:
            acted.append(1 + hour // 24)
            last = now
    assert acted == ([] if day is None else [day])


def test_hybrid__by_a_schedule_whose_moment_was_calm__does_not_look_again_before_the_next() -> None:
    policy, past = policy_with(Hybrid(TUESDAYS.every, wider("5", None).bands)), settled(30 * DAY)
    calm = reason_to_act(policy, weth_at("30000"), AT_TWO, past)
    assert isinstance(calm, Hold) and "inside its band" in calm.reason
    later = reason_to_act(policy, weth_at(OUTSIDE), AT_TWO + 2 * DAY + 13 * HOUR, past)
    assert isinstance(later, Hold) and "was due for 1 d and has passed" in later.reason
    assert isinstance(reason_to_act(policy, weth_at(OUTSIDE), AT_TWO + 7 * DAY, past), Act)
