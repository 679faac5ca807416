"""The mutants of scripts/mutate_module.py: what is written down about the contracts fits them, and an edited module
gets into the contract that is made of it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from given_artifacts import artifact

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import module_mutants
from mutant_trial import artifact_of
from mutate_module import CONTRACTS, ROOT, place_of, redundant, stale

FOUND = [
    mutant
    for name in CONTRACTS
    for mutant in module_mutants.mutants(name, (ROOT / "contracts" / f"{name}.vy").read_text())
]
NAMES = [mutant.name for mutant in FOUND]


def test_mutants__of_all_contracts__have_each_check_and_nothing_stale() -> None:
    assert stale(NAMES, redundant()) == []
    assert len(set(NAMES)) == len(NAMES)
    for name in CONTRACTS:
        checks = re.findall(r"^ +assert ", (ROOT / "contracts" / f"{name}.vy").read_text(), flags=re.MULTILINE)
        gone = [each for each in NAMES if each.startswith(f"{name} ") and ": assert " in each]
        assert len(gone) == len(checks) > 0


def test_contracts__that_a_module_is_made_of__are_all_mutated() -> None:
    sources = {path.stem for path in (ROOT / "contracts").glob("*.vy")}
    assert set(CONTRACTS) == sources - {"PoolLens"}


@pytest.mark.parametrize(
    "gone",
    [
        "RebalanceModule CALL is 1",
        "swap_router _built_call: min_out is empty(uint256)",
        "RebalanceModule _approve: amount is max_value(uint256)",
        "mandate _check_asset: asset.token != self is True",
    ],
)
def test_stale__where_a_text_is_not_there_any_more__names_it(gone: str) -> None:
    (found,) = stale([name for name in NAMES if name != gone], redundant())
    assert found.endswith((gone, place_of(gone)))


def test_stale__where_a_function_is_not_there_any_more__names_it() -> None:
    left = [name for name in NAMES if not name.startswith("books _check_sequencer:")]
    assert stale(left, redundant()) == ["mutant_trial.py names books _check_sequencer"]


def test_place__of_a_mutant__is_the_text_that_it_lacks() -> None:
    assert place_of("mandate _hub: place >= FIRST_HUB is True (2)") == "mandate _hub: place >= FIRST_HUB"
    assert place_of("books _read: assert price > 0 deleted") == "books _read: assert price > 0"


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("RouteCheck check: assert found == amount_in deleted", "RouteCheck"),
        pytest.param("books _read: assert price > 0 deleted", "RebalanceModule", marks=pytest.mark.slow),
    ],
)
def test_artifact__of_an_edited_contract_or_module__is_the_contract_made_of_it(name: str, contract: str) -> None:
    (mutant,) = (mutant for mutant in FOUND if mutant.name == name)
    made = artifact_of(mutant)
    assert made is not None
    code, whole = json.loads(made)["bytecode"], artifact(contract)["bytecode"]
    assert json.loads(made)["abi"] == artifact(contract)["abi"]
    assert len(code) < len(whole)
