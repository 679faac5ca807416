#!/usr/bin/env python3
"""Live keepers that are killed with SIGKILL, before and after every step of a tick, then at random times.

Each round is a keeper off its targets on the replica, with a ledger of its own; what it sends is mined at once, late,
again, or never: a rebalance, or new targets and then a rebalance to them. It is killed, run again until it holds, and
then chain and ledger are compared. With --postgres two hosts race on one ledger, and one of them is killed. Which steps
there are is found by watching rounds in which nobody is killed. Exit 1 where a figure is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "shell"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "ports"))

from crash_rounds import Result, Round, run_round
from crash_scenes import SCENES, Scene
from given_crashes import MODULE, SAFE, Lab
from given_postgres import a_cluster

Come = tuple[Scene, str]
"""A scene, and the kind of keeper in it: a Safe alone has steps that a module has not."""
KILLS = 200
WORKERS = 3
RANDOM_KILLS = 3
"""In one round, one after the other."""
SAFES = 4
"""One round of so many is of a Safe without a module."""
TRIES = 3
"""To be killed at a step that a round did not come to."""
MOST_SHOWN = 20
MUST_BE = (
    "inside ledger.open",
    "after ledger.open",
    "after lease.take",
    "after ledger.read",
    "after chain.read",
    "after wallet.simulate",
    "after chain.confirm",
    "after wallet.commit",
    "after signer.sign",
    "inside ledger.record_intent",
    "after ledger.record_intent",
    "before wallet.execute send",
    "after wallet.execute send",
    "after wallet.land",
    "inside ledger.record_landing settled",
    "after ledger.record_landing settled",
    "after ledger.record_landing failed",
    "after ledger.record_tick settled",
    "after ledger.record_tick pending",
    "after ledger.record_tick failed",
    "after ledger.record_tick held",
    "before lease.release",
    "after lease.release",
    "after notifier.ended",
    "after wallet.replace raise",
    "inside ledger.record_replacement raise",
    "after ledger.record_replacement raise",
    "after wallet.execute raise",
    "after wallet.replace cancel",
    "after ledger.record_replacement cancel",
    "after wallet.execute cancel",
    "inside ledger.record_reopened",
    "after ledger.record_reopened",
)
"""Steps that a tick has, whatever its phase: were one not seen, the rounds would not be about what they are to be."""


class Bench:
    """Rounds on a lab for each thread."""

    def __init__(self, folder: Path, new_database: Callable[[], str] | None) -> None:
        self._folder = folder
        self._new_database = new_database
        self._own = threading.local()
        self._labs: list[Lab] = []
        self._lock = threading.Lock()
        self.times = [1.0]
        """What ticks took that nobody has killed, in seconds."""

    def run(self, round_: Round) -> Result:
        lab: Lab | None = getattr(self._own, "lab", None)
        if lab is None:
            lab = self._own.lab = self._new_lab()
        return run_round(lab, round_, self.times, self._new_database)

    def close(self) -> None:
        for lab in self._labs:
            lab.close()

    def _new_lab(self) -> Lab:
        with self._lock:
            folder = self._folder / str(len(self._labs))
            folder.mkdir()
            lab = Lab(folder)
            self._labs.append(lab)
        return lab


class Plan:
    """Which rounds are to be run. `seed`: of all that is random."""

    def __init__(self, seed: int, only: str) -> None:
        self._seed = seed
        self._only = only
        self._count = 0

    def watched(self) -> list[Round]:
        return [self._round(scene) for scene in SCENES]

    def stops(self, seen: Iterable[Result]) -> dict[str, Come]:
        """Each step, and how it was come to."""
        found: dict[str, Come] = {}
        for result in seen:
            for step in (step for ran in result.ticks for step in ran.steps):
                if self._only in step:
                    found.setdefault(step, (result.round.scene, result.round.kind))
        return found

    def at(self, stops: dict[str, Come]) -> list[Round]:
        return [replace(self._round(scene, stop=stop), kind=kind) for stop, (scene, kind) in stops.items()]

    def at_random(self, kills: int) -> list[Round]:
        counts = [min(RANDOM_KILLS, kills - done) for done in range(0, kills, RANDOM_KILLS)]
        return [self._round(SCENES[self._count % len(SCENES)], kills=count) for count in counts]

    def _round(self, scene: Scene, stop: str = "", kills: int = 0) -> Round:
        self._count += 1
        seed = f"{self._seed}/{self._count}"
        # Of the scenes each has both kinds of wallet in turn, but for those of moving targets.
        kind = SAFE if random.Random(seed).randrange(SAFES) == 0 else MODULE
        return Round(scene, scene.kind or kind, seed, stop, kills)


def main() -> int:
    """0 where every figure is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--postgres", action="store_true", help="two keepers race on one ledger on a server")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--only", default="", help="steps that have this in their name")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    started = time.monotonic()
    with ExitStack() as stack:
        new_database = stack.enter_context(a_cluster()).new_database if arguments.postgres else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = Bench(folder, new_database)
        stack.callback(bench.close)
        pool = stack.enter_context(ThreadPoolExecutor(arguments.workers))
        figures = _run(bench, pool, Plan(arguments.seed, arguments.only), arguments.kills)
    figures = {
        "benchmark": "crash",
        "ledger": "postgresql, two hosts" if arguments.postgres else "sqlite",
        "seed": arguments.seed,
        **figures,
        "seconds": round(time.monotonic() - started),
    }
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0 if _is_well(figures) else 1


