"""Policies that a constructor refuses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from given_attacks import TARGETS, Arena
from given_module import bytecode
from given_reasons import in_full, reason_of

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.adapters.wallets.module_abi import constructor_data
from rebalancer.core.model.module import ModulePolicy
from rebalancer.units import Address

AT_DEPLOYMENT = "refused at deployment"
EMPTY = Address("0x00000000000000000000000000000000000E0a11")
"""Without code."""


def refuses(arena: Arena, rule: str, policy: ModulePolicy, targets: Sequence[int] = TARGETS, **roles: Address) -> None:
    """The constructor reverts with exactly this reason."""
    operator, guardian = roles.get("operator", arena.module.operator), roles.get("guardian", arena.module.guardian)
    with pytest.raises(RpcError) as refused:
        arena.replica.deploy(bytecode("RebalanceModule") + constructor_data(policy, operator, guardian, targets))
    assert reason_of(refused.value) == in_full(rule)


def next_module(arena: Arena) -> Address:
    """Where the deployer's next contract will be."""
    with arena.replica.scratch():
        return arena.again().module.address
