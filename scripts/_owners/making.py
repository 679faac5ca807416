"""A new module out of the keeper's configuration: looked at before it is paid for, deployed, compared, enabled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from rebalancer.core.model.module import ModuleState
from rebalancer.units import Address, Weight
from scripts._owners.acting import (
    by_safe,
    default_file,
    previous_module,
    refuse,
    require_possible,
    require_writable,
    say_other_modules,
    show,
    show_change,
)
from scripts._owners.batch import OwnersCall, disable_module, enable_module
from scripts._owners.desk import Desk
from scripts._owners.refusals import why_not_deploy
from scripts._owners.wanted import Wanted, read_wanted
from scripts._owners.words import whole_difference

DEPLOY, REPLACE = "enable RebalanceModule", "replace RebalanceModule"
NOT_THERE_YET = Address("0x000000000000000000000000000000000000dEaD")
"""Stands for the module until it is deployed: a Safe enables any address that is no zero and not on its list."""


def deploy(desk: Desk, config: Path, out: Path | None) -> None:
    """The policy of the configuration, deployed, and enabled by the Safe."""
    wanted = _acceptable(desk, config)
    safe = wanted.policy.safe
    file = _ready(desk, safe, DEPLOY, [enable_module(safe, NOT_THERE_YET)], out)
    say_other_modules(desk.sight.safe(safe))
    show("The policy, which nobody can change afterwards, and the roles, which the Safe can", wanted.lines())
    module = deploy_wanted(desk, wanted)
    if by_safe(desk, safe, DEPLOY, [enable_module(safe, module)], file):
        click.echo(f"Done: {module} is enabled on {safe}.")
    _say_next(module, config)


def replace_old(desk: Desk, config: Path, old: Address, out: Path | None) -> None:
    """The policy of the configuration, deployed, and taken by the Safe in place of `old`."""
    wanted = _acceptable(desk, config)
    safe = wanted.policy.safe
    previous = previous_module(desk.sight.safe(safe), old)
    found = desk.sight.module(old)
    if found is None:
        raise click.ClickException(f"at {old} no RebalanceModule answers: is it another kind of module?")
    disable = disable_module(safe, previous, old)
    file = _ready(desk, safe, REPLACE, [disable, enable_module(safe, NOT_THERE_YET)], out)
    after = (wanted.policy, wanted.state)
    show_change(f"From {old} to the next module", whole_difference(found, after, wanted.names, ("before", "after")))
    click.echo("The next module starts with empty meters: what the old one has counted is forgotten.")
    module = deploy_wanted(desk, wanted)
    if by_safe(desk, safe, REPLACE, [disable, enable_module(safe, module)], file):
        click.echo(f"Done: {module} is enabled on {safe}, {old} is not.")
    _say_next(module, config)


def deploy_wanted(desk: Desk, wanted: Wanted) -> Address:
    """Asks, deploys, and compares the chain's word with what was wanted. The module's address."""
    click.confirm(f"Deploy it, paid for by {desk.sender}?", abort=True)
    module = desk.create(wanted.init_code)
    found = desk.sight.module(module)
    if found is None:
        raise click.ClickException(f"at {module} no RebalanceModule answers: do not enable it, and ask another node")
    policy, state = found
    if (policy, without_meters(state)) != (wanted.policy, wanted.state):
        where = ("wanted", "on the chain")
        changes = whole_difference((wanted.policy, wanted.state), found, wanted.names, where)
        raise click.ClickException(f"{module} is not what was wanted, do not enable it: {'; '.join(changes)}")
    click.echo(f"RebalanceModule {module}, and the chain repeats the policy above value for value.")
    click.echo(f"Should it not be enabled now: `ape run module enable {module}` does that alone.")
    return module


def without_meters(state: ModuleState) -> ModuleState:
    """What the meters leave is no part of what was wanted."""
    return replace(state, loss_left=Weight(0), turnover_left=Weight(0), step_left=Weight(0))


def _acceptable(desk: Desk, config: Path) -> Wanted:
    wanted = read_wanted(config, desk.chain_id)
    state = wanted.state
    refuse(why_not_deploy(desk.look(wanted.names), wanted.policy, state.operator, state.guardian, state.targets))
    return wanted


def _ready(desk: Desk, safe: Address, name: str, calls: list[OwnersCall], out: Path | None) -> Path:
    """Whatever could go wrong after the deployment, looked at before it. The file that may be written."""
    file = out or default_file(safe, name)
    require_writable(file)
    require_possible(desk, safe, calls)
    return file


def _say_next(module: Address, config: Path) -> None:
    click.echo(f"Next: set `wallet.module` to {module} in {config}, then: rebalancer check -c {config}")
