"""One worker of `run --all` and one turn: however the portfolio ends, the turn does, with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from given_channels import channel
from given_fleet import Fleet

from rebalancer.cli import fleet_worker
from rebalancer.cli.fleet_worker import DIED, Task
from rebalancer.fleet import TRIES, Ended


class FakeTurn:
    """One that so many workers had, this one counted."""

    name = "1-0x5afe"

    def __init__(self, tries: int) -> None:
        self.tries = tries
        self.ends: list[Ended] = []

    def end(self, ended: Ended) -> None:
        self.ends.append(ended)


def a_task(path: Path) -> Task:
    return Task("", 1, {FakeTurn.name: path}, True, os.getpid())


def test_worker__at_a_portfolio_that_others_died_at__leaves_it_to_the_next_round(tmp_path: Path) -> None:
    turn = FakeTurn(TRIES + 1)
    fleet_worker._have(turn, a_task(tmp_path / "p01.yaml"))
    assert [(e.outcome, e.code) for e in turn.ends] == [(DIED, 1)]


def test_worker__at_a_file_that_is_gone_or_another_wallets_by_now__ends_the_turn(fleet: Fleet, tmp_path: Path) -> None:
    for path, said in ((tmp_path / "p01.yaml", "p01.yaml"), (fleet.members[0].config, "was changed to another wallet")):
        turn = FakeTurn(1)
        fleet_worker._have(turn, a_task(path))
        assert [(e.outcome, e.code) for e in turn.ends] == [("ConfigError", 2)] and said in turn.ends[0].detail


def test_worker__at_a_portfolio_whose_tick_cannot_begin__tells_its_switch(fleet: Fleet, tmp_path: Path) -> None:
    member = fleet.members[0]
    member.edit("live: true", "live: false")
    with channel() as switch:
        member.config.write_text(f"{member.config.read_text()}notify:\n  ping: {switch.url()}\n")
        turn = FakeTurn(1)
        turn.name = f"1-{member.wallet.lower()}"
        fleet_worker._have(turn, Task("", 1, {turn.name: member.config}, True, os.getpid()))
    assert [e.outcome for e in turn.ends] == ["ConfigError"] and switch.paths == ["/start", "/fail"]


def test_worker__that_meets_an_unknown_error__ends_the_turn_and_itself(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("http://node/7Secret")

    monkeypatch.setattr(fleet_worker, "run_once", broken)
    turn, member = FakeTurn(1), fleet.members[0]
    turn.name = f"1-{member.wallet.lower()}"
    with pytest.raises(ZeroDivisionError):
        fleet_worker._have(turn, Task("", 1, {turn.name: member.config}, True, os.getpid()))
    assert [(e.outcome, e.code) for e in turn.ends] == [("error", 1)] and "7Secret" not in turn.ends[0].detail
