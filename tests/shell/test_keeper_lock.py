"""One keeper at a time: the lock of a wallet, held, killed over, and let go."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, failing, ports_of, rows, state, told
from small_market import POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Held, Planned
from rebalancer.keeper import run_once

LOCKER = (
    "import fcntl, os, sys; handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); fcntl.flock(handle, fcntl.LOCK_EX);"
    "os.write(handle, sys.argv[2].encode()); print('locked', flush=True); sys.stdin.read()"
)


@pytest.fixture
def locker(lock: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Another process that takes the lock, says who it is, and keeps it until it is ended."""
    running: list[subprocess.Popen[str]] = []

    def start(name: str) -> subprocess.Popen[str]:
        lock.parent.mkdir()
        command = [sys.executable, "-c", LOCKER, str(lock), name]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None and process.stdout.readline() == "locked\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_run_once__lock_held_by_another_process__holds_and_names_it(
    lock: Path, locker: Callable[[str], subprocess.Popen[str]]
) -> None:
    locker("process 4711 on elsewhere")
    ports = ports_of(state(*OFF_TARGET))
    report = run_once(ports, POLICY, LIVE, lock)
    assert report.outcome == Held("another keeper is at work on this wallet: process 4711 on elsewhere")
    assert isinstance(ports.chain, FakeChain) and ports.chain.reads == 0
    assert rows(ports) == [], "the ledger belongs to the one that has the lock"
    assert told(ports) == ["Held"]


def test_run_once__lock_held_by_somebody_without_a_name__holds_all_the_same(
    lock: Path, locker: Callable[[str], subprocess.Popen[str]]
) -> None:
    locker("")
    report = run_once(ports_of(state(*OFF_TARGET)), POLICY, LIVE, lock)
    assert isinstance(report.outcome, Held) and "it has not said its name yet" in report.outcome.reason


def test_run_once__after_the_other_was_killed__takes_the_lock_over(
    lock: Path, locker: Callable[[str], subprocess.Popen[str]]
) -> None:
    other = locker("process 4711 on elsewhere")
    other.kill()
    other.wait()
    assert isinstance(run_once(ports_of(state(*OFF_TARGET)), POLICY, DRY, lock).outcome, Planned)
    assert lock.read_text().startswith(f"process {os.getpid()} on ")


def test_run_once__with_a_new_lock__lets_nobody_else_write_it(lock: Path) -> None:
    run_once(ports_of(state(*ON_TARGET)), POLICY, DRY, lock)
    assert (lock.stat().st_mode & 0o777, lock.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_run_once__after_an_error__has_let_the_lock_go(lock: Path) -> None:
    with pytest.raises(Unavailable):
        run_once(failing(Unavailable("node.example: no answer")), POLICY, DRY, lock)
    assert isinstance(run_once(ports_of(state(*OFF_TARGET)), POLICY, DRY, lock).outcome, Planned)


def test_run_once__lock_that_cannot_be_made__is_a_config_error_before_anything_is_read(lock: Path) -> None:
    lock.mkdir(parents=True)
    ports = ports_of(state(*OFF_TARGET))
    with pytest.raises(ConfigError, match=f"{lock} cannot be opened .*set XDG_STATE_HOME"):
        run_once(ports, POLICY, LIVE, lock)
    assert isinstance(ports.chain, FakeChain) and ports.chain.reads == 0
