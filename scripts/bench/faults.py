#!/usr/bin/env python3
"""A live keeper on the replica, and a node in between that goes wrong: every fault by name, again and again.

Each trial is a keeper that is off its targets, ticks under one fault, and ticks after it. The faults and how each must
end: tests/ports/faults_of_*.py. What no fault may lead to: tests/ports/faults_judge.py. Exit 1 where a batch was
executed twice, in vain, on false prices or balances, or otherwise than the ledger has it; where a tick has hung; or
where one has ended otherwise than its fault says.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "shell"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "ports"))

from faults_of_all import CASES
from given_lab import Lab
from given_trials import Case, Verdict

TIMES = 20
WORKERS = 4
"""Processes, each with a replica of its own: a good part of the trials is waiting for answers that do not come."""
MOST_ON_ONE = 25
"""Trials on one replica: of the many thousand blocks of more, anvil forgets the oldest states."""
MOST_SHOWN = 20
BY_NAME = {case.name: case for case in CASES}


def trials(names: Sequence[str], folder: Path) -> list[Verdict]:
    """One after the other, some on one replica. One on which a tick hangs is not used again."""
    logging.disable(logging.CRITICAL)  # what a keeper tells people is not asked for here
    verdicts: list[Verdict] = []
    while len(verdicts) < len(names):
        place = folder / str(len(verdicts))
        place.mkdir(parents=True)
        lab = Lab(place)
        try:
            for name in names[len(verdicts) :][:MOST_ON_ONE]:
                verdicts.append(lab.trial(BY_NAME[name]))
                if verdicts[-1].hung:
                    break
        finally:
            lab.close()
    return verdicts


def main() -> int:
    """0 where every trial ended as its fault says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--times", type=int, default=TIMES, help="trials of each fault")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes, each with a replica")
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    arguments = parser.parse_args()
    cases = [case for case in CASES if arguments.only in case.name]
    started = time.monotonic()
    verdicts = _verdicts([case.name for case in cases] * arguments.times, arguments.workers)
    figures = _figures(cases, verdicts, time.monotonic() - started)
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    well = figures["as_named"] == figures["trials"] == len(cases) * arguments.times
    return 0 if well and not (figures["wrong_trades"] or figures["hung"]) else 1


def _verdicts(names: list[str], workers: int) -> list[Verdict]:
    random.Random(0).shuffle(names)  # the slow ones are to be everywhere
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(workers, context) as pool:
        shares = [(names[start::workers], Path(folder) / str(start)) for start in range(workers)]
        done = [pool.submit(trials, *share) for share in shares]
        return [verdict for each in done for verdict in each.result()]


def _figures(cases: Sequence[Case], verdicts: Sequence[Verdict], seconds: float) -> dict[str, object]:
    strange = [f"{verdict.name}: {verdict.strange}" for verdict in verdicts if verdict.strange is not None]
    wrong = [f"{verdict.name}: {each}" for verdict in verdicts for each in verdict.wrong]
    return {
        "benchmark": "faults",
        "faults": len(cases),
        "trials": len(verdicts),
        "wrong_trades": len(wrong),
        "hung": sum(verdict.hung for verdict in verdicts),
        "as_named": len(verdicts) - len(strange),
        "ticks": sum(len(verdict.ends) for verdict in verdicts),
        "slowest_tick_s": round(max((verdict.slowest for verdict in verdicts), default=0.0), 1),
        "requests_struck": sum(verdict.struck for verdict in verdicts),
        "seconds": round(seconds),
        "wrong": wrong[:MOST_SHOWN],
        "otherwise": strange[:MOST_SHOWN],
        "ends": {case.name: " → ".join(case.ends) for case in cases},
    }


if __name__ == "__main__":
    sys.exit(main())
