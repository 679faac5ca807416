"""Deploying a module, and looking at what has come of it."""

from __future__ import annotations

import click

from rebalancer.units import Address
from scripts._owners.acting import Desk
from scripts._owners.wanted import Wanted
from scripts._owners.words import difference, policy_lines, state_lines


def deploy_wanted(desk: Desk, wanted: Wanted) -> Address:
    """Asks, deploys, and compares the chain's word with what was wanted. The module's address."""
    click.confirm(f"Deploy it, paid for by {desk.sender}?", abort=True)
    module = desk.deploy("RebalanceModule", wanted.constructor_data())
    found = desk.sight.module(module)
    if found is None:
        raise click.ClickException(f"at {module} no RebalanceModule answers: do not enable it, and ask another node")
    policy, state = found
    lines = policy_lines(policy, wanted.names) | state_lines(policy, state, wanted.names)
    if changes := difference(wanted.lines(), lines):
        raise click.ClickException(f"{module} is not what was wanted, do not enable it: {'; '.join(changes)}")
    click.echo(f"RebalanceModule {module}, and the chain repeats the policy above word for word.")
    return module
