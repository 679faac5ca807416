"""`run --all`: every configuration of a folder gets its tick, by several workers here and on any number of hosts."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from rebalancer.cli.fleet_worker import STOPPED, Task, work
from rebalancer.config import Settings, read_settings
from rebalancer.core.errors import ConfigError, Halt, RebalancerError, Unavailable
from rebalancer.fleet import TRIES, Ended, Queue, worst
from rebalancer.wire import SERVER, fleet_name, open_queue

WORKERS = 4
_KNOWN_ENDS = {ConfigError.exit_code, Unavailable.exit_code, Halt.exit_code, STOPPED}
"""Exit codes of a worker that would meet the same again."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What was found. `files` and `queue` are of those that can be taken; `wrong` says why the others cannot."""

    files: Mapping[str, Path]
    wrong: Mapping[Path, RebalancerError]
    server: str | None
    """The one PostgreSQL that keeps all their ledgers; None: they are files, or several."""


@dataclass(frozen=True, slots=True)
class Round:
    """A round as this host saw it: each file's end, and workers that were started again."""

    number: int
    ends: Mapping[Path, Ended]
    replaced: int


def run_folder(folder: Path, config: Path | None, how: tuple[int | None, bool], as_json: bool) -> int:
    """One round of (workers, live): the worst exit code of all its portfolios."""
    if config is not None:
        raise ConfigError(f"--all {folder} and --config {config} were both given: one of them is enough")
    workers, live = how[0] or WORKERS, how[1]
    found = _found(folder)
    with _place(found) as place:
        queue = open_queue(place)
        try:
            done = _round(found, queue, place, (workers, live))
        finally:
            queue.close()
    code = worst(ended.code for ended in done.ends.values())
    if as_json:
        from rebalancer.cli.as_json import emit

        emit(_object(done, workers, code))
    else:
        _print(done)
    return code


def _found(folder: Path) -> Folder:
    paths = sorted(path for kind in ("*.yaml", "*.yml") for path in folder.glob(kind) if path.is_file())
    if not paths:
        raise ConfigError(f"--all {folder}: expected a folder with a *.yaml for each portfolio, and there is none")
    wrong: dict[Path, RebalancerError] = {}
    read: dict[Path, Settings] = {}
    for path in paths:
        try:
            read[path] = read_settings(path)
        except RebalancerError as error:
            wrong[path] = error
    wrong |= _clashes(read)
    alone = {path: settings for path, settings in read.items() if path not in wrong}
    files = {fleet_name(settings): path for path, settings in alone.items()}
    return Folder(files, wrong, _server({settings.ledger_url for settings in alone.values()}))


def _clashes(read: Mapping[Path, Settings]) -> dict[Path, ConfigError]:
    """Files that name what one keeper has for itself alone: it is not for us to say which of them is meant."""
    found: dict[Path, ConfigError] = {}
    for name_of, what, mend in (
        (_operator, "operator", "its transactions would stand in each other's way; make one for each wallet"),
        (fleet_name, "wallet", "keep one of them"),
    ):
        shared: dict[str, list[Path]] = {}
        for path, settings in read.items():
            shared.setdefault(name_of(settings), []).append(path)
        for paths in shared.values():
            names = ", ".join(path.name for path in paths)
            error = ConfigError(f"one {what} in several files ({names}): {mend}")
            found |= dict.fromkeys(paths, error) if len(paths) > 1 else {}
    return found


def _operator(settings: Settings) -> str:
    return f"{settings.chain_id}-{settings.wallet.operator.lower()}"


def _server(ledgers: set[str]) -> str | None:
    servers = [url for url in ledgers if url.startswith(SERVER)]
    if servers and len(ledgers) > 1:
        sys.stderr.write(
            f"warning: there are {len(ledgers)} different `ledger` here; only machines whose portfolios all name the "
            "same PostgreSQL share a round, so this one does all by itself\n"
        )
        return None
    return servers[0] if servers else None


@contextmanager
def _place(found: Folder) -> Iterator[str]:
    """Where the workers meet: at the server, or in a folder that is gone afterwards."""
    if found.server is not None:
        yield found.server
        return
    with tempfile.TemporaryDirectory(prefix="rebalancer-round-") as folder:
        yield folder


def _round(found: Folder, queue: Queue, place: str, how: tuple[int, bool]) -> Round:
    workers, live = how
    names = sorted(found.files)
    number = queue.join(names)
    ends: dict[Path, Ended] = {}
    for path, error in found.wrong.items():
        ends[path] = Ended(error.kind, str(error), error.exit_code)
        queue.refuse(number, f"{socket.gethostname()}:{path.absolute()}", ends[path])
    task = Task(place, number, found.files, live, os.getpid())
    replaced = _work(task, min(workers, len(names)), queue)
    done = queue.ended(number, names)
    left = [name for name in names if name not in done]
    holders = queue.holders(number, left)
    for name, path in found.files.items():
        ends[path] = done[name] if name in done else _not_done(holders.get(name))
    return Round(number, {path: ends[path] for path in sorted(ends)}, replaced)


def _not_done(holder: str | None) -> Ended:
    if holder is None:
        return Ended(Unavailable.__name__, "no worker was left to take it; the next round does", Unavailable.exit_code)
    return Ended("held", f"{holder} is still at work on it", 0)


def _work(task: Task, workers: int, queue: Queue) -> int:
    """Until all workers have left; how many of them were started in the place of one that died."""
    context = multiprocessing.get_context("spawn")

    def started() -> SpawnProcess:
        process = context.Process(target=work, args=(task,))
        process.start()
        return process

    names, replaced = sorted(task.files), 0
    running = [started() for _ in range(workers)]
    try:
        while running:
            wait([process.sentinel for process in running])
            over = [process for process in running if process.exitcode is not None]
            running = [process for process in running if process not in over]
            for process in over:
                if process.exitcode and process.exitcode not in _KNOWN_ENDS:
                    sys.stderr.write(f"worker {process.pid} died ({_how(process.exitcode)})\n")
                    if replaced < TRIES * len(names) and len(queue.ended(task.number, names)) < len(names):
                        running.append(started())
                        replaced += 1
    finally:
        for process in running:
            process.terminate()
            process.join()
    return replaced


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _object(done: Round, workers: int, code: int) -> dict[str, Any]:
    portfolios = [
        {"config": path.name, "outcome": e.outcome, "detail": e.detail, "exit_code": e.code, "worker": e.worker}
        for path, e in done.ends.items()
    ]
    well = sum(ended.code == 0 for ended in done.ends.values())
    counts = {"well": well, "not_well": len(portfolios) - well}
    head = {"round": done.number, "workers": workers, "workers_replaced": done.replaced}
    return head | counts | {"exit_code": code, "portfolios": portfolios}


def _print(done: Round) -> None:
    for path, ended in done.ends.items():
        print(f"{path.name}: {ended.outcome}: {ended.detail}")
    well = sum(ended.code == 0 for ended in done.ends.values())
    print(f"round {done.number}: {well} of {len(done.ends)} portfolios ended well")
