"""The committed artifacts are what the sources compile to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = sorted((ROOT / "rebalancer" / "artifacts").glob("*.json"))


def test_artifacts__against_their_sources__agree() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "compile_contracts.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda path: path.stem)
def test_artifact__of_every_contract__has_code_that_fits_on_mainnet(path: Path) -> None:
    artifact = json.loads(path.read_text())
    assert set(artifact) == {"abi", "bytecode", "runtime", "compiler", "evm_version"}
    # EIP-170
    assert 0 < (len(artifact["runtime"]) - 2) // 2 <= 24_576
