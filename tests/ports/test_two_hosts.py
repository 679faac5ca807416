"""Two hosts, one PostgreSQL: one keeper acts, the other says who, and takes over where the first was killed.

Two processes with state folders of their own see no lock file of each other, as on two machines.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from given_keeper import Done, Gate, Keeper, ended, started, to_the_present
from given_postgres import Cluster
from given_silence import frozen


@pytest.fixture
def keeper(keeper: Keeper, postgres_url: str) -> Keeper:
    """Off its targets and live, with its ledger on a server."""
    keeper.go_live()
    keeper.edit("ledger: rebalancer.sqlite ", f'ledger: "{postgres_url}" ')
    return keeper


@pytest.fixture
def gate(keeper: Keeper) -> Iterator[Gate]:
    gate = Gate(keeper.replica)
    keeper.edit(f'"{keeper.replica.url}"', f'"{gate.node.url()}"')
    yield gate
    gate.close()


Host = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def on_host(keeper: Keeper, tmp_path: Path) -> Iterator[Host]:
    """A live run on a host of that name."""
    running: list[subprocess.Popen[str]] = []

    def run(name: str) -> subprocess.Popen[str]:
        to_the_present(keeper.replica)
        arguments = ("run", "--live", "--json", "--config", str(keeper.config))
        running.append(started(*arguments, XDG_STATE_HOME=str(tmp_path / name)))
        return running[-1]

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
            process.communicate()


def reached(gate: Gate, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not gate.reached.wait(0.05):
        assert process.poll() is None, ended(process).said
        assert time.monotonic() < until


def in_the_end(on_host: Host, name: str) -> Done:
    """The first run that has the lease: the server needs a moment to see that its client is gone."""
    until = time.monotonic() + 30
    while True:
        done = ended(on_host(name))
        if "another keeper is at work" not in done.said or time.monotonic() > until:
            return done


Landings = Callable[[], str]


@pytest.fixture
def landings(postgres: Cluster, postgres_url: str) -> Landings:
    """How many intents have landed, and how many of them failed, as the server says behind the program's back."""
    database = postgres_url.rpartition("?")[0].rpartition("/")[2]
    return lambda: postgres.psql(database, "SELECT count(*), count(reason) FROM landings")


def test_run__on_a_second_host_meanwhile__leaves_with_0_and_says_who_holds_it(
    keeper: Keeper, gate: Gate, on_host: Host, landings: Landings
) -> None:
    gate.keep_back("eth_simulateV1", after=True)
    first = on_host("first")
    reached(gate, first)
    second = ended(on_host("second"))
    assert second.code == 0 and second.json["outcome"] == "held"
    assert f"another keeper is at work on this wallet: process {first.pid} on " in second.json["detail"]
    gate.keep_back("")
    gate.open.set()
    assert ended(first).json["outcome"] == "settled"
    assert keeper.sent() == 1 and landings() == "1|0"


@pytest.mark.parametrize("after", [False, True], ids=["bytes kept back", "bytes arrived"])
def test_run__first_host_killed_while_it_sends__second_host_settles_the_same_transaction(
    keeper: Keeper, gate: Gate, on_host: Host, landings: Landings, after: bool
) -> None:
    gate.keep_back("eth_sendRawTransaction", after)
    first = on_host("first")
    reached(gate, first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    gate.keep_back("")
    done = in_the_end(on_host, "second")
    assert done.code == 0 and done.json["outcome"] == "settled", done.said
    assert keeper.sent() == 1 and landings() == "1|0"
    assert in_the_end(on_host, "first").json["outcome"] == "held"
    assert keeper.sent() == 1


def test_run__server_gone__is_unavailable_and_sends_nothing(
    keeper: Keeper, on_host: Host, postgres_url: str, tmp_path: Path
) -> None:
    keeper.edit(postgres_url, "postgresql+psycopg://keeper:7Secret@127.0.0.1:1/ledger")
    done = ended(on_host("first"))
    assert done.code == 3 and "7Secret" not in done.said, done.said
    assert keeper.sent() == 0


@pytest.mark.parametrize("when", ["before", pytest.param("eth_sendRawTransaction", marks=pytest.mark.slow)])
def test_run__server_stands_still__is_unavailable_within_a_minute_and_the_next_settles_once(
    keeper: Keeper, gate: Gate, on_host: Host, postgres: Cluster, when: str
) -> None:
    gate.keep_back("" if when == "before" else when, after=True)
    with ExitStack() as still:
        if when == "before":
            still.enter_context(frozen(postgres))
        run = on_host("first")
        if when != "before":
            reached(gate, run)
            still.enter_context(frozen(postgres))
            gate.keep_back("")
            gate.open.set()
        began = time.monotonic()
        done = ended(run, within=90)
        took = time.monotonic() - began
    assert done.code == 3 and done.json["error"] == "Unavailable", done.said
    assert took < 60 and keeper.sent() == (when == "eth_sendRawTransaction")
    done = in_the_end(on_host, "second")
    assert done.code == 0 and done.json["outcome"] == "settled" and keeper.sent() == 1, done.said
