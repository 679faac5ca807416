"""Around the tick: the lock, one row whatever the end, and a person told of each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, ports_of, state
from small_market import NOW, POLICY, POOLS, USDC, WETH, v3_pool

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.notify.log import SilentNotifier
from rebalancer.adapters.wallets.fake import FakeWallet, failed, landed, waiting
from rebalancer.core.errors import ConfigError, Halt, RebalancerError, Unavailable
from rebalancer.core.model import Held, Intent, Landed, Landing, Planned, Settled, TickRecord
from rebalancer.keeper import UNKNOWN, Resumed, resume, run_once
from rebalancer.ports import Ports
from rebalancer.tick import Mode
from rebalancer.units import Amount

LOCKER = (
    "import fcntl, os, sys; handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); fcntl.flock(handle, fcntl.LOCK_EX);"
    "os.write(handle, sys.argv[2].encode()); print('locked', flush=True); sys.stdin.read()"
)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "wallet.lock"


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


class Broken(MemoryLedger):
    """Remembers everything but ticks."""

    def record_tick(self, record: TickRecord) -> None:
        raise Unavailable("ledger: cannot be used now: disk I/O error")


def failing(error: RebalancerError) -> Ports:
    ports = ports_of(state(*OFF_TARGET))
    assert isinstance(ports.chain, FakeChain)
    ports.chain.failure = error
    return ports


def rows(ports: Ports) -> list[str]:
    return [row.outcome for row in ports.ledger.history(10)]


def told(ports: Ports) -> list[str]:
    assert isinstance(ports.notifier, SilentNotifier)
    return [type(word).__name__ for word in ports.notifier.told]


def test_run_once__fault_in_the_program__is_recorded_without_its_words_and_raised(lock: Path) -> None:
    class Faulty(FakeChain):
        def read(self):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError("https://node.example/v2/secret-key")

    ports = replace(ports_of(state(*ON_TARGET)), chain=Faulty([state(*ON_TARGET)]))
    with pytest.raises(ZeroDivisionError):
        run_once(ports, POLICY, LIVE, lock)
    (row,) = ports.ledger.history(10)
    assert (row.outcome, row.detail) == (UNKNOWN, "ZeroDivisionError; see the traceback")


# ---------------------------------------------------------------- the lock


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


# ---------------------------------------------------------------- one row, whatever the end

GAP = state(*OFF_TARGET, pools=(v3_pool(USDC, WETH, 500, 200_000_000, off_bps=300), *POOLS[1:]))
ENDS: dict[str, tuple[Callable[[], Ports], Mode]] = {
    "held": (lambda: ports_of(state(*ON_TARGET)), LIVE),
    "planned": (lambda: ports_of(state(*OFF_TARGET)), DRY),
    "blocked": (lambda: ports_of(GAP), LIVE),
    "pending": (lambda: ports_of(state(*OFF_TARGET), FakeWallet(landings=[waiting])), LIVE),
    "settled": (lambda: ports_of(state(*OFF_TARGET)), LIVE),
    "failed": (lambda: ports_of(state(*OFF_TARGET), FakeWallet(landings=[failed])), LIVE),
}


@pytest.mark.parametrize("word", ENDS)
def test_run_once__each_outcome__leaves_one_row_and_is_told(word: str, lock: Path) -> None:
    make, mode = ENDS[word]
    ports = replace(make(), requests=lambda: 3)
    report = run_once(ports, POLICY, mode, lock)
    (row,) = ports.ledger.history(10)
    assert (row.outcome, row.at, row.requests) == (word, NOW, 3)
    assert told(ports) == [word.capitalize()]
    assert report.snapshot is not None and report.portfolio is not None
    assert (row.block, row.value) == (report.snapshot.block.number, report.portfolio.value)
    assert row.max_drift is not None and (row.max_drift > 0) == (word != "held")
    assert (row.tx is not None) == (word in ("pending", "settled", "failed"))
    assert ("; because WETH is 15 points over" in row.detail) == (word in ("planned", "pending", "settled", "failed"))


def test_run_once__an_open_intent_was_finished__leaves_a_row_without_a_portfolio(lock: Path) -> None:
    wallet = FakeWallet(landings=[waiting])
    ports = ports_of(state(*OFF_TARGET), wallet)
    run_once(ports, POLICY, LIVE, lock)
    run_once(ports, POLICY, LIVE, lock)
    newest = ports.ledger.history(1)[0]
    assert (newest.outcome, newest.block, newest.value, newest.max_drift) == ("pending", None, None, None)
    assert newest.tx == ports.ledger.history(2)[1].tx


# ---------------------------------------------------------------- errors


class StrangeHalt(Halt):
    """A leaf of the tree, of the kind that adapters make."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unavailable("node.example: no answer"), "Unavailable"),
        (ConfigError("token WBTC: 8 decimals, expected 9"), "ConfigError"),
        (Halt("nonce 7 was used"), "Halt"),
        (StrangeHalt("nonce 7 was used"), "Halt"),
    ],
    ids=["unavailable", "config", "halt", "a leaf of halt"],
)
def test_run_once__error__is_recorded_by_its_kind_told_and_raised(
    error: RebalancerError, kind: str, lock: Path
) -> None:
    ports = failing(error)
    with pytest.raises(type(error)) as caught:
        run_once(ports, POLICY, LIVE, lock)
    assert caught.value is error
    (row,) = ports.ledger.history(10)
    assert (row.outcome, row.detail, row.block) == (kind, str(error), None)
    assert isinstance(ports.notifier, SilentNotifier) and ports.notifier.told == [error]


