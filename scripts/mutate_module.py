"""Deletes each check of the module's contracts in turn, and demands that an attack then succeeds.

For each mutant of contracts/RebalanceModule.vy, of the modules that it is made of, and of contracts/RouteCheck.vy
(module_mutants.py) the contract is compiled anew, and the named attacks of tests/contracts/attacks are played on it,
then the tests with odd decimals, and last some runs of the state machine: the first test that fails stops the mutant.
One that no test stops survives, unless tests/contracts/attacks/redundant.py names the wall beside it.

Which test stopped a mutant is remembered in .cache/, and is asked first the next time. Prints one line for each
mutant, and last a JSON object. Ends with 1 where one survives, could not be tried, or is said to survive and does not;
with 2 where something is written down about a text that is not in the contracts any more, or where a test fails on the
contracts as they are.

    python scripts/mutate_module.py [--only TEXT] [--rest] [--jobs 2] [--fresh]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import module_mutants
import mutant_trial
from module_mutants import Mutant, mutants
from mutant_trial import ATTACKS, NO_CODE, STOPPED, SURVIVED, UNTRIED, Fate, failing_unmutated, silenced_trial

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ("RouteCheck", "mandate", "books", "swap_router", "RebalanceModule")
MEMORY = ROOT / ".cache" / "mutants.json"


def place_of(name: str) -> str:
    """Of a mutant: contract, function, and the source text that it lacks."""
    return re.sub(r" (is .*|deleted|rounded down)$", "", re.sub(r" \(\d+\)$", "", name))


def redundant() -> dict[str, str]:
    """Contract, function and source text → the wall beside it, as declared with the attacks."""
    path = ROOT / ATTACKS / "redundant.py"
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return {place: ": ".join(wall) for place, wall in names["REDUNDANT"].items()}


def stale(names: list[str], declared: dict[str, str]) -> list[str]:
    """What is written down about texts, functions and files that are not there any more."""
    places = {place_of(name) for name in names}
    return [
        *(f"module_mutants.py names {entry}" for entry in module_mutants.stale(names)),
        *(f"mutant_trial.py names {entry}" for entry in mutant_trial.stale(names)),
        *(f"redundant.py names {entry}" for entry in sorted(set(declared) - places)),
    ]


def warm() -> None:
    """Imports that every mutant needs, before any process is split off."""
    import eth_abi.abi  # noqa: F401
    import hypothesis.stateful  # noqa: F401
    import pytest  # noqa: F401
    import vyper  # noqa: F401

    import rebalancer.replica.chain  # noqa: F401


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="only mutants whose name has this text")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget which test stopped which mutant")
    parser.add_argument("--rest", action="store_true", help="only mutants that no test is remembered to have stopped")
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT / "scripts"))
    sys.path.insert(0, str(ROOT))
    warm()
    # Leaves the pool by its door, so that no process of it stays.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = [each for name in CONTRACTS for each in mutants(name, (ROOT / "contracts" / f"{name}.vy").read_text())]
    declared = redundant()
    if lost := stale([mutant.name for mutant in found], declared):
        print("\n".join(f"{entry}, which is not there: mend that first" for entry in lost), file=sys.stderr)
        return 2
    memory = {} if options.fresh or not MEMORY.is_file() else json.loads(MEMORY.read_text())
    chosen = [mutant for mutant in found if options.only in mutant.name]
    chosen = [mutant for mutant in chosen if not options.rest or mutant.name not in memory]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        if failing := pool.apply(failing_unmutated):
            print(f"{failing} fails on the contracts as they are: mend that first", file=sys.stderr)
            return 2
    fates = run(chosen, memory, options.jobs)
    return report(fates, declared)


def run(chosen: list[Mutant], memory: dict[str, str], jobs: int) -> list[Fate]:
    """Each in a process of its own, `jobs` at a time."""
    tasks = [(mutant, memory.get(mutant.name, "")) for mutant in chosen]
    fates: list[Fate] = []
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        for number, fate in enumerate(pool.imap_unordered(silenced_trial, tasks), 1):
            fates.append(fate)
            print(f"{number}/{len(tasks)} {fate.seconds:5.1f} s  {fate.end}: {fate.mutant}  [{fate.by}]", flush=True)
            if fate.end == STOPPED and "::" in fate.by:
                memory[fate.mutant] = fate.by
                MEMORY.parent.mkdir(exist_ok=True)
                MEMORY.write_text(json.dumps(memory, indent=1, sort_keys=True))
    return fates


def report(fates: list[Fate], declared: dict[str, str]) -> int:
    alive = [fate.mutant for fate in fates if fate.end == SURVIVED]
    beside = {name: declared[place_of(name)] for name in alive if place_of(name) in declared}
    names = [name for name in alive if name not in beside]
    # An attack does succeed without it.
    missed = {place_of(fate.mutant) for fate in fates if fate.end == STOPPED and fate.by.startswith(ATTACKS)}
    in_vain = sorted(missed & set(declared))
    figures = {
        "checks": sum(fate.end in (STOPPED, SURVIVED) for fate in fates),
        "survivors": len(names),
        "names": names,
        "redundant": beside,
        "declared_in_vain": in_vain,
        "no_code": [fate.mutant for fate in fates if fate.end == NO_CODE],
        "untried": {fate.mutant: fate.by for fate in fates if fate.end == UNTRIED},
        "seconds": round(sum(fate.seconds for fate in fates), 1),
    }
    print(json.dumps(figures))
    return 1 if names or in_vain or figures["untried"] else 0


if __name__ == "__main__":
    sys.exit(main())