def _run(bench: Bench, pool: ThreadPoolExecutor, plan: Plan, kills: int) -> dict[str, object]:
    watched = list(pool.map(bench.run, plan.watched()))
    bench.times = [ran.seconds for result in watched for ran in result.ticks]
    stops = plan.stops(watched)
    results = list(watched)
    for _ in range(TRIES):
        left = {stop: come for stop, come in stops.items() if stop not in _struck(results)}
        results += pool.map(bench.run, plan.at(dict(list(left.items())[: max(0, kills - _kills(results))])))
    covered = _struck(results) & stops.keys()
    while (missing := kills - _kills(results)) > 0:
        results += pool.map(bench.run, plan.at_random(missing))
    return _figures(results, stops, covered)


def _struck(results: Iterable[Result]) -> set[str]:
    """The steps at which somebody was killed as planned."""
    return {result.round.stop for result in results if result.round.stop in result.at}


def _kills(results: Iterable[Result]) -> int:
    return sum(len(result.at) for result in results)


def _figures(results: list[Result], stops: dict[str, Come], covered: set[str]) -> dict[str, object]:
    verdicts = [result.verdict for result in results]
    wrong = [words for result in results for words in result.words]
    at_random = Counter(at.split(":")[0] for result in results if not result.round.stop for at in result.at)
    seen = {step.split(": ")[1] for result in results for ran in result.ticks for step in ran.steps}
    return {
        "kills": _kills(results),
        "rounds": len(results),
        "ticks": sum(len(result.ticks) for result in results),
        "boundaries": len(stops),
        "boundaries_covered": "all" if len(covered) == len(stops) else f"{len(covered)} of {len(stops)}",
        "boundaries_never_seen": [step for step in MUST_BE if step not in seen],
        "killed_at_random_while": dict(at_random),
        "double_sends": sum(len(verdict.double_sends) for verdict in verdicts),
        "lost_fills": sum(len(verdict.lost_fills) for verdict in verdicts),
        "unresolved": sum(len(verdict.unresolved) for verdict in verdicts),
        "ledger_equals_chain": not any(verdict.differences for verdict in verdicts),
        "ended_strangely": sum(len(verdict.strange) for verdict in verdicts),
        "wrong": wrong[:MOST_SHOWN],
        "not_covered": sorted(stops.keys() - covered)[:MOST_SHOWN],
    }


def _is_well(figures: dict[str, object]) -> bool:
    counted = ("double_sends", "lost_fills", "unresolved", "ended_strangely", "boundaries_never_seen")
    right = figures["ledger_equals_chain"] is True and figures["boundaries_covered"] == "all"
    return right and not any(figures[name] for name in counted)


if __name__ == "__main__":
    sys.exit(main())
