"""A module that is there, and what is done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from rebalancer.adapters.wallets.module_code import init_code
from rebalancer.core.model.module import ModulePolicy, ModuleState
from rebalancer.core.module_words import Names
from rebalancer.units import Address
from scripts._owners.acting import by_safe, show, show_change
from scripts._owners.batch import OwnersCall
from scripts._owners.desk import Desk
from scripts._owners.words import policy_lines, roles_difference, state_lines


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

    def show(self) -> None:
        show("Policy", policy_lines(self.policy, self.names))
        show("Roles", state_lines(self.policy, self.state, self.names))

    def show_change(self, after: ModuleState) -> None:
        """Ends the script where nothing would be another."""
        before, then = (state_lines(self.policy, state, self.names) for state in (self.state, after))
        show_change(f"Module {self.module} of the Safe {self.policy.safe}", roles_difference(before, then))
        if self.state == after:
            click.echo("Nothing to do.")
            click.get_current_context().exit()

    def by_safe(self, calls: Sequence[OwnersCall], out: Path | None, *mend: str) -> None:
        """And, where it is done at once, what the chain says afterwards. `mend`: what the keeper's file is to say."""
        done = by_safe(self.desk, self.policy.safe, calls[0].method.replace("_", " "), calls, out)
        if done:
            self.say_now()
        if mend:
            when = "" if done else "Once the owners have signed: "
            click.echo(f"{when}mend the file too, or the keeper stops at the difference:")
            click.echo("\n".join(f"  {line}" for line in mend))

    def say_now(self) -> None:
        now = self.desk.sight.module(self.module)
        if now is not None:
            show("Now", state_lines(self.policy, now[1], self.names))

    def require_our_code(self) -> None:
        """What answers like a module may be something else: made once more, it would be the same to the byte."""
        made = init_code(self.policy, self.state.operator, self.state.guardian, self.state.targets)
        code = self.desk.sight.runs_to(made)
        if code is None:
            raise click.ClickException(
                f"{self.module} cannot be compared with this version's RebalanceModule: the deployment of its policy "
                "would be refused now. Try again when its feeds answer, or deploy another"
            )
        if code != self.desk.sight.code(self.module):
            raise click.ClickException(
                f"the code at {self.module} is not that of this version's RebalanceModule with the policy that it "
                "reports: trust none of its answers, and do not enable it"
            )


def find_module(desk: Desk, module: Address) -> Found:
    found = desk.sight.module(module)
    if found is None:
        raise click.UsageError(f"at {module} no RebalanceModule answers: check the address and the network")
    policy, state = found
    tokens = (*(asset.token for asset in policy.assets), *policy.hubs)
    return Found(desk, module, policy, state, {token: desk.sight.symbol(token) for token in tokens})