def test_run_once__ledger_fails_while_an_error_is_recorded__the_first_error_is_raised_with_a_note(lock: Path) -> None:
    ports = replace(failing(Unavailable("node.example: no answer")), ledger=Broken())
    with pytest.raises(Unavailable, match="^node.example: no answer") as caught:
        run_once(ports, POLICY, LIVE, lock)
    assert str(caught.value) == "node.example: no answer"
    assert caught.value.__notes__ == ["and it could not be recorded: ledger: cannot be used now: disk I/O error"]
    assert told(ports) == ["Unavailable"]


# ---------------------------------------------------------------- resume


def test_resume__after_a_halt__lets_the_next_tick_act(lock: Path) -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE, lock)
    healthy = replace(ports_of(state(*OFF_TARGET)), ledger=ports.ledger)
    for _ in range(3):
        with pytest.raises(Halt, match="^nonce 7 was used$"):
            run_once(healthy, POLICY, LIVE, lock)
    assert resume(healthy, " it was mine ") == Resumed("nonce 7 was used", None)
    assert healthy.ledger.history(1)[0].detail == "it was mine (was halted: nonce 7 was used)"
    assert isinstance(run_once(healthy, POLICY, DRY, lock).outcome, Planned)


@pytest.mark.parametrize("why", ["", " \n"])
def test_resume__without_a_reason__is_refused_and_records_nothing(why: str, lock: Path) -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE, lock)
    with pytest.raises(ConfigError, match="--why is empty"):
        resume(ports, why)
    assert rows(ports) == ["Halt"]


def test_resume__where_nothing_is_halted__is_refused() -> None:
    ports = ports_of(state(*OFF_TARGET))
    with pytest.raises(ConfigError, match="nothing is halted"):
        resume(ports, "just so")
    assert rows(ports) == []


def halted_by(how: Callable[[Intent], Landing], lock: Path) -> Ports:
    """A keeper that has sent a batch and halted over what became of it."""
    ports = ports_of(state(*OFF_TARGET), FakeWallet(landings=[how, how, landed]))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE, lock)
    return ports


def pushed_aside(intent: Intent) -> Landing:
    raise Halt(f"nonce 0 was used by 0xfeed, so {intent.commitment.hash} can never be mined")


def otherwise_than_planned(intent: Intent) -> Landing:
    whole = landed(intent)
    assert isinstance(whole, Landed)
    nothing = tuple(Amount(change.token, 0) for change in whole.receipt.changes)
    return Landed(replace(whole.receipt, changes=nothing))


@pytest.mark.parametrize("how", [pushed_aside, otherwise_than_planned], ids=["can never happen", "mined otherwise"])
def test_resume__after_a_halt_over_an_open_intent__closes_it_and_the_next_tick_acts(
    how: Callable[[Intent], Landing], lock: Path
) -> None:
    ports = halted_by(how, lock)
    intent = ports.ledger.read().open_intent
    assert intent is not None and isinstance(ports.ledger, MemoryLedger)
    assert resume(ports, "my own transfer").closed == intent.commitment.hash
    past = ports.ledger.read()
    assert (past.open_intent, past.halted, past.failures) == (None, None, 0)
    assert str(ports.ledger.landings[intent.id]).startswith("closed by a person, 'my own transfer': ")
    assert ports.ledger.history(1)[0].tx == intent.commitment.hash
    assert isinstance(run_once(ports, POLICY, LIVE, lock).outcome, Settled)


def test_resume__of_an_intent_that_may_still_happen__leaves_it_open_for_the_next_tick(lock: Path) -> None:
    ports = replace(halted_by(pushed_aside, lock), wallet=FakeWallet(landings=[waiting, landed]))
    assert resume(ports, "the node was confused").closed is None
    assert ports.ledger.read().open_intent is not None
    assert isinstance(run_once(ports, POLICY, LIVE, lock).outcome, Settled)


def test_resume__while_the_chain_cannot_be_asked__stays_halted_and_records_nothing(lock: Path) -> None:
    def nobody_there(_: Intent) -> Landing:
        raise Unavailable("node.example: no answer")

    ports = replace(halted_by(pushed_aside, lock), wallet=FakeWallet(landings=[nobody_there]))
    with pytest.raises(Unavailable, match="no answer"):
        resume(ports, "my own transfer")
    past = ports.ledger.read()
    assert past.open_intent is not None and past.halted is not None and rows(ports) == ["Halt"]
