"""The keeper's configuration in, what is to be deployed out. The file is the one that the keeper runs with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rebalancer.config import read_settings
from rebalancer.core.errors import ConfigError
from rebalancer.core.model.module import NOBODY, ModulePolicy, ModuleState
from rebalancer.core.module_words import Names
from rebalancer.units import Weight
from rebalancer.wire import module_init_code, wanted_policy
from scripts._owners.words import Lines, policy_lines, state_lines


@dataclass(frozen=True, slots=True)
class Wanted:
    """A module that is not there yet: its policy, its roles and targets, and what is sent to deploy it."""

    policy: ModulePolicy
    state: ModuleState
    """As it will be at first; what the meters leave is no part of it."""
    names: Names
    init_code: bytes

    def lines(self) -> Lines:
        """All of it in words."""
        return [*policy_lines(self.policy, self.names), *state_lines(self.policy, self.state, self.names)]


def read_wanted(config: Path, chain_id: int) -> Wanted:
    """ConfigError where the file is wrong, is for another chain, or has no module."""
    settings = read_settings(config)
    if settings.chain_id != chain_id:
        raise ConfigError(f"{config}: chain.id is {settings.chain_id}, this network is chain {chain_id}")
    policy, targets = wanted_policy(settings)
    guardian = settings.module.guardian if settings.module is not None else None
    nothing = Weight(0)
    state = ModuleState(
        operator=settings.wallet.operator,
        guardian=guardian or NOBODY,
        paused=False,
        nonce=0,
        last=0,
        targets=targets,
        loss_left=nothing,
        turnover_left=nothing,
        step_left=nothing,
    )
    # The first route is the one whose calls the module builds.
    names = {token.address: token.symbol for token in settings.tokens} | {policy.routes[0].router: "SwapRouter02"}
    return Wanted(policy, state, names, module_init_code(settings))
