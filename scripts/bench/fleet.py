#!/usr/bin/env python3
"""Many portfolios in one round, live, on one chain and one PostgreSQL: by several workers, then by one.

Each is a Safe off its targets with an operator's key of its own; blocks come by the clock, as on mainnet but quicker.
In the middle of the first round one worker is killed with SIGKILL while it has a portfolio. Exit 1 where a portfolio is
not rebalanced exactly once, where chain and ledger differ, or where the killed worker's portfolio was not taken over.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "shell"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "ports"))

from given_fleet import Fleet, a_fleet
from given_postgres import Cluster, NoPostgres, a_cluster

from rebalancer.replica.chain import Replica

PORTFOLIOS = 50
WORKERS = 4
BLOCK_TIME = 2
"""Seconds. On mainnet a tick waits six times as long for its block, and gains more by not waiting alone."""
LONGEST = 1_800.0
"""Seconds for a round."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A round from outside: its own report, and what chain and ledger say."""

    seconds: float
    report: dict[str, Any]
    executed: tuple[tuple[str, ...], ...]
    """Of each portfolio, the transactions in which its Safe has executed a batch."""
    mined: tuple[int, ...]
    """Of each, all transactions of its operator."""
    landed: tuple[tuple[str, ...], ...]
    """Of each, the transactions that its ledger knows as settled."""
    interrupted: int
    """Turns that never ended."""


class Server:
    """Its answers about one database."""

    def __init__(self, cluster: Cluster) -> None:
        self.url = cluster.new_database()
        self._cluster = cluster

    def rows(self, statement: str) -> list[list[str]]:
        found = self._cluster.psql(self.url.rpartition("?")[0].rpartition("/")[2], statement)
        return [line.split("|") for line in found.splitlines()]

    def turns_ended(self) -> int:
        """0 too while there are no tables."""
        (exists,) = self.rows("SELECT to_regclass('fleet_turns') IS NOT NULL")
        return int(self.rows("SELECT count(outcome) FROM fleet_turns")[0][0]) if exists == ["t"] else 0

    def workers(self) -> list[int]:
        """Processes that have a turn."""
        found = self.rows("SELECT worker FROM fleet_turns WHERE outcome IS NULL ORDER BY id DESC")
        return [int(match[1]) for (worker,) in found if (match := re.match(r"process (\d+) on ", worker))]


def main() -> int:
    """0 where each portfolio was rebalanced exactly once, in both rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--portfolios", type=int, default=PORTFOLIOS)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--block-time", type=int, default=BLOCK_TIME, help="seconds")
    arguments = parser.parse_args()
    try:
        several, alone = _measured(arguments)
    except NoPostgres as reason:
        print(f"no PostgreSQL: {reason}", file=sys.stderr)
        return 1
    figures = _figures(arguments, several, alone)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    whole = figures["done"] == figures["done_by_one"] == arguments.portfolios
    return 0 if whole and figures["twice"] == 0 and figures["interrupted"] and figures["ledger_equals_chain"] else 1


def _measured(arguments: argparse.Namespace) -> tuple[Seen, Seen]:
    with tempfile.TemporaryDirectory() as folder, a_cluster() as cluster, Replica.start() as replica:
        servers = Server(cluster), Server(cluster)
        fleet = a_fleet(replica, Path(folder) / "fleet", [servers[0].url] * arguments.portfolios)
        with replica.scratch():
            several = _round(fleet, servers[0], arguments.workers, arguments, kill=True)
        for member in fleet.members:
            member.edit(servers[0].url, servers[1].url)
        return several, _round(fleet, servers[1], 1, arguments, kill=False)


def _round(fleet: Fleet, server: Server, workers: int, arguments: argparse.Namespace, kill: bool) -> Seen:
    rpc = fleet.replica.rpc
    started = time.monotonic()
    process = fleet.started("--workers", str(workers))
    rpc.call("evm_setAutomine", False)
    rpc.call("evm_setIntervalMining", arguments.block_time)
    try:
        if kill:
            _kill_one(process, server, len(fleet.members) // 2)
        out, said = process.communicate(timeout=LONGEST)
        seconds = time.monotonic() - started
    finally:
        process.kill()
        rpc.call("evm_setIntervalMining", 0)
        rpc.call("evm_setAutomine", True)
    if not out:
        raise SystemExit(f"the round ended with {process.returncode}: {said}")
    landed = server.rows("SELECT p.wallet, r.tx FROM receipts r JOIN portfolios p ON p.number = r.portfolio")
    return Seen(
        seconds=seconds,
        report=json.loads(out),
        executed=tuple(tuple(fleet.executed(member)) for member in fleet.members),
        mined=tuple(fleet.sent(member) for member in fleet.members),
        landed=tuple(tuple(tx for wallet, tx in landed if wallet == member.wallet) for member in fleet.members),
        interrupted=int(server.rows("SELECT count(*) FROM fleet_turns WHERE outcome IS NULL")[0][0]),
    )


def _kill_one(process: subprocess.Popen[str], server: Server, after: int) -> None:
    """A worker of the process that has a turn, once so many turns have ended."""
    while process.poll() is None:
        time.sleep(0.2)
        if server.turns_ended() < after:
            continue
        for worker in server.workers():
            os.kill(worker, signal.SIGSTOP)
            if worker in server.workers():  # still: it has not ended while we looked
                os.kill(worker, signal.SIGKILL)
                return
            os.kill(worker, signal.SIGCONT)


def _figures(arguments: argparse.Namespace, several: Seen, alone: Seen) -> dict[str, Any]:
    return {
        "benchmark": "fleet",
        "portfolios": arguments.portfolios,
        "workers": arguments.workers,
        "done": _done(several),
        "twice": _twice(several) + _twice(alone),
        "ledger_equals_chain": several.executed == several.landed and alone.executed == alone.landed,
        "killed": 1,
        "interrupted": several.interrupted,
        "workers_replaced": several.report["workers_replaced"],
        "exit_code": several.report["exit_code"],
        "seconds": round(several.seconds, 1),
        "compared_with": "one worker, on the same chain from the same beginning",
        "done_by_one": _done(alone),
        "seconds_of_one": round(alone.seconds, 1),
        "ratio_to_one": round(several.seconds / alone.seconds, 3),
        "block_time_s": arguments.block_time,
        "not_settled": _not_settled((several, alone)),
    }


def _done(seen: Seen) -> int:
    """Rebalanced: a batch was executed, and it is the one that the ledger knows."""
    pairs = zip(seen.executed, seen.landed, strict=True)
    return sum(bool(executed) and executed == landed for executed, landed in pairs)


def _twice(seen: Seen) -> int:
    """Portfolios of which more than one transaction was mined, batch executed, or landing recorded."""
    counts = zip(seen.mined, seen.executed, seen.landed, strict=True)
    return sum(mined > 1 or len(executed) > 1 or len(landed) > 1 for mined, executed, landed in counts)


def _not_settled(seen: Sequence[Seen]) -> list[str]:
    ends = [each for one in seen for each in one.report["portfolios"]]
    return [f"{each['config']}: {each['outcome']}: {each['detail']}" for each in ends if each["outcome"] != "settled"]


if __name__ == "__main__":
    sys.exit(main())
