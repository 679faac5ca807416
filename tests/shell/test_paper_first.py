"""`safety.paper`: what the file may ask for before anything is sent, and who is refused until it is shown."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from given_config import OPERATOR, RIGHT, SAFE, written
from given_ledger import GONE, NO_COST, a_basis, a_failure, a_settlement, an_intent

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.clock import SystemClock
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.adapters.wallets.keyless import Keyless
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.cli import run
from rebalancer.cli.paper import shown, why_waits
from rebalancer.config import Settings, on_paper, read_settings, rehearsed
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import TickRecord
from rebalancer.core.paper import paper_address
from rebalancer.ports import Ledger
from rebalancer.units import Usd
from rebalancer.wire import make_ports, open_ledger

DAY = 86_400
ASKED = "live: true\nledger: ledger.db\nsafety: {paper: 3 d}\n"


def settings_with(folder: Path, more: str = ASKED) -> Settings:
    return read_settings(written(folder, RIGHT + more), {})


BLIND = ("Unavailable", "ConfigError", "error", "Halt", "resumed")
"""Outcomes of rows without a look at the wallet."""


def ticks(ledger: Ledger, *ends: str, every: int = DAY // 2, last: int | None = None) -> None:
    """One tick for each end, the last of them now."""
    last = int(time.time()) if last is None else last
    for place, end in enumerate(ends):
        at = last - every * (len(ends) - 1 - place)
        seen = () if end in BLIND else ((OPERATOR, 7),)
        ledger.record_tick(TickRecord(at, 7, end, f"why {place}", None, None, None, 1, holdings=seen))


def rehearsal(settings: Settings, *ends: str, every: int = DAY // 2) -> None:
    """On paper, of this configuration, the last of them now."""
    with_mark = open_ledger(on_paper(settings))
    at = int(time.time()) - every * len(ends)
    with_mark.record_tick(TickRecord(at, None, "begun", rehearsed(settings), None, None, None, 0))
    ticks(with_mark, *ends, every=every)


@pytest.mark.parametrize(("said", "days"), [("off", 0), ("14 d", 14), ("2 w", 14), ("90 d", 90)])
def test_read_settings__of_days_on_paper__gives_them(tmp_path: Path, said: str, days: int) -> None:
    assert settings_with(tmp_path, f"safety: {{paper: {said}}}\n").paper_days == days


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("0 d", "at least 1 d"),
        ("36 h", "whole days"),
        ("91 d", "0 to 90 days"),
        ("14", "a duration such as"),
        ("never", "a duration such as"),
    ],
)
def test_read_settings__of_no_such_time_on_paper__names_the_line(tmp_path: Path, said: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as refusal:
        settings_with(tmp_path, f"safety:\n  paper: {said}\n")
    assert f"rebalancer.yaml:{len(RIGHT.splitlines()) + 2}: safety.paper: " in str(refusal.value)


def test_on_paper__of_a_whole_file__has_no_way_to_send_and_tells_no_switch(tmp_path: Path) -> None:
    more = "live: true\nexecution: {relay: 'https://relay.example/x'}\nnotify: {ping: 'https://hc.example/x'}\n"
    venues = "venues:\n  cow: {}\n  odos: {}\n"
    text = RIGHT.replace("venues:\n", venues) + more
    real = read_settings(written(tmp_path, text), {})
    paper = on_paper(real)
    assert (paper.paper, paper.live, paper.relay_url, paper.ping_url) == (True, False, None, None)
    assert [one.name for one in real.outside] == ["odos", "cow"] and [one.name for one in paper.outside] == ["odos"]
    assert real.policy.over_time.ramp_days == 3 and paper.policy.over_time.ramp_days == 0
    kept = replace(paper.policy, over_time=real.policy.over_time)
    assert kept == real.policy and paper.wallet == real.wallet


def test_make_ports__on_paper__has_a_wallet_that_holds_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rebalancer.wire import wallets

    def never(*_: object) -> None:
        raise AssertionError("a signer, a sender or a relay was made on paper")

    for name in ("KeystoreSigner", "make_signer", "Sender", "Relay"):
        monkeypatch.setattr(wallets, name, never)
    settings = settings_with(tmp_path, "execution: {relay: 'https://relay.example/x'}\n")
    ports = make_ports(on_paper(settings))
    assert ports.wallet.address == SAFE and ports.wallet.operator == OPERATOR
    with pytest.raises(AssertionError):
        make_ports(settings)


def test_keyless__asked_to_sign_or_send__halts() -> None:
    nodes = Nodes(Rpc("http://127.0.0.1:9"), SystemClock(), 600)
    keyless = Keyless(nodes, 1, OPERATOR)
    for ask in (keyless.sign, keyless.replace, keyless.send, keyless.send_withdrawal):
        with pytest.raises(Halt, match="on paper, where neither can be done"):
            ask()


# ---------------------------------------------------------------- one file, two portfolios


@pytest.mark.parametrize("first", ["live", "paper"])
def test_open_ledger__live_and_on_paper_in_one_file__keep_apart(tmp_path: Path, first: str) -> None:
    settings = settings_with(tmp_path)
    both = {"live": settings, "paper": on_paper(settings)}
    found = {name: open_ledger(both[name]) for name in sorted(both, key=lambda name: name != first)}
    ticks(found["paper"], "planned", "settled")
    ticks(found["live"], "held")
    assert [row.outcome for row in open_ledger(both["paper"]).history(9)] == ["settled", "planned"]
    assert [row.outcome for row in open_ledger(both["live"]).history(9)] == ["held"]


def test_open_ledger__on_paper_of_another_wallets_file__is_refused(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    IdleLedger(settings.ledger_url, Identity(1, paper_address(1, OPERATOR), OPERATOR)).close()
    for one in (on_paper(settings), settings):
        with pytest.raises(ConfigError, match="is the memory of"):
            open_ledger(one).history(1)


# ---------------------------------------------------------------- who is refused


def test_run__live_and_nothing_on_paper__is_refused_before_the_node_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config = written(tmp_path, RIGHT + ASKED)
    assert run(["run", "--live", "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert "safety.paper" in said and "3 d on paper" in said and "`rebalancer run --paper`" in said


def test_why_waits__after_days_that_went_well__is_none(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    rehearsal(settings, *["held"] * 7)
    assert why_waits(settings) is None


@pytest.mark.parametrize("end", ["Unavailable", "ConfigError", "error", "blocked"])
def test_why_waits__after_days_in_which_nothing_worked__says_that_it_has_shown_nothing(
    tmp_path: Path, end: str
) -> None:
    settings = settings_with(tmp_path)
    rehearsal(settings, *[end] * 14)
    said = "it has run for 0 s" if end == "blocked" else "no tick on paper has seen the wallet yet"
    assert said in (why_waits(settings) or "")


def test_why_waits__after_days_of_other_targets__is_refused(tmp_path: Path) -> None:
    rehearsal(settings_with(tmp_path), *["held"] * 14)
    text = (RIGHT + ASKED).replace("target: 60 %", "target: 59 %").replace("target: 30 %", "target: 31 %")
    why = why_waits(read_settings(written(tmp_path, text), {}))
    assert "it has not run on paper as it is configured now" in (why or "")


def test_rehearsed__of_the_same_decisions__is_the_same_whoever_is_told_or_asked(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    told = settings_with(
        tmp_path, "notify: {ping: 'https://hc.example/x'}\nexecution: {relay: 'https://r.example/x'}\n"
    )
    assert told != settings and rehearsed(told) == rehearsed(on_paper(settings)) == rehearsed(settings)
    assert rehearsed(settings_with(tmp_path, "limits: {min_trade: 77}\n")) != rehearsed(settings)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (("held",) * 6, "it has run for 2 d 12 h; 12 h to go"),
        (("held",) * 6 + ("failed", "held"), "it has run for 0 s since a batch failed: why 6; 3 d to go"),
        (("held",) * 6 + ("Halt", "resumed", *["held"] * 3), "for 1 d since it halted: why 6; 2 d to go"),
    ],
    ids=["too short", "failed", "halted"],
)
def test_why_waits__otherwise__says_what_is_missing(tmp_path: Path, ends: tuple[str, ...], said: str) -> None:
    settings = settings_with(tmp_path)
    rehearsal(settings, *ends)
    assert said in (why_waits(settings) or "")


def test_why_waits__a_portfolio_that_has_traded_live__waits_no_more(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    ledger, intent = open_ledger(settings), an_intent(1)
    ledger.record_intent(intent, a_basis(intent))
    assert why_waits(settings) is None
    ledger.record_landing(intent, a_settlement(intent))
    assert why_waits(settings) is None


@pytest.mark.parametrize("became", ["targets set", "failed", "never mined"])
def test_why_waits__a_portfolio_that_has_promised_any_batch__waits_no_more(tmp_path: Path, became: str) -> None:
    settings = settings_with(tmp_path)
    ledger, intent = open_ledger(settings), an_intent(1)
    ledger.record_intent(intent, a_basis(intent))
    match became:
        case "targets set":
            ledger.record_landing(
                intent, replace(a_settlement(intent), fills=(), cost=replace(NO_COST, gas=Usd(10**18)))
            )
        case "failed":
            ledger.record_landing(intent, a_failure(intent))
        case _:
            ledger.record_landing(intent, GONE)
    ticks(ledger, "held")
    assert why_waits(settings) is None


def test_why_waits__asked_of_a_live_ledger__leaves_no_row_of_the_one_on_paper(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    ticks(open_ledger(settings), "held")
    assert "it has never run on paper" in (why_waits(settings) or "") and shown(settings) is None
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        assert file.execute("SELECT wallet FROM portfolios").fetchall() == [(SAFE,)]


def test_why_waits__nothing_asked_for__opens_no_ledger(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "ledger: ledger.db\n")
    assert why_waits(settings) is None and not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--live", "--paper"), "for --paper: it is for one portfolio, with neither --live nor --all"),
        (("--paper", "--all", "folder"), "for --paper: it is for one portfolio, with neither --live nor --all"),
        (("--paper-value", "10_000"), "for --paper-value: it is for a portfolio on paper: give --paper too"),
        (("--anew", "--live"), "for --anew: it is for a portfolio on paper: give --paper too"),
    ],
    ids=["live", "a folder", "a value without paper", "anew without paper"],
)
def test_run__on_paper_and_something_else__is_refused(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert run(["run", *options]) == 2
    assert said in capsys.readouterr().err


# ---------------------------------------------------------------- what to do next, on paper


def test_halt__on_paper__names_the_commands_that_are_about_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config = ["--config", str(written(tmp_path, RIGHT + ASKED))]
    assert run(["halt", "--paper", "--why", "a look at it", *config]) == 0
    said = capsys.readouterr().out
    assert "goes on after: rebalancer resume --paper --why TEXT" in said and "`rebalancer status --paper`" in said
    assert run(["halt", "--why", "a look at it", *config]) == 0
    said = capsys.readouterr().out
    assert "goes on after: rebalancer resume --why TEXT" in said and "`rebalancer status`" in said


def test_history__on_paper_of_a_halt__names_the_commands_that_are_about_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = on_paper(settings_with(tmp_path))
    why = "failures: 3; allowed: 2. `rebalancer history` says why each batch failed"
    open_ledger(settings).record_tick(TickRecord(7, 7, "Halt", why, None, None, None, 1))
    for command in ("history", "status"):
        run([command, "--paper", "--config", str(settings.path)])
        said = " ".join(capsys.readouterr().out.split())
        assert "`rebalancer history --paper`" in said and "`rebalancer history`" not in said


def test_resume__on_paper_of_none_that_is_halted__names_the_status_of_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config = str(written(tmp_path, RIGHT + ASKED))
    assert run(["resume", "--paper", "--why", "all is well", "--json", "--config", config]) == 2
    said = capsys.readouterr()
    assert "`rebalancer status --paper`" in said.err and "`rebalancer status --paper`" in said.out


@pytest.mark.parametrize(("value", "said"), [("much", "an amount of dollars"), ("0", "more than nothing")])
def test_run__on_paper_with_no_such_value__says_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str, said: str
) -> None:
    assert run(["run", "--paper", "--paper-value", value, "--config", str(written(tmp_path))]) == 2
    assert "--paper-value" in (err := capsys.readouterr().err) and said in err
