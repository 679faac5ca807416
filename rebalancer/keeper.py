"""Around the tick: one at a time, one row in the ledger whatever the end, and a person told.

In: the ports and the policy. Out: the tick's report; an error is recorded, told, and raised again.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rebalancer.core.drift import max_drift
from rebalancer.core.errors import ConfigError, RebalancerError
from rebalancer.core.model import RESUMED, Held, Outcome, Pending, Planned, Policy, Settled, TickRecord
from rebalancer.core.render import outcome_words
from rebalancer.ports import Ports
from rebalancer.tick import Mode, Report, close, run_tick

UNKNOWN = "error"
"""The outcome of a tick that ended in an error of none of our kinds: a fault in the program."""


def run_once(ports: Ports, policy: Policy, mode: Mode, lock: Path) -> Report:
    """One tick under the wallet's lock. A second keeper of the same wallet holds, and says who has it."""
    with _locked(lock) as holder:
        if holder is not None:
            # Told and not recorded: the ledger belongs to the one that has the lock.
            report = Report(Held(f"another keeper is at work on this wallet: {holder}"), None, None)
            ports.notifier.tell(report.outcome)
            return report
        try:
            report = run_tick(ports, policy, mode)
        except RebalancerError as error:
            _record_error(ports, error.kind, error)
            ports.notifier.tell(error)
            raise
        except Exception as error:
            _record_error(ports, UNKNOWN, error)
            ports.notifier.tell(error)
            raise
        ports.ledger.record_tick(record_of(report, ports.clock.now(), ports.requests()))
        ports.notifier.tell(report.outcome)
        return report


@dataclass(frozen=True, slots=True)
class Resumed:
    """Why the keeper was halted, and the transaction of the intent that was closed with it; None: none was."""

    halted: str
    closed: str | None


def resume(ports: Ports, why: str) -> Resumed:
    """Record that a person has looked into what halted the keeper, and close what can be closed of an open intent.

    Raises ConfigError where nothing is halted, or where nothing is said of what was seen; Unavailable where the chain
    cannot be asked about an open intent: it stays halted.
    """
    past, why = ports.ledger.read(), why.strip()
    if past.halted is None:
        raise ConfigError("nothing is halted, so there is nothing to resume; `rebalancer status` shows what stands")
    if not why:
        raise ConfigError("--why is empty, expected what was looked at and found: it stays on record")
    intent = past.open_intent
    closed = intent.commitment.hash if intent is not None and close(ports, intent, why) else None
    detail = f"{why} (was halted: {past.halted})"
    ports.ledger.record_tick(TickRecord(ports.clock.now(), None, RESUMED, detail, None, None, closed, ports.requests()))
    return Resumed(past.halted, closed)


def record_of(report: Report, at: int, requests: int) -> TickRecord:
    """The row that a tick leaves."""
    word, detail = outcome_words(report.outcome)
    if report.why is not None:
        detail = f"{detail}; because {report.why}"
    return TickRecord(
        at=at,
        block=report.snapshot.block.number if report.snapshot else None,
        outcome=word,
        detail=detail,
        value=report.portfolio.value if report.portfolio else None,
        max_drift=max_drift(report.portfolio) if report.portfolio else None,
        tx=_transaction(report.outcome),
        requests=requests,
    )


def _transaction(outcome: Outcome) -> str | None:
    match outcome:
        case Settled(settlement):
            return settlement.tx
        case Pending(intent):
            return intent.commitment.hash
        case Planned():
            return None
        case _:
            return getattr(outcome, "tx", None)


def _record_error(ports: Ports, kind: str, error: Exception) -> None:
    # The text of a foreign error may hold anything, an RPC URL with its key included.
    detail = f"{type(error).__name__}; see the traceback" if kind == UNKNOWN else str(error)
    row = TickRecord(ports.clock.now(), None, kind, detail, None, None, None, ports.requests())
    try:
        ports.ledger.record_tick(row)
    except RebalancerError as second:
        # The first error is the one to act on; that it could not be recorded must not hide it.
        error.add_note(f"and it could not be recorded: {second}")


@contextmanager
def _locked(path: Path) -> Iterator[str | None]:
    """Holds the lock file, or yields the words of the process that does. The kernel drops it on any death."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the lock file {path} cannot be opened ({error.strerror}); its folder must be one that this account may "
            "write to: set XDG_STATE_HOME to another, the same for every keeper of the wallet"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield os.pread(handle, 200, 0).decode(errors="replace").strip() or "it has not said its name yet"
            return
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield None
    finally:
        os.close(handle)
