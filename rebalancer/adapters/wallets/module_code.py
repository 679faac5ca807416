"""The RebalanceModule's bytecode: a policy and its roles in, what is sent to deploy it out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rebalancer.adapters.wallets.module_abi import constructor_data
from rebalancer.core.model import ModulePolicy
from rebalancer.units import Address

ARTIFACT = Path(__file__).resolve().parents[2] / "artifacts" / "RebalanceModule.json"


def init_code(policy: ModulePolicy, operator: Address, guardian: Address, targets: Sequence[int]) -> bytes:
    """Creation code and arguments. Run, it returns the code that the module has, with the policy in it."""
    return _bytecode() + constructor_data(policy, operator, guardian, targets)


@cache
def _bytecode() -> bytes:
    return bytes.fromhex(json.loads(ARTIFACT.read_text())["bytecode"][2:])
