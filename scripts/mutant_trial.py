"""One mutant of the contracts on trial: a source goes in; whether a test stops it, which, and how soon, come out."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from module_mutants import Mutant

ROOT = Path(__file__).resolve().parent.parent
ATTACKS = "tests/contracts/attacks"
LATER = ("tests/contracts/test_module_decimals.py", "tests/contracts/test_module_machine.py")
MOST_SECONDS = 1_800
"""For one mutant: a test that never ends has found something as well."""
FEW_RUNS = "25"
QUIET = ("-p", "no:ape_test", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "-x", "--no-header", "--tb=no")

ONE_RELEASE = "not 1.3.0 and not 1.5.0"
"""Of the Safe: on the others the same attacks are played once more."""

LIKELY = {
    "mandate": {
        "__init__ _check_asset _check_feed _listing _symbol _check_route _check_limits policy": (
            "deployment",
            "listings",
        ),
    },
    "books": {"_read _answer _check_sequencer": ("feeds", "balances", "price")},
    "swap_router": {"_built_call _hub ALL_OF_IT ANY_PRICE ONE_HOP": ("paths", "price")},
    "RebalanceModule": {
        "__init__": ("deployment", "roles", "direction"),
        "rebalance": ("payment", "calls", "tokens", "price", "midway", "roles"),
        "_check_start": ("envelope", "roles", "price"),
        "set_targets pause unpause drop_operator set_operator set_guardian": ("roles", "direction"),
        "_only_safe _only_guardian_or_safe _set_operator _set_guardian _set_paused": ("roles",),
        "_set_targets _charge_step _unpacked_targets": ("direction", "roles", "deployment"),
        "_check_swaps _floor min_out": ("price", "direction", "meters"),
        "_checked_call preview": ("outside_calldata", "envelope", "paths"),
        "_approve": ("tokens", "calls"),
        "_settle _leaked": ("meters", "direction", "balances", "midway"),
        "portfolio": ("meters", "roles"),
    },
    "RouteCheck": {"__init__ check is_opaque ALL_KINDS": ("route_check", "outside_calldata", "deployment")},
}
"""By contract: functions, and the files of the attacks in which a test that misses them is likely."""
LOCKED = ("reentrancy",)
"""Those for a lock that is missing."""

STOPPED, SURVIVED, NO_CODE, UNTRIED = "stopped", "survived", "does not compile", "was not tried"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant, by which test, in how many seconds."""

    mutant: str
    rule: str
    end: str
    by: str = ""
    seconds: float = 0.0


def deployed(mutant: Mutant) -> str:
    """The contract that has the mutant in it: a snake-case module is in the one that the attacks are played on."""
    return mutant.contract if mutant.contract[:1].isupper() else "RebalanceModule"


def artifact_of(mutant: Mutant) -> str | None:
    """What tests load, or nothing where it does not compile."""
    import vyper
    from compile_contracts import EVM_VERSION, SOURCES
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import Settings
    from vyper.exceptions import VyperException

    with tempfile.TemporaryDirectory(prefix="rebalancer-mutant-") as folder:
        # Beside the others as they are: a module is compiled into what imports it.
        for source in SOURCES.glob("*.vy"):
            (Path(folder) / source.name).write_text(source.read_text())
        (Path(folder) / f"{mutant.contract}.vy").write_text(mutant.source)
        bundle = FilesystemInputBundle([Path(folder)])
        try:
            out = vyper.compile_from_file_input(
                bundle.load_file(f"{deployed(mutant)}.vy"),
                input_bundle=bundle,
                settings=Settings(evm_version=EVM_VERSION),
                output_formats=["abi", "bytecode"],
                no_bytecode_metadata=True,
            )
        except VyperException:
            return None
    return json.dumps({"abi": out["abi"], "bytecode": out["bytecode"]})


class Witness:
    """A plugin of pytest: the first test that fails."""

    def __init__(self) -> None:
        self.first = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid


