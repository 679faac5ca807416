"""Leases of each kind, and another process that holds one until it is ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rebalancer.adapters.lease.file import FileLease
from rebalancer.adapters.lease.postgres import PostgresLease
from rebalancer.adapters.lease.several import AllOf
from rebalancer.ports import Lease

WALLET = "1-0x5afe"
HOLDER = """
import sys
sys.path[:0] = sys.argv[1:3]
from given_leases import a_lease
with a_lease(*sys.argv[3:6]).hold() as holder:
    print("held" if holder is None else holder, flush=True)
    sys.stdin.read()
"""
RACER = """
import sys
sys.path[:0] = sys.argv[1:3]
from given_leases import a_lease
kind, path, url = sys.argv[3:6]
while wallet := sys.stdin.readline().strip():
    with a_lease(kind, path + wallet, url, wallet).hold() as holder:
        print("held" if holder is None else holder, flush=True)
        sys.stdin.readline()
    print("let go", flush=True)
"""


def a_lease(kind: str, path: str, url: str, wallet: str = WALLET) -> Lease:
    """`path` of a lock file, `url` of a PostgreSQL; the kind says which of them count."""
    match kind:
        case "file":
            return FileLease(Path(path))
        case "postgres":
            return PostgresLease(url, wallet)
        case _:
            return AllOf(FileLease(Path(path)), PostgresLease(url, wallet))


@dataclass(frozen=True)
class Place:
    """Where keepers of one wallet meet."""

    kind: str
    path: str
    url: str
    running: ExitStack

    def lease(self, wallet: str = WALLET) -> Lease:
        return a_lease(self.kind, self.path, self.url, wallet)

    def held_elsewhere(self) -> subprocess.Popen[str]:
        """Another process that has it, until it is killed or its input is closed."""
        process = self.started(HOLDER)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    def started(self, program: str) -> subprocess.Popen[str]:
        """Another process that knows the place."""
        here = Path(__file__).resolve().parent
        command = [sys.executable, "-c", program, str(here), str(here.parent.parent), self.kind, self.path, self.url]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.running.callback(_end, process)
        return process


def told(processes: Sequence[subprocess.Popen[str]], word: str) -> list[str]:
    """What each answers to a word that all are told at once."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
    return [process.stdout.readline() for process in processes if process.stdout is not None]


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
