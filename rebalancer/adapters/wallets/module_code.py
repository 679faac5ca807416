"""The RebalanceModule's bytecode: a policy and its roles in, what is sent to deploy it out."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.adapters.chain.artifacts import creation_code
from rebalancer.adapters.wallets.module_abi import constructor_data
from rebalancer.core.model import ModulePolicy
from rebalancer.units import Address


def init_code(policy: ModulePolicy, operator: Address, guardian: Address, targets: Sequence[int]) -> bytes:
    """Creation code and arguments. Run, it returns the code that the module has, with the policy in it."""
    return creation_code("RebalanceModule") + constructor_data(policy, operator, guardian, targets)
