"""A module that is there, and what is done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from rebalancer.core.model.module import ModulePolicy, ModuleState
from rebalancer.units import Address
from scripts._owners.acting import Desk, by_safe, show, show_change
from scripts._owners.batch import OwnersCall
from scripts._owners.words import Names, state_lines


@dataclass(frozen=True)
class Found:
    """A module and what the chain says of it."""

    desk: Desk
    module: Address
    policy: ModulePolicy
    state: ModuleState
    names: Names

    def call(self, method: str, *inputs: tuple[str, str, Any]) -> OwnersCall:
        """A call of the module, by (name, type, value)."""
        names = tuple((name, kind) for name, kind, _ in inputs)
        return OwnersCall(self.module, method, names, tuple(value for _, _, value in inputs))

    def show_change(self, after: ModuleState) -> None:
        """Ends the script where nothing would be another."""
        before, then = (state_lines(self.policy, state, self.names) for state in (self.state, after))
        show_change(f"Module {self.module} of the Safe {self.policy.safe}", before, then)
        if before == then:
            click.echo("Nothing to do.")
            click.get_current_context().exit()

    def by_safe(self, name: str, calls: Sequence[OwnersCall], out: Path | None) -> None:
        """And, where it is done at once, what the chain says afterwards."""
        if by_safe(self.desk, self.policy.safe, name, calls, out):
            self.say_now()

    def say_now(self) -> None:
        now = self.desk.sight.module(self.module)
        if now is not None:
            show("Now", state_lines(self.policy, now[1], self.names))


def find_module(desk: Desk, module: Address) -> Found:
    found = desk.sight.module(module)
    if found is None:
        raise click.UsageError(f"at {module} no RebalanceModule answers: check the address and the network")
    policy, state = found
    tokens = (*(asset.token for asset in policy.assets), *policy.hubs)
    return Found(desk, module, policy, state, {token: desk.sight.symbol(token) for token in tokens})
