"""`run --all`: several portfolios by several processes; one that is wrong, one that is halted, one that is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from given_fleet import Fleet, Member, a_fleet
from given_keeper import Gate, command, ended, started
from given_postgres import Cluster

from rebalancer.replica.chain import Replica

LONG = 240


@pytest.fixture
def gate(fleet: Fleet) -> Iterator[Gate]:
    """In front of the node of the first, and of no other."""
    gate = Gate(fleet.replica)
    fleet.members[0].edit(f'"{fleet.replica.url}"', f'"{gate.node.url()}"')
    yield gate
    gate.close()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


class Asked:
    """The server's own answers about the ledger, behind the program's back."""

    def __init__(self, postgres: Cluster, url: str) -> None:
        self._postgres, self._database = postgres, url.rpartition("?")[0].rpartition("/")[2]

    def rows(self, statement: str) -> list[str]:
        return self._postgres.psql(self._database, statement).splitlines()

    def worker_of(self, member: Member) -> int:
        """The process that has its turn."""
        (worker,) = self.rows(
            f"SELECT worker FROM fleet_turns WHERE name LIKE '%{member.wallet.lower()}' AND outcome IS NULL"
        )
        found = re.match(r"process (\d+) on ", worker)
        assert found is not None, worker
        return int(found[1])


@pytest.fixture
def asked(postgres: Cluster, postgres_url: str) -> Asked:
    return Asked(postgres, postgres_url)


def reached(gate: Gate, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not gate.reached.wait(0.05):
        assert process.poll() is None, ended(process).said
        assert time.monotonic() < until


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {each["config"]: each["outcome"] for each in report["portfolios"]}


def all_once(fleet: Fleet, asked: Asked) -> bool:
    """Each has executed one batch, which its ledger knows as settled, and no other."""
    landed = sorted(asked.rows("SELECT tx FROM receipts"))
    mined = [fleet.executed(member) for member in fleet.members]
    return all(len(each) == 1 for each in mined) and landed == sorted(tx for each in mined for tx in each)


def test_run_all__with_two_workers__does_each_once_and_reports_all(fleet: Fleet, asked: Asked) -> None:
    done = ended(fleet.started("--workers", "2"), LONG)
    assert done.code == 0, done.said
    assert outcomes(done.json) == {"p01.yaml": "settled", "p02.yaml": "settled", "p03.yaml": "settled"}
    assert (done.json["round"], done.json["well"], done.json["not_well"], done.json["exit_code"]) == (1, 3, 0, 0)
    workers = {each["worker"] for each in done.json["portfolios"]}
    assert len(workers) == 2 and all(worker.startswith("process ") for worker in workers)
    assert all_once(fleet, asked)
    again = ended(fleet.started("--workers", "1"), LONG)
    assert set(outcomes(again.json).values()) == {"held"} and again.json["round"] == 2
    assert all_once(fleet, asked)


@pytest.mark.slow
def test_run_all__worker_killed_while_it_sends__is_replaced_and_the_batch_is_settled_once(
    fleet: Fleet, gate: Gate, asked: Asked, processes: list[subprocess.Popen[str]]
) -> None:
    gate.keep_back("eth_sendRawTransaction", after=True)
    processes.append(fleet.started("--workers", "2"))
    reached(gate, processes[0])
    gate.keep_back("")
    worker = asked.worker_of(fleet.members[0])
    os.kill(worker, signal.SIGKILL)
    done = ended(processes[0], LONG)
    assert done.code == 0, done.said
    assert f"worker {worker} died (signal 9)" in done.err
    assert set(outcomes(done.json).values()) == {"settled"}
    assert all_once(fleet, asked)
    wallet = fleet.members[0].wallet.lower()
    turns = asked.rows(f"SELECT outcome IS NULL FROM fleet_turns WHERE name LIKE '%{wallet}' ORDER BY id")
    assert turns == ["t", "f"], "one turn that its worker took along, one that ended"


def test_run_all__with_a_bad_file_a_halted_one_and_a_dead_node__does_the_others(fleet: Fleet, asked: Asked) -> None:
    wrong, halted, alone = fleet.members
    more = fleet.folder / "p04.yaml"
    more.write_text("chain: nonsense\n")
    wrong.edit(f'"{fleet.replica.url}"', '"http://127.0.0.1:1/7Secret"')
    assert command("halt", "--why", "a person looks", "--config", str(halted.config)).code == 0
    done = ended(fleet.started("--workers", "2"), LONG)
    assert done.code == 5, done.said
    assert outcomes(done.json) == {
        **{"p01.yaml": "Unavailable", "p02.yaml": "Halt", "p03.yaml": "settled", "p04.yaml": "ConfigError"}
    }
    assert "a person looks" in done.json["portfolios"][1]["detail"] and "7Secret" not in done.said
    assert (done.json["well"], done.json["not_well"], done.json["workers_replaced"]) == (1, 3, 0)
    assert [fleet.sent(member) for member in (wrong, halted, alone)] == [0, 0, 1]
    assert sorted(asked.rows("SELECT outcome FROM fleet_turns")) == ["ConfigError", "Halt", "Unavailable", "settled"]
    assert sorted(asked.rows("SELECT outcome FROM ticks")) == ["Halt", "Halt", "Unavailable", "settled"]


@pytest.mark.slow
def test_run_all__whose_own_process_is_killed__takes_nothing_more_and_the_next_round_does(
    fleet: Fleet, gate: Gate, asked: Asked, processes: list[subprocess.Popen[str]]
) -> None:
    gate.keep_back("eth_simulateV1", after=True)
    processes.append(fleet.started("--workers", "1"))
    reached(gate, processes[0])
    worker = asked.worker_of(fleet.members[0])
    processes[0].kill()
    processes[0].wait()
    gate.keep_back("")
    gate.open.set()
    until = time.monotonic() + 60
    while Path(f"/proc/{worker}/cmdline").exists() and Path(f"/proc/{worker}/cmdline").read_bytes():
        assert time.monotonic() < until, "the worker goes on without its starter"
        time.sleep(0.1)
    processes[0].communicate()
    assert [fleet.sent(member) for member in fleet.members] == [1, 0, 0], "it finished what it had"
    done = ended(fleet.started("--workers", "2"), LONG)
    assert set(outcomes(done.json).values()) == {"settled"} and all_once(fleet, asked), done.said


@pytest.mark.slow
def test_run_all__on_two_hosts_at_once__shares_the_round(
    fleet: Fleet, asked: Asked, processes: list[subprocess.Popen[str]]
) -> None:
    processes += [fleet.started("--workers", "1", host="first"), fleet.started("--workers", "1", host="second")]
    first, second = (ended(process, LONG) for process in processes)
    assert first.code == second.code == 0, first.said + second.said
    assert first.json["round"] == second.json["round"] == 1
    assert outcomes(first.json) == outcomes(second.json)
    assert len(asked.rows("SELECT id FROM fleet_turns")) == 3 and all_once(fleet, asked)


def test_run_all__with_ledgers_in_files__does_each_once_on_this_machine(replica: Replica, tmp_path: Path) -> None:
    fleet = a_fleet(replica, tmp_path / "fleet", ["p01.sqlite", "p02.sqlite", "p03.sqlite"])
    fleet.members[2].edit("live: true", "live: false")
    done = ended(fleet.started("--workers", "2"), LONG)
    assert outcomes(done.json) == {"p01.yaml": "settled", "p02.yaml": "settled", "p03.yaml": "ConfigError"}, done.said
    assert done.code == 2 and "says live: false" in done.json["portfolios"][2]["detail"]
    assert [fleet.sent(member) for member in fleet.members] == [1, 1, 0]
    assert sorted(path.name for path in fleet.folder.glob("*.sqlite")) == ["p01.sqlite", "p02.sqlite"]


@pytest.mark.slow
def test_run_all__with_one_wallet_in_two_files__runs_neither_of_them(
    fleet: Fleet, asked: Asked, tmp_path: Path
) -> None:
    (fleet.folder / "copy.yaml").write_text(fleet.members[0].config.read_text())
    done = ended(fleet.started("--workers", "2"), LONG)
    assert done.code == 2, done.said
    assert [name for name, outcome in outcomes(done.json).items() if outcome == "ConfigError"] == [
        *("copy.yaml", "p01.yaml")
    ]
    assert "one wallet in several files (copy.yaml, p01.yaml)" in done.json["portfolios"][0]["detail"]
    assert [fleet.sent(member) for member in fleet.members] == [0, 1, 1]


def test_run_all__stopped_with_ctrl_c__stops_its_workers_and_the_next_finishes(
    fleet: Fleet, gate: Gate, asked: Asked, processes: list[subprocess.Popen[str]]
) -> None:
    gate.keep_back("eth_sendRawTransaction")
    processes.append(fleet.started("--workers", "1"))
    reached(gate, processes[0])
    worker = asked.worker_of(fleet.members[0])
    processes[0].send_signal(signal.SIGINT)
    stopped = ended(processes[0], LONG)
    assert stopped.code == 130 and "Stopped." in stopped.said
    assert not Path(f"/proc/{worker}").exists()
    gate.keep_back("")
    gate.open.set()
    done = ended(fleet.started("--workers", "1"), LONG)
    assert set(outcomes(done.json).values()) == {"settled"} and all_once(fleet, asked), done.said


def test_run_all__without_its_server__is_unavailable_and_runs_nothing(fleet: Fleet, postgres_url: str) -> None:
    for member in fleet.members:
        member.edit(postgres_url, "postgresql+psycopg://keeper:7Secret@127.0.0.1:1/ledger")
    done = ended(fleet.started(), LONG)
    assert done.code == 3 and done.json["error"] == "Unavailable" and "7Secret" not in done.said
    assert [fleet.sent(member) for member in fleet.members] == [0, 0, 0]


@pytest.mark.slow
def test_run_all__with_different_ledgers__warns_that_no_other_machine_shares_the_round(
    fleet: Fleet, postgres_url: str
) -> None:
    fleet.members[0].edit(postgres_url, "p01.sqlite")
    done = ended(fleet.started("--workers", "2"), LONG)
    assert set(outcomes(done.json).values()) == {"settled"}, done.said
    assert "there are 2 different `ledger` here" in done.err and "postgresql" not in done.err
    assert [fleet.sent(member) for member in fleet.members] == [1, 1, 1]


def test_run_all__told_in_words__names_each_file(fleet: Fleet, tmp_path: Path) -> None:
    for member in fleet.members:
        member.edit(f'"{fleet.replica.url}"', '"http://127.0.0.1:1"')
    done = ended(started("run", "--all", str(fleet.folder), "--workers", "1", XDG_STATE_HOME=str(tmp_path)), LONG)
    assert done.code == 3 and "Traceback" not in done.said
    lines = done.out.splitlines()
    assert [line.split(": ")[:2] for line in lines[:3]] == [[f"p0{n}.yaml", "Unavailable"] for n in (1, 2, 3)]
    assert lines[3] == "round 1: 0 of 3 portfolios ended well"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--all", "{empty}"), "expected a folder with a *.yaml for each portfolio"),
        (("--all", "{empty}/nowhere"), "expected a folder with a *.yaml for each portfolio"),
        (("--all", "{empty}", "--config", "mine.yaml"), "both given"),
        (("--workers", "2"), "it is for --all DIR"),
        (("--all", "{empty}", "--workers", "0"), "'--workers'"),
    ],
)
def test_run_all__asked_for_what_cannot_be__says_so(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = command("run", *(argument.format(empty=tmp_path) for argument in arguments))
    assert done.code == 2 and said in done.said
