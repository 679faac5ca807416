"""Ticks on measured volatilities, from end to end: the first of a day measures, the others make one request."""

from __future__ import annotations

from given_feed_history import give_a_past
from given_keeper import Keeper, bring_on_target


def optimal(keeper: Keeper) -> None:
    """Nothing is given, and all bands rest on it."""
    bring_on_target(keeper)
    keeper.edit("  volatility: 60 %  ", "  volatility: measured  ")
    keeper.edit("  band: {absolute: 5 %, relative: 25 %}", "  # no band is drawn")
    keeper.edit("return_to: target ", "return_to: optimal ")


def test_run__with_measured_volatilities__asks_for_rounds_once_a_day_and_else_one_request(keeper: Keeper) -> None:
    give_a_past(keeper.replica, 100)
    optimal(keeper)
    for _ in range(3):
        assert keeper.command("run").code == 0
    first, *others = [row[0] for row in keeper.asked("SELECT requests FROM ticks ORDER BY id")]
    assert 4 <= first <= 10 and others == [1, 1]
    assert {outcome for outcome, _ in keeper.rows()} == {"held"}


def test_run__under_optimal_without_a_history__is_unavailable_and_on_record(keeper: Keeper) -> None:
    optimal(keeper)
    assert keeper.command("run").code == 3
    ((outcome, detail),) = keeper.rows()
    assert outcome == "Unavailable" and "expected more than 30; wait until there is history enough" in detail
