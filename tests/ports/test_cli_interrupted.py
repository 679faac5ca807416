"""A keeper that is stopped in the middle, and two at once: nothing is half written, nothing is sent twice."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from given_keeper import Gate, Keeper, a_keeper, ended
from given_modules import a_module_keeper

from rebalancer.replica.chain import Replica

STOPPED = {signal.SIGINT: 130, signal.SIGKILL: -9}
PATIENCE = 120
"""Seconds that a process may take to get there, on a machine that is busy with much else."""


BEFORE = {
    ("eth_call", signal.SIGINT),
    ("eth_simulateV1", signal.SIGKILL),
    ("eth_getTransactionCount", signal.SIGINT),
}
"""Of what a keeper asks before it signs and how it is stopped: the others are for those who have more time."""


@pytest.fixture(
    params=[pytest.param(a_keeper, marks=pytest.mark.slow, id="safe"), pytest.param(a_module_keeper, id="safe-module")]
)
def keeper(request: pytest.FixtureRequest, replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Off its targets and live, of each kind of wallet."""
    keeper: Keeper = request.param(replica, tmp_path, keystore)
    keeper.go_live()
    return keeper


@pytest.fixture
def gate(keeper: Keeper) -> Iterator[Gate]:
    """The keeper's node, which can keep a request back."""
    gate = Gate(keeper.replica)
    keeper.edit(f'"{keeper.replica.url}"', f'"{gate.node.url()}"')
    yield gate
    gate.close()


def stopped(process: subprocess.Popen[str], how: signal.Signals) -> None:
    """Ended by the signal at once, and without a traceback."""
    process.send_signal(how)
    done = ended(process, 10)
    assert done.code == STOPPED[how], done.said
    if how is signal.SIGINT:
        assert "Stopped. Whatever was sent or fetched is on record; the next run goes on from there. " in done.said
        assert len(done.said.splitlines()) == 1


def reaches(gate: Gate, process: subprocess.Popen[str]) -> None:
    """It asks for what is kept back. Where it ends instead, what it said is the reason."""
    until = time.monotonic() + PATIENCE
    while not gate.reached.wait(0.05):
        if process.poll() is not None and not gate.reached.is_set():
            pytest.fail(f"{gate.method} was never asked for: {ended(process)}")
        assert time.monotonic() < until, f"{gate.method} was not asked for within {PATIENCE} s"


@pytest.mark.parametrize(
    ("method", "how"),
    [
        pytest.param(method, how, id=f"{method}-{how.name}", marks=() if (method, how) in BEFORE else pytest.mark.slow)
        for method in ("eth_call", "eth_simulateV1", "eth_getTransactionCount")
        for how in STOPPED
    ],
)
def test_run__stopped_before_it_has_signed__leaves_nothing_and_the_next_run_settles(
    keeper: Keeper, gate: Gate, method: str, how: signal.Signals
) -> None:
    gate.keep_back(method)
    process = keeper.started("run", "--live")
    reaches(gate, process)
    stopped(process, how)
    gate.keep_back("")
    assert keeper.asked("SELECT * FROM intents") == [] and keeper.sent() == 0
    assert keeper.command("run", "--live", "--json").json["outcome"] == "settled"
    assert keeper.settled_once()


@pytest.mark.parametrize(
    ("after", "how"),
    [
        pytest.param(False, signal.SIGINT, id="bytes kept back-SIGINT", marks=pytest.mark.slow),
        pytest.param(False, signal.SIGKILL, id="bytes kept back-SIGKILL"),
        pytest.param(True, signal.SIGINT, id="bytes arrived-SIGINT"),
        pytest.param(True, signal.SIGKILL, id="bytes arrived-SIGKILL", marks=pytest.mark.slow),
    ],
)
def test_run__stopped_while_it_sends__the_next_run_settles_the_same_transaction(
    keeper: Keeper, gate: Gate, how: signal.Signals, after: bool
) -> None:
    gate.keep_back("eth_sendRawTransaction", after)
    process = keeper.started("run", "--live")
    reaches(gate, process)
    stopped(process, how)
    gate.keep_back("")
    ((tx,),) = keeper.asked("SELECT tx FROM intents")
    assert keeper.command("status", "--json").json["open_intent"] == tx
    found = keeper.command("run", "--live", "--json").json
    assert (found["outcome"], found["tx"]) == ("settled", tx)
    assert keeper.settled_once()


def test_run__stopped_while_it_waits_to_be_mined__the_next_run_settles_it(keeper: Keeper, gate: Gate) -> None:
    gate.keep_back("eth_getTransactionReceipt", after=True)
    process = keeper.started("run", "--live")
    reaches(gate, process)
    stopped(process, signal.SIGINT)
    gate.keep_back("")
    assert keeper.command("run", "--live", "--json").json["outcome"] == "settled"
    assert keeper.settled_once()


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As a shell starts `make test &`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_background")
def test_run__started_by_tests_that_ignore_the_signal__is_stopped_all_the_same(keeper: Keeper, gate: Gate) -> None:
    gate.keep_back("eth_call")
    process = keeper.started("run", "--live")
    reaches(gate, process)
    stopped(process, signal.SIGINT)


def test_run__an_intent_is_open_and_the_run_is_dry__looks_and_sends_nothing(keeper: Keeper, gate: Gate) -> None:
    gate.keep_back("eth_sendRawTransaction")
    process = keeper.started("run", "--live")
    reaches(gate, process)
    stopped(process, signal.SIGINT)
    gate.keep_back("")
    assert keeper.command("run", "--json").json["outcome"] == "pending"
    assert "open: 0x" in keeper.command("status").out and "open: 0x" in keeper.command("plan").out
    assert keeper.sent() == 0


def test_run__while_another_keeper_is_at_work__holds_and_says_who_it_is(keeper: Keeper, gate: Gate) -> None:
    gate.keep_back("eth_simulateV1", after=True)
    first = keeper.started("run", "--live", "--json")
    reaches(gate, first)
    second = keeper.command("run", "--live")
    assert second.code == 0
    assert f"held: another keeper is at work on this wallet: process {first.pid} on " in second.said
    gate.keep_back("")
    gate.open.set()
    assert ended(first).json["outcome"] == "settled"
    assert keeper.settled_once()
