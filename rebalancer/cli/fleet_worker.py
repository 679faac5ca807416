"""A worker of the fleet: a process that takes portfolios, one after the other, until a round has none left.

Each gets the very tick that `rebalancer run` gives it. An error that is known ends the turn; one that is not ends the
worker too, with its traceback, and whoever started it starts another.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rebalancer.cli import warnings_shown
from rebalancer.cli.ticks import exit_code, parts_of
from rebalancer.config import Settings, read_settings
from rebalancer.core.errors import ConfigError, RebalancerError
from rebalancer.core.model import Held
from rebalancer.core.notices import UNKNOWN
from rebalancer.core.render import outcome_words
from rebalancer.fleet import TRIES, Ended, Queue, Turn
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.tick import Mode, Report
from rebalancer.wire import close_ports, fleet_name, open_queue

LOOK_AGAIN = 0.5
"""Seconds until a worker that found nothing looks again: what another has may become free, should that one die."""
LONGEST = 300.0
"""Seconds after which it looks no more: a tick takes less, so whoever has the rest hangs."""
LEASE_LEFT = 5.0
"""Seconds in which the lease of a worker that died goes, once its turn is gone."""
STOPPED = 130
DIED = "crashed"
"""The outcome of a portfolio at which workers die."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is to do. `files`: by name, the portfolios that may be taken."""

    queue: str = field(repr=False)
    """For `open_queue`."""
    number: int
    """Of the round."""
    files: Mapping[str, Path]
    live: bool
    parent: int
    """The process that started it: without that one it takes nothing more."""


def work(task: Task) -> None:
    """Ends the process with 0, or with the code of the error that left it without a queue."""
    logging.getLogger("rebalancer").addHandler(logging.NullHandler())
    try:
        with warnings_shown():
            _work(task, open_queue(task.queue))
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except RebalancerError as error:
        sys.stderr.write(f"worker {os.getpid()}: {error.kind}: {error}\n")
        sys.exit(error.exit_code)


def _work(task: Task, queue: Queue) -> None:
    names = sorted(task.files)
    end = time.monotonic() + LONGEST
    while os.getppid() == task.parent:
        with queue.take(task.number, names) as turn:
            if turn is not None:
                _have(turn, task)
                end = time.monotonic() + LONGEST
        if turn is not None:
            continue
        if len(queue.ended(task.number, names)) == len(names) or time.monotonic() > end:
            return
        time.sleep(LOOK_AGAIN)


def _have(turn: Turn, task: Task) -> None:
    path = task.files[turn.name]
    if turn.tries > TRIES:
        turn.end(Ended(DIED, f"{TRIES} workers died at {path.name} in this round; run it alone to see why", 1))
        return
    try:
        turn.end(_tick(turn.name, path, task.live))
    except RebalancerError as error:
        turn.end(Ended(error.kind, str(error), error.exit_code))
    except Exception as error:
        # The text of a foreign error may hold anything, an RPC URL with its key included.
        turn.end(Ended(UNKNOWN, f"{type(error).__name__}; see the traceback", 1))
        raise


def _tick(name: str, path: Path, live: bool) -> Ended:
    settings = read_settings(path)
    if fleet_name(settings) != name:
        raise ConfigError(f"{path} was changed to another wallet's while the round was on; it is read anew by the next")
    mode, ports = parts_of(settings, live)
    try:
        report = _report(ports, settings, mode)
    finally:
        close_ports(ports)
    word, detail = outcome_words(report.outcome)
    return Ended(word, detail, exit_code(report.outcome))


def _report(ports: Ports, settings: Settings, mode: Mode) -> Report:
    end = time.monotonic() + LEASE_LEFT
    while True:
        report = run_once(ports, settings.policy, mode)
        at_work_elsewhere = isinstance(report.outcome, Held) and report.snapshot is None
        if not at_work_elsewhere or time.monotonic() > end:
            return report
        time.sleep(LOOK_AGAIN)
