"""`run --paper` from end to end on a real chain: many ticks, killed between, beside a live keeper, and before one."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from given_keeper import Keeper, a_keeper, bring_on_target, ended
from given_modules import a_module_keeper

from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.config import read_settings, rehearsed
from rebalancer.core.model import NOBODY, TickRecord
from rebalancer.core.paper import paper_address
from rebalancer.replica.chain import Replica

MAKERS = {"safe": a_keeper, "safe-module": a_module_keeper}
DAY = 86_400


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def keeper(kind: str, replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Off its targets. Of its key there is nothing, and its operator has no coin."""
    keeper = MAKERS[kind](replica, tmp_path, keystore)
    (keeper.folder / "operator.json").unlink()
    (keeper.folder / "password").unlink()
    replica.deal("ETH", keeper.operator.address, 0)
    keeper.edit("patience: 90 s", "patience: 1 s")
    # Whatever asked it would be refused: nobody listens there.
    keeper.edit("# relay: ", 'relay: "http://127.0.0.1:9"  # ')
    return keeper


only_the_safe = pytest.mark.parametrize("kind", ["safe"])


def tick(keeper: Keeper, *more: str) -> dict[str, object]:
    """One on paper, a block later than the one before."""
    keeper.replica.warp(2)
    done = keeper.command("run", "--paper", "--json", *more)
    assert done.code == 0, done.said
    return done.json


def status(keeper: Keeper) -> dict[str, object]:
    return keeper.command("status", "--paper", "--json").json


def positions(found: dict[str, object]) -> dict[str, int]:
    each = found["positions"]
    assert isinstance(each, list)
    return {one["token"]: int(one["raw"]) for one in each}


def really(keeper: Keeper) -> dict[str, int]:
    return {symbol: keeper.replica.balance(symbol, keeper.wallet) for symbol in ("WETH", "WBTC", "USDC", "LINK", "UNI")}


# ---------------------------------------------------------------- the main job


def test_run__on_paper_without_key_coin_or_relay__rebalances_and_leaves_the_chain_alone(keeper: Keeper) -> None:
    before = really(keeper)
    first, second = tick(keeper), tick(keeper)
    assert first["outcome"] == "pending" and "on paper" in str(first["detail"])
    assert second["outcome"] == "settled" and second["paper"] is True
    assert really(keeper) == before and keeper.sent() == 0
    found = status(keeper)
    assert found["max_drift_bps"] < 300 < 1_799 and found["open_intent"] is None  # type: ignore[operator]
    shown = found["paper"]
    assert isinstance(shown, dict)
    assert (shown["rebalances"], shown["ticks"], shown["asked_days"]) == (1, 3, 0)
    assert abs(int(shown["measured_cost_usd_e18"]) - int(shown["expected_cost_usd_e18"])) < 10**18
    assert int(shown["hold_usd_e18"]) > int(shown["value_usd_e18"]) > 249_000 * 10**18
    # No price has moved since: all that it is behind is what it did cost, gas and all.
    behind, gas = int(shown["hold_usd_e18"]) - int(shown["value_usd_e18"]), int(shown["gas_usd_e18"])
    assert gas > 0 and abs(behind - int(shown["measured_cost_usd_e18"])) < 10**16
    assert " taken off, against " in shown["words"]["value against hold"]


