"""Ticks that wait for the market, end to end: trends of real feeds, asked for once a day and only where a tick acts."""

from __future__ import annotations

from given_feed_history import give_a_past
from given_keeper import Keeper, bring_on_target


def patient(keeper: Keeper, average: str, fall: str) -> None:
    """The example's section, with windows and a fall of the test's own."""
    keeper.edit("# patience:", "patience:")
    keeper.edit("#   average: 50 d", f"  average: {average}")
    keeper.edit("#   most: 7 d", "  most: 7 d")
    keeper.edit("#   fall: 30 % in 30 d", f"  fall: {fall}")


def test_run__that_calls_for_what_has_fallen__waits_on_record_and_asks_for_rounds_once(keeper: Keeper) -> None:
    give_a_past(keeper.replica, 100)
    # A walk of 3 % a day has stood higher than now by more than this at some time in 90 days.
    patient(keeper, "90 d", "0.01 % in 90 d")
    for _ in range(2):
        assert keeper.command("run", "--json").code == 0
    (_, detail), *_ = keeper.rows()
    assert "is not bought: it stands" in detail and "under its highest daily price of 90 d" in detail
    first, second = [row[0] for row in keeper.asked("SELECT requests FROM ticks ORDER BY id")]
    assert first - second >= 3, "the rounds were remembered"
    newest, oldest = keeper.command("history", "--json").json["ticks"]
    assert "yet: it stands" in detail and "the mean of its daily prices of 90 d" in detail
    shown = keeper.command("bands", "--json").json
    assert "waits: " in shown["reason"] and "is not bought: it stands" in shown["reason"]
    assert newest["called_since"] == oldest["called_since"] <= oldest["at"]


def test_run__on_target_with_patience__asks_for_no_rounds(keeper: Keeper) -> None:
    bring_on_target(keeper)
    patient(keeper, "50 d", "30 % in 30 d")
    assert keeper.command("run").code == 0
    assert keeper.asked("SELECT requests, called_since FROM ticks") == [(1, None)]


def test_run__that_calls_without_a_history__is_unavailable_and_says_what_to_do(keeper: Keeper) -> None:
    patient(keeper, "50 d", "30 % in 30 d")
    assert keeper.command("run").code == 3
    ((outcome, detail),) = keeper.rows()
    assert outcome == "Unavailable" and "wait until there is history enough, or leave out `patience`" in detail


def test_run__by_a_schedule_of_a_new_keeper__holds_until_its_first_moment(keeper: Keeper) -> None:
    keeper.edit("kind: threshold ", "kind: calendar ")
    keeper.edit("  # at: weekly Monday 14:00", "  at: weekly Monday 14:00")
    keeper.edit("  band: {absolute: 5 %, relative: 25 %}", "  # no band")
    keeper.edit("  return_to: target", "  # return_to")
    assert keeper.command("run").code == 0
    ((outcome, detail),) = keeper.rows()
    assert outcome == "held" and "no rebalance has settled yet, the next is due on Monday " in detail
    assert "(weekly Monday 14:00)" in detail
