"""The keeper's configuration in, what is to be deployed out. The file is the one that the keeper runs with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rebalancer.adapters.chain.deployments import DEPLOYMENTS
from rebalancer.adapters.wallets.module_abi import constructor_data
from rebalancer.config import module_policy, read_settings
from rebalancer.core.errors import ConfigError
from rebalancer.core.model.module import NOBODY, ModulePolicy, ModuleState
from rebalancer.units import Address, Weight
from scripts._owners.words import Lines, Names, policy_lines, state_lines


@dataclass(frozen=True, slots=True)
class Wanted:
    """A module that is not there yet."""

    policy: ModulePolicy
    operator: Address
    guardian: Address
    targets: tuple[int, ...]
    names: Names

    def lines(self) -> Lines:
        """All of it in words."""
        state = ModuleState(
            operator=self.operator,
            guardian=self.guardian,
            paused=False,
            nonce=0,
            last=0,
            targets=tuple(self.targets),  # type: ignore[arg-type]
            loss_left=Weight(0),
            turnover_left=Weight(0),
            step_left=Weight(0),
        )
        return policy_lines(self.policy, self.names) | state_lines(self.policy, state, self.names)

    def constructor_data(self) -> bytes:
        """What follows the bytecode."""
        return constructor_data(self.policy, self.operator, self.guardian, self.targets)


def read_wanted(config: Path, chain_id: int) -> Wanted:
    """ConfigError where the file is wrong, is for another chain, or has no module."""
    settings = read_settings(config)
    if settings.chain_id != chain_id:
        raise ConfigError(f"{config}: chain.id is {settings.chain_id}, this network is chain {chain_id}")
    if chain_id not in DEPLOYMENTS:
        raise ConfigError(f"no router is known on chain {chain_id}")
    router = DEPLOYMENTS[chain_id].swap_router_02
    policy, targets = module_policy(settings, router)
    guardian = settings.module.guardian if settings.module is not None else None
    names = {token.address: token.symbol for token in settings.tokens} | {router: "SwapRouter02"}
    return Wanted(policy, settings.wallet.operator, guardian or NOBODY, tuple(targets), names)
