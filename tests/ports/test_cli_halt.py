"""A person halts the keeper and resumes it, and sees where its limits stand: the commands, on a real chain."""

from __future__ import annotations

from given_keeper import HALT, Keeper, halted

# ---------------------------------------------------------------- resume


def test_resume__after_a_halt__records_why_and_the_next_tick_goes_on(keeper: Keeper) -> None:
    halted(keeper)
    before = keeper.command("run")
    assert before.code == 5 and "nonce 7 was used" in before.said and "rebalancer resume --why" in before.said
    assert keeper.command("run").code == 5
    done = keeper.command("resume", "--why", "the other transaction was mine", "--json")
    assert done.code == 0
    assert done.json == {"resumed": True, "why": "the other transaction was mine", "was_halted": HALT.detail}
    assert keeper.command("run", "--json").json["outcome"] == "planned"
    assert [outcome for outcome, _ in keeper.rows()] == ["Halt", "Halt", "Halt", "resumed", "planned"]
    assert {detail for outcome, detail in keeper.rows() if outcome == "Halt"} == {HALT.detail}
    assert keeper.rows()[3][1] == f"the other transaction was mine (was halted: {HALT.detail})"


def test_resume__where_nothing_is_halted__is_refused_and_leaves_no_row(keeper: Keeper) -> None:
    done = keeper.command("resume", "--why", "just so")
    assert done.code == 2 and "nothing is halted" in done.said
    assert keeper.rows() == []


def test_resume__without_a_reason__is_refused_and_stays_halted(keeper: Keeper) -> None:
    halted(keeper)
    assert keeper.command("resume").code == 2
    done = keeper.command("resume", "--why", "  ")
    assert done.code == 2 and "--why is empty" in done.said
    assert keeper.command("run").code == 5


# ---------------------------------------------------------------- halt, and the limits over time


def test_halt__of_a_live_keeper__asks_no_node_and_stops_the_next_tick(keeper: Keeper) -> None:
    keeper.go_live()
    there = keeper.config.read_text()
    keeper.edit(keeper.replica.url, "http://127.0.0.1:9")
    done = keeper.command("halt", "--why", "the market is closed")
    assert done.code == 0 and "Halted." in done.out and "rebalancer resume --why TEXT" in done.out
    keeper.config.write_text(there)
    stopped = keeper.command("run", "--live")
    assert stopped.code == 5 and "by a person: the market is closed" in stopped.said
    assert "halted: by a person: the market is closed" in keeper.command("status").out
    assert keeper.sent() == 0
    assert keeper.command("resume", "--why", "it is open again").code == 0
    assert keeper.command("run", "--live", "--json").json["outcome"] == "settled"


def test_halt__twice__says_why_it_was_halted_already(keeper: Keeper) -> None:
    keeper.command("halt", "--why", "first")
    found = keeper.command("halt", "--why", "second", "--json").json
    assert found == {"halted": True, "why": "second", "was_halted": "by a person: first"}


def test_halt__without_words__is_a_config_error(keeper: Keeper) -> None:
    assert keeper.command("halt", "--why", " ").code == 2
    assert keeper.rows() == []


def test_status__after_a_settled_tick__says_where_each_limit_stands(keeper: Keeper) -> None:
    keeper.go_live()
    keeper.command("run", "--live")
    over_time = keeper.command("status", "--json").json["over_time"]
    assert (over_time["trades_of_day"], over_time["failures"]) == (1, 0)
    assert int(over_time["turnover_of_day_usd_e18"]) > 40_000 * 10**18
    assert int(over_time["gas_of_month_wei"]) > 0 and int(over_time["cost_of_month_usd_e18"]) > 0
    assert over_time["words"]["rebalances in 24 h"] == "1; allowed: 12"
    shown = keeper.command("status").out
    assert "Limits over time" in shown and max(map(len, shown.splitlines()[5:])) <= 80
