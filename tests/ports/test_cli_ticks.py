"""The commands from end to end, on a real chain: what they write, show, send, and end with."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time

from given_keeper import HALT, Keeper, bring_on_target, halted

# ---------------------------------------------------------------- check


def test_check__where_all_is_well__says_ok_for_each_and_sends_nothing(keeper: Keeper) -> None:
    done = keeper.command("check", "--json")
    assert done.code == 0 and done.json["ok"] is True
    names = [row["check"] for row in done.json["checks"]]
    assert names[:4] == ["configuration", "ledger", "operator key", "one snapshot"]
    assert {f"price of {s}" for s in ("WETH", "WBTC", "USDC", "LINK", "UNI", "USDT", "DAI")} <= set(names)
    assert keeper.sent() == 0 and keeper.rows() == []


def test_check__with_several_troubles__shows_each_and_ends_with_the_first(keeper: Keeper) -> None:
    (keeper.folder / "operator.json").chmod(0o644)
    (keeper.folder / "rebalancer.sqlite").write_text("a recipe, not a ledger\n" * 100)
    keeper.replica.deal("ETH", keeper.operator.address, 10**15)
    done = keeper.command("check", "--json")
    trouble = {row["check"]: row["seen"] for row in done.json["checks"] if not row["ok"]}
    assert done.code == 5 and done.json["ok"] is False
    assert set(trouble) == {"ledger", "operator key", "min_operator_balance"}
    assert "not a database" in trouble["ledger"] and "chmod 600" in trouble["operator key"]
    assert trouble["min_operator_balance"] == "the operator holds 0.001 ETH; allowed: at least 0.03 ETH"


def test_check__with_an_allowance_left_standing__names_who_may_pull(keeper: Keeper) -> None:
    usdc, spender = keeper.replica.token("USDC").address, "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45"
    keeper.replica.deal("ETH", keeper.wallet, 10**18)
    keeper.replica.transact(keeper.wallet, usdc, "approve(address,uint256)", spender, 7 * 10**6)
    done = keeper.command("check")
    assert done.code == 0
    assert spender in done.said and "7 USDC" in done.said


def test_check__of_a_halted_keeper__ends_with_5_and_says_how_to_go_on(keeper: Keeper) -> None:
    halted(keeper)
    done = keeper.command("check")
    assert done.code == 5 and "nonce 7 was used" in done.said and "resume" in done.said


# ---------------------------------------------------------------- plan, run, status, history


def test_plan__off_target__says_why_and_what_and_records_nothing(keeper: Keeper) -> None:
    found = keeper.command("plan", "--json").json
    assert found["outcome"] == "planned" and found["max_drift_bps"] == 1_799
    assert found["why"].startswith("WETH is 17.98 points over its target of 30 %")
    assert {trade["buy"]["token"] for trade in found["trades"]} == {"USDC", "LINK", "UNI"}
    for trade in found["trades"]:
        assert int(trade["buy"]["raw"]) >= int(trade["floor_raw"]) > 0
        way = [trade["sell"]["token"], *(hop["out"] for hop in trade["route"])]
        assert way[-1] == trade["buy"]["token"] and [hop["in"] for hop in trade["route"]] == way[:-1]
        assert all(hop["fee_ppm"] >= 100 and len(hop["pool"]) == 42 for hop in trade["route"])
    cost = found["cost"]
    parts = [int(cost[f"{part}_usd_e18"]) for part in ("fee", "impact", "off_oracle", "gas")]
    assert sum(parts) == int(cost["total_usd_e18"]) > 0 and 0 < cost["bps"] <= 100
    assert parts[0] > 0 and parts[1] > 0 and float(cost["fee_bps"]) > 0
    assert keeper.rows() == [] and keeper.sent() == 0


def test_plan__of_a_halted_keeper__says_so_in_json_too(keeper: Keeper) -> None:
    halted(keeper)
    keeper.replica.mine(10)  # past the block of the halt
    found = keeper.command("plan", "--json").json
    assert found["outcome"] == "planned"
    assert found["halted"] == HALT.detail and found["open_intent"] is None


def test_plan__for_a_person__shows_tables_that_fit_80_columns(keeper: Keeper) -> None:
    done = keeper.command("plan")
    assert done.code == 0 and max(len(line) for line in done.out.splitlines() if "because" not in line) <= 80
    for words in ("Portfolio: 250,100.00 USD", "acts because: \n  WETH is 17.98 points over", "V3 0.", "in all"):
        assert words in done.out
    assert "a dry run: nothing was sent" in done.out


def test_plan__without_keystore_and_password__needs_neither(keeper: Keeper) -> None:
    (keeper.folder / "operator.json").unlink()
    (keeper.folder / "password").unlink()
    assert keeper.command("plan", "--json").json["outcome"] == "planned"
    assert keeper.command("run", "--json").json["outcome"] == "planned"


def test_run__dry_and_off_target__is_planned_on_record_and_sends_nothing(keeper: Keeper) -> None:
    done = keeper.command("run")
    assert done.code == 0 and done.out.startswith("planned: sell ")
    ((outcome, detail),) = keeper.rows()
    assert outcome == "planned" and "because WETH is 17.98 points over" in detail
    assert keeper.sent() == 0


def test_run__on_target__is_held_in_one_request(keeper: Keeper) -> None:
    bring_on_target(keeper)
    found = keeper.command("run", "--json").json
    assert found["outcome"] == "held" and "every weight is inside its band" in found["detail"]
    assert found["requests"] == 1 and found["why"] is None


def test_run__live_though_the_file_says_dry__is_refused_before_the_node_is_asked(keeper: Keeper) -> None:
    keeper.edit(keeper.replica.url, "http://127.0.0.1:9")
    done = keeper.command("run", "--live")
    assert done.code == 2 and "live: false" in done.said and "live: true" in done.said


def test_run__live_file_without_the_option__is_a_dry_run(keeper: Keeper) -> None:
    keeper.go_live()
    assert keeper.command("run", "--json").json["outcome"] == "planned"
    assert keeper.sent() == 0


def test_run__live__settles_once_and_the_next_tick_holds(keeper: Keeper) -> None:
    keeper.go_live()
    found = keeper.command("run", "--live", "--json").json
    assert found["outcome"] == "settled"
    assert found["tx"].startswith("0x") and len(found["tx"]) == 66 and found["gas_used"] > 100_000
    assert keeper.sent() == 1
    second = keeper.command("run", "--live", "--json").json
    assert second["outcome"] == "held" and second["max_drift_bps"] <= 5
    assert keeper.sent() == 1
    assert keeper.asked("SELECT count(*), count(reason) FROM landings") == [(1, 0)]


def test_status__after_a_settled_tick__shows_the_portfolio_and_the_last_tick(keeper: Keeper) -> None:
    keeper.go_live()
    keeper.command("run", "--live")
    found = keeper.command("status", "--json").json
    assert found["open_intent"] is None and found["halted"] is None
    assert found["last_settled_at"] > 1_700_000_000 and found["max_drift_bps"] <= 5
    assert found["last_tick"]["outcome"] == "settled"
    shown = keeper.command("status").out
    assert "last settled: 20" in shown and "Portfolio:" in shown and "settled" in shown


def test_status__where_the_node_is_down__still_shows_what_the_ledger_knows(keeper: Keeper) -> None:
    halted(keeper)
    keeper.edit(keeper.replica.url, "http://127.0.0.1:9")
    done = keeper.command("status")
    assert done.code == 3 and "nonce 7 was used" in done.out
    assert done.err.startswith("Unavailable: 127.0.0.1: no connection")


def test_history__after_three_ticks__is_newest_first_and_needs_no_node(keeper: Keeper) -> None:
    keeper.command("run")
    bring_on_target(keeper)
    keeper.command("run")
    url = keeper.replica.url
    keeper.edit(url, "http://127.0.0.1:9")
    keeper.command("run")
    found = keeper.command("history", "--json").json["ticks"]
    assert [tick["outcome"] for tick in found] == ["Unavailable", "held", "planned"]
    assert found[0]["block"] is None and found[1]["block"] > 0 and found[1]["value_usd_e18"].isdigit()
    assert len(keeper.command("history", "--json", "-n", "2").json["ticks"]) == 2
    shown = keeper.command("history").out
    assert shown.index("Unavailable") < shown.index("held") < shown.index("planned")


def test_history__of_a_rebalance__has_what_it_did_cost_beside_what_was_expected_part_by_part(keeper: Keeper) -> None:
    keeper.go_live()
    assert keeper.command("run", "--live", "--json").json["outcome"] == "settled"
    (found,) = keeper.command("history", "--json").json["rebalances"]
    assert found["tx"] == keeper.command("history", "--json").json["ticks"][0]["tx"]
    for part in ("fee", "impact", "off_oracle", "gas", "total"):
        name = f"{part}_usd_e18"
        assert int(found["difference"][name]) == int(found["cost"][name]) - int(found["expected_cost"][name])
    # Nobody has come in between: the pools took what was computed, and gave it.
    assert found["difference"]["fee_usd_e18"] == "0" and int(found["cost"]["fee_usd_e18"]) > 0
    assert abs(int(found["difference"]["impact_usd_e18"])) * 10**4 <= int(found["cost"]["impact_usd_e18"])
    shown = keeper.command("history").out
    assert "paid USD" in shown and "price impact" in shown and "pools off the oracle" in shown


def test_history__of_a_new_ledger__says_that_there_is_none_yet(keeper: Keeper) -> None:
    assert "none yet" in keeper.command("history").out


def test_run__in_a_terminal__shows_tables_and_no_line_of_the_log(keeper: Keeper) -> None:
    said = in_a_terminal("run", "--config", str(keeper.config))
    assert "Portfolio: 250,100.00 USD" in said and "planned: a dry run: nothing was sent" in said
    assert '{"outcome"' not in said and "Traceback" not in said


NEVER = {"web3", "eth_account", "eth_abi", "eth_utils", "numpy", "scipy", "pandas", "rich", "sqlalchemy", "apprise"}
"""Each costs a cold process a tenth of a second or more."""
LISTING = (
    "import sys; from rebalancer.cli import run; code = run(sys.argv[1:]);"
    "sys.stderr.write(' '.join({name.split('.')[0] for name in sys.modules})); sys.exit(code)"
)


def test_run__that_holds__has_imported_nothing_costly(keeper: Keeper) -> None:
    bring_on_target(keeper)
    keeper.command("run")
    assert keeper.rows()[0][0] == "held", "the first tick makes the ledger; the second one is the usual"
    keeper.replica.mine()
    command_line = [sys.executable, "-c", LISTING, "run", "--json", "--config", str(keeper.config)]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    loaded = set(done.stderr.split())
    assert done.returncode == 0 and json.loads(done.stdout)["outcome"] == "held"
    assert {"rebalancer", "requests", "typer"} <= loaded, "the listing itself must work"
    assert loaded & NEVER == set()


# ---------------------------------------------------------------- how it is looked at


def in_a_terminal(*arguments: str) -> str:
    """What a command shows somebody who sits before it, colours and all."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "rebalancer", *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    said, give_up = b"", time.monotonic() + 60
    while time.monotonic() < give_up and select.select([ours], [], [], 60)[0]:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        said += piece
    process.wait(10)
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode())