class NotPlayed(Exception):
    """The tests could not be asked, which says nothing of a mutant."""


def stopper(*arguments: str) -> str:
    """The first test that fails, or nothing."""
    import pytest

    witness = Witness()
    status = pytest.main([*QUIET, *arguments], plugins=[witness])
    if witness.first or status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return witness.first
    raise NotPlayed(f"pytest {pytest.ExitCode(status).name.lower()} {' '.join(arguments)}")


def trial(mutant: Mutant, remembered: str) -> Fate:
    """In a process of its own: what is imported stays imported, and anvil ends with it."""
    started = time.monotonic()
    code = artifact_of(mutant)
    if code is None:
        return Fate(mutant.name, mutant.rule, NO_CODE)
    with tempfile.TemporaryDirectory(prefix="rebalancer-mutant-") as folder:
        (Path(folder) / f"{deployed(mutant)}.json").write_text(code)
        os.environ["REBALANCER_ARTIFACTS"] = folder
        os.environ["REBALANCER_FUZZ_RUNS"] = FEW_RUNS
        by = next(filter(None, _attempts(mutant, remembered)), "")
    end = STOPPED if by else SURVIVED
    return Fate(mutant.name, mutant.rule, end, by, round(time.monotonic() - started, 1))


def _attempts(mutant: Mutant, remembered: str) -> Iterator[str]:
    """From the test that did it the last time to all of them."""
    # It may have another name by now.
    with suppress(NotPlayed):
        yield stopper(remembered) if remembered else ""
    if mutant.rule:
        yield stopper(ATTACKS, "--rule", mutant.rule)
    yield stopper(*[f"{ATTACKS}/test_attack_{name}.py" for name in likely_files(mutant)], "-k", ONE_RELEASE)
    yield stopper(ATTACKS, "-k", ONE_RELEASE)
    yield stopper(ATTACKS, "-k", f"not ({ONE_RELEASE})")
    for path in LATER:
        yield stopper(path)


def likely_files(mutant: Mutant) -> tuple[str, ...]:
    """Where a test that stops it is likely to be, by the function that it is in."""
    if "nonreentrant" in mutant.name:
        return LOCKED
    function = mutant.name.split()[1].rstrip(":")
    mine = LIKELY.get(mutant.contract, {})
    return next((files for functions, files in mine.items() if function in functions.split()), ("meters", "roles"))


def stale(names: Collection[str]) -> list[str]:
    """What LIKELY names and there is not: functions without a mutant of these names, and files."""
    there = {" ".join(name.split(":")[0].split()[:2]) for name in names}
    wanted = {f"{contract} {name}" for contract, mine in LIKELY.items() for each in mine for name in each.split()}
    files = {name for mine in LIKELY.values() for each in mine.values() for name in each} | set(LOCKED)
    paths = {f"{ATTACKS}/test_attack_{name}.py" for name in files}
    return sorted(wanted - there) + sorted(path for path in paths if not (ROOT / path).is_file())


def silenced_trial(task: tuple[Mutant, str]) -> Fate:
    """The same without a word, and with an end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(MOST_SECONDS)
    try:
        return trial(*task)
    except TimeoutError:
        return Fate(task[0].name, task[0].rule, STOPPED, f"no end within {MOST_SECONDS} s", MOST_SECONDS)
    except NotPlayed as failure:
        return Fate(task[0].name, task[0].rule, UNTRIED, str(failure))
    finally:
        signal.alarm(0)


def _too_long(*_: object) -> None:
    raise TimeoutError


def failing_unmutated() -> str:
    """The first test that fails on the contracts as they are, or nothing: its word on a mutant would mean nothing."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.environ["REBALANCER_FUZZ_RUNS"] = FEW_RUNS
    try:
        return stopper(ATTACKS) or next(filter(None, (stopper(path) for path in LATER)), "")
    except NotPlayed as failure:
        return str(failure)
