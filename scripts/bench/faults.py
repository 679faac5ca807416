#!/usr/bin/env python3
"""A live keeper on the replica, and a node in between that goes wrong: every fault by name, again and again.

Each trial is a keeper that is off its targets, ticks under one fault, and ticks after it. The faults and how each must
end: tests/ports/faults_of_*.py. Exit 1 where a batch was executed twice or in vain, or is not as the ledger has it,
where a tick has hung, or where one has ended otherwise than its fault says.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "shell"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "ports"))

from faults_of_all import CASES
from given_lab import Lab
from given_trials import Case, Verdict

TIMES = 20
WORKERS = 4
MOST_SHOWN = 20


class Bench:
    """Trials on a lab for each thread. A lab in which a tick hangs is not used again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = threading.local()
        self._labs: list[Lab] = []
        self._lock = threading.Lock()

    def trial(self, case: Case) -> Verdict:
        lab: Lab | None = getattr(self._own, "lab", None)
        if lab is None:
            lab = self._own.lab = self._new_lab()
        verdict = lab.trial(case)
        if verdict.hung:
            self._own.lab = None
        return verdict

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


def main() -> int:
    """0 where every trial ended as its fault says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--times", type=int, default=TIMES, help="trials of each fault")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what a keeper tells people is not asked for here
    cases = [case for case in CASES if arguments.only in case.name]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            with ThreadPoolExecutor(arguments.workers) as pool:
                verdicts = list(pool.map(bench.trial, [case for case in cases for _ in range(arguments.times)]))
        finally:
            bench.close()
    figures = _figures(cases, verdicts, time.monotonic() - started)
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0 if figures["as_named"] == figures["trials"] and not (figures["wrong_trades"] or figures["hung"]) else 1


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
