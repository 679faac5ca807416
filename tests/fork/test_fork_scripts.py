"""The scripts for `ape run`, as a person runs them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
FORK = ("--network", "ethereum:mainnet-fork:foundry", "--account", "TEST::0")


def _create_safe(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ape", "run", "create_safe", *FORK, *arguments]
    return subprocess.run(command, cwd=ROOT, input="y\n", capture_output=True, text=True, check=False, timeout=120)


def test_create_safe__one_owner__says_what_it_makes_and_its_address(fork) -> None:  # type: ignore[no-untyped-def]
    done = _create_safe("--owner", OWNER)
    assert done.returncode == 0, done.stderr
    assert f"1 of 1 owners: {OWNER}" in done.stdout
    safe = re.search(r"^Safe (0x[0-9a-fA-F]{40})$", done.stdout, re.MULTILINE)
    assert safe and f"rebalancer init --wallet {safe.group(1)} --operator" in done.stdout
    assert f"--operator {OWNER}" not in done.stdout, "an owner is no operator"


def test_create_safe__threshold_above_the_owners__is_refused(fork) -> None:  # type: ignore[no-untyped-def]
    done = _create_safe("--owner", OWNER, "--threshold", "2")
    assert done.returncode == 2
    assert "a threshold of 2 does not fit 1 owner(s)" in done.stderr