@only_the_safe
def test_run__on_paper_while_prices_move__goes_on_from_what_it_left(keeper: Keeper) -> None:
    tick(keeper)
    tick(keeper)
    held = positions(status(keeper))
    keeper.replica.mine(64)
    assert tick(keeper)["outcome"] == "held"
    keeper.replica.move_market({"WETH": keeper.replica.prices["WETH"] * 140 // 100})
    before = tick(keeper)
    assert before["outcome"] in ("pending", "settled"), before
    if before["outcome"] == "pending":
        assert tick(keeper)["outcome"] == "settled"
    after = positions(status(keeper))
    assert after["WETH"] < held["WETH"] and after["USDC"] > held["USDC"]
    assert keeper.command("history", "--paper", "--json").json["rebalances"][0]["settled_at"] > 0
    assert keeper.sent() == 0


@only_the_safe
def test_status__of_the_real_portfolio__says_how_the_one_on_paper_does(keeper: Keeper) -> None:
    assert keeper.command("status", "--json").json["paper"] is None
    tick(keeper)
    tick(keeper)
    done = keeper.command("status")
    assert done.code == 0 and "On paper" in done.out and "value against hold" in done.out
    assert "WETH         40" in done.out, "the portfolio is the real one"
    assert keeper.command("history", "--json").json["ticks"] == []


@only_the_safe
def test_plan__on_paper_after_a_rebalance__sees_what_it_left(keeper: Keeper) -> None:
    tick(keeper)
    tick(keeper)
    keeper.replica.mine(64)
    assert keeper.command("plan", "--paper", "--json").json["outcome"] == "held"
    keeper.replica.deal("ETH", keeper.operator.address, 10**18)
    assert keeper.command("plan", "--json").json["outcome"] == "planned"


@only_the_safe
def test_run__on_paper_for_a_cron_job__says_so_in_one_line(keeper: Keeper) -> None:
    bring_on_target(keeper)
    done = keeper.command("run", "--paper")
    assert done.code == 0 and done.out.startswith("on paper: held: every weight is inside its band")
    assert tick(keeper)["requests"] == 1


@only_the_safe
def test_run__on_paper_configured_otherwise__says_so_once_in_a_row_of_its_own(keeper: Keeper) -> None:
    bring_on_target(keeper)
    tick(keeper)
    tick(keeper)
    keeper.edit("trades_per_day: 12 ", "trades_per_day: 11 ")
    keeper.edit("patience: 1 s", "patience: 2 s")
    tick(keeper)
    tick(keeper)
    rows = keeper.asked("SELECT outcome, detail FROM ticks ORDER BY id")
    assert [outcome for outcome, _ in rows] == ["begun", "held", "held", "held", "configured", "held", "held"]
    assert rows[0][1] != rows[4][1] and status(keeper)["paper"]["ticks"] == 5  # type: ignore[index]


# ---------------------------------------------------------------- what it begins with


@only_the_safe
def test_run__on_paper_of_an_empty_safe__asks_for_a_value_and_then_begins_with_it(keeper: Keeper) -> None:
    for symbol in really(keeper):
        keeper.replica.deal(symbol, keeper.wallet, 0)
    done = keeper.command("run", "--paper")
    assert done.code == 2 and "--paper-value 10_000" in done.said
    found = tick(keeper, "--paper-value", "80_000 USD")
    assert found["outcome"] == "held" and 79_999 * 10**18 < int(str(found["value_usd_e18"])) <= 80_000 * 10**18
    again = keeper.command("run", "--paper", "--paper-value", "90_000")
    assert again.code == 0 and again.out.startswith("on paper: held")
    assert "it goes on with what it holds, and --anew begins again with this" in again.out
    assert "--anew" not in keeper.command("run", "--paper").out and found["mind"] is None
    assert "--anew begins again" in str(tick(keeper, "--paper-value", "90_000")["mind"])
    keeper.replica.move_market({"WETH": keeper.replica.prices["WETH"] * 150 // 100})
    assert tick(keeper)["outcome"] == "pending"
    assert tick(keeper)["outcome"] == "settled"
    assert set(really(keeper).values()) == {0}


# ---------------------------------------------------------------- killed, taken back, halted


@pytest.mark.parametrize("kind", [pytest.param("safe", marks=pytest.mark.slow), "safe-module"])
def test_run__killed_while_it_waits_for_a_block__is_filled_once_by_the_next(keeper: Keeper) -> None:
    assert status(keeper)["open_intent"] is None  # and the ledger's tables are there
    keeper.edit("patience: 1 s", "patience: 60 s")
    process = keeper.started("run", "--paper")
    until = time.monotonic() + 60
    while keeper.asked("SELECT count(*) FROM intents") == [(0,)]:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert ended(process, 10).code == -9
    keeper.edit("patience: 60 s", "patience: 1 s")
    assert status(keeper)["open_intent"] is not None
    assert tick(keeper)["outcome"] == "settled"
    once = positions(status(keeper))
    keeper.replica.mine(64)
    assert tick(keeper)["outcome"] == "held"
    assert positions(status(keeper)) == once
    assert keeper.asked("SELECT count(*) FROM landings") == [(1,)] and keeper.sent() == 0


@only_the_safe
def test_run__whose_block_is_replaced__is_filled_anew_and_counted_once(keeper: Keeper) -> None:
    tick(keeper)
    mark = keeper.replica.snapshot()
    keeper.replica.warp(3)
    assert keeper.command("run", "--paper", "--json").json["outcome"] == "settled"
    keeper.replica.revert(mark)
    keeper.replica.warp(5)
    keeper.replica.mine(3)
    again = tick(keeper)
    assert again["outcome"] == "settled", again
    landings = keeper.asked("SELECT number, revision FROM landings ORDER BY turn")
    assert landings == [(1, 1), (1, 2)]
    once = positions(status(keeper))
    keeper.replica.mine(64)
    assert tick(keeper)["outcome"] == "held" and positions(status(keeper)) == once


@only_the_safe
def test_halt_and_resume__on_paper__leave_the_real_keeper_alone(keeper: Keeper) -> None:
    tick(keeper)
    assert keeper.command("halt", "--paper", "--why", "a look at it").code == 0
    stopped = keeper.command("run", "--paper")
    assert stopped.code == 5 and "rebalancer resume --paper --why TEXT" in stopped.said
    keeper.replica.deal("ETH", keeper.operator.address, 10**18)
    assert keeper.command("run", "--json").json["outcome"] == "planned"
    resumed = keeper.command("resume", "--paper", "--why", "all is well", "--json").json
    assert resumed["closed"], "a block has come since, and what it did is on record"
    assert tick(keeper)["outcome"] == "held" and status(keeper)["halted"] is None


# ---------------------------------------------------------------- beside a live keeper


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Live, with all that takes, on either kind of ledger."""
    keeper = a_keeper(replica, tmp_path, keystore)
    keeper.go_live()
    keeper.edit("patience: 90 s", "patience: 1 s")
    if request.param == "postgresql":
        keeper.edit("ledger: rebalancer.sqlite ", f'ledger: "{request.getfixturevalue("postgres_url")}" ')
    return keeper


def test_run__live_and_on_paper_in_one_ledger__each_settles_its_own(both: Keeper) -> None:
    assert both.command("run", "--paper", "--json").json["outcome"] == "pending"
    live = both.command("run", "--live", "--json").json
    assert live["outcome"] == "settled" and both.sent() == 1
    both.replica.warp(2)
    paper = both.command("run", "--paper", "--json").json
    assert paper["outcome"] == "settled" and paper["tx"] != live["tx"]
    real, on_paper = (both.command("status", *more, "--json").json for more in ((), ("--paper",)))
    # On the same pools both came to the same, to the wei.
    assert really(both) == positions(real) == positions(on_paper)
    assert real["last_tick"]["outcome"] == on_paper["last_tick"]["outcome"] == "settled"
    assert real["paper"]["rebalances"] == on_paper["paper"]["rebalances"] == 1
    both.replica.mine(64)
    for more in (("--live",), ("--paper",)):
        assert both.command("run", *more, "--json").json["outcome"] == "held"
    assert both.sent() == 1


def test_run__on_paper_begun_anew__has_the_new_value_and_leaves_the_live_records_alone(both: Keeper) -> None:
    assert both.command("run", "--paper", "--json").json["outcome"] == "pending"
    assert both.command("run", "--live", "--json").json["outcome"] == "settled"
    both.replica.warp(2)
    anew = ("run", "--paper", "--anew", "--paper-value", "80_000", "--json")
    open_one = both.command(*anew)
    assert open_one.code == 3 and "cannot begin anew yet" in open_one.said
    assert both.command("run", "--paper", "--json").json["outcome"] == "settled"
    assert both.command(*anew).code == 3
    both.replica.mine(64)
    live = both.command("history", "--json").json
    begun = both.command(*anew)
    assert begun.code == 0 and begun.json["outcome"] == "held", begun.said
    found = status(both)
    assert 79_999 * 10**18 < int(str(found["value_usd_e18"])) <= 80_000 * 10**18
    shown = found["paper"]
    assert isinstance(shown, dict) and (shown["rebalances"], shown["ticks"]) == (0, 1)
    assert abs(int(shown["hold_usd_e18"]) - int(shown["value_usd_e18"])) == 0
    assert both.command("history", "--json").json == live != {"ticks": [], "rebalances": []}
    assert both.sent() == 1


@only_the_safe
def test_run__on_paper_while_the_live_keeper_is_at_work__does_not_wait_for_it(keeper: Keeper) -> None:
    from rebalancer.config import on_paper
    from rebalancer.wire import make_lease

    settings = read_settings(keeper.config)
    with make_lease(settings).hold() as holder:
        assert holder is None
        assert keeper.command("run", "--paper", "--json").json["outcome"] == "pending"
    with make_lease(on_paper(settings)).hold() as holder:
        assert holder is None
        assert "another keeper is at work" in keeper.command("run", "--paper").out


# ---------------------------------------------------------------- before a live one


def went_well(keeper: Keeper, days: int) -> None:
    """Ticks on paper, each half a day after the one before, up to now."""
    ours = Identity(1, paper_address(1, keeper.wallet), NOBODY, beside=keeper.wallet)
    ledger = SqlLedger(f"sqlite:///{keeper.folder}/rebalancer.sqlite", ours)
    now, settings = int(time.time()), read_settings(keeper.config)
    began = now - days * DAY - 1
    ledger.record_tick(TickRecord(began, None, "begun", rehearsed(settings), None, None, None, 0))
    for half in range(2 * days, -1, -1):
        at, held = now - half * DAY // 2, ((keeper.wallet, 7),)
        ledger.record_tick(TickRecord(at, 1, "held", "on target", None, None, None, 1, holdings=held))
    ledger.close()


@pytest.fixture
def asked_first(replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Live, and two days on paper are asked for first."""
    keeper = a_keeper(replica, tmp_path, keystore)
    keeper.go_live()
    keeper.edit("paper: off ", "paper: 2 d ")
    return keeper


def test_run__live_before_days_on_paper__is_refused_and_sends_nothing(asked_first: Keeper) -> None:
    done = asked_first.command("run", "--live")
    assert done.code == 2 and "safety.paper" in done.said and "never run on paper" in done.said
    check = asked_first.command("check", "--json")
    (paper,) = [row for row in check.json["checks"] if row["check"] == "paper"]
    assert check.code == 2 and not paper["ok"] and "2 d on paper" in paper["seen"]
    went_well(asked_first, days=1)
    done = asked_first.command("run", "--live")
    assert done.code == 2 and "it has run for 1 d; 1 d to go" in done.said
    assert asked_first.sent() == 0 and asked_first.command("run", "--json").json["outcome"] == "planned"


def test_run__live_after_days_on_paper__is_live_and_asks_no_more(asked_first: Keeper) -> None:
    went_well(asked_first, days=2)
    (paper,) = [row for row in asked_first.command("check", "--json").json["checks"] if row["check"] == "paper"]
    assert paper["ok"]
    assert asked_first.command("run", "--live", "--json").json["outcome"] == "settled"
    asked_first.edit("paper: 2 d ", "paper: 90 d ")
    assert asked_first.command("run", "--live", "--json").json["outcome"] == "held"


@pytest.mark.parametrize("kind", ["safe-module"])
def test_run__on_paper_of_a_module__calls_the_module_and_never_moves_its_nonce(keeper: Keeper) -> None:
    tick(keeper)
    tick(keeper)
    found = keeper.command("status", "--json").json
    assert found["module"]["nonce"] == 0 and found["module"]["address"] == keeper.module
    assert keeper.asked(f"SELECT instr(lower(body), lower('{keeper.module}')) > 0 FROM intents") == [(1,)]


@pytest.mark.parametrize("kind", ["safe-module"])
def test_run__on_paper_of_a_module_that_rests_after_each__rests_too_though_it_was_never_called(keeper: Keeper) -> None:
    tick(keeper)
    tick(keeper)
    keeper.replica.mine(64)
    keeper.replica.move_market({"WETH": keeper.replica.prices["WETH"] * 140 // 100})
    found = tick(keeper)
    assert found["outcome"] == "held" and "the module rests: its last rebalance is" in str(found["detail"])
    left, whole = (keeper.command("status", *more, "--json").json["module"] for more in (("--paper",), ()))
    assert int(left["turnover_left_e18"]) < int(whole["turnover_left_e18"])
