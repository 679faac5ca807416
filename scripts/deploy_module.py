"""`ape run deploy_module`: a RebalanceModule with the policy of the keeper's configuration, to be enabled.

    ape run deploy_module --network ethereum:mainnet:node --account me -c rebalancer.yaml

Prints the whole policy, asks, deploys, then writes a file for the Safe's Transaction Builder that enables the module.
Where one signature is enough and the account is an owner, it offers to send that transaction instead.
"""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand, account_option

from scripts._owners.acting import at_desk, by_safe, out_option, refuse, show
from scripts._owners.batch import enable_module
from scripts._owners.making import deploy_wanted
from scripts._owners.refusals import why_not_deploy
from scripts._owners.wanted import read_wanted


@click.command(cls=ConnectedProviderCommand)
@account_option(prompt="The account that pays for it")
@click.option("--config", "-c", type=click.Path(path_type=Path), default="rebalancer.yaml", show_default=True)
@out_option
def cli(provider, account, config, out):  # type: ignore[no-untyped-def]
    """Deploy the policy of the configuration, and have the Safe enable it."""
    with at_desk(provider, account) as desk:
        wanted = read_wanted(config, desk.chain_id)
        safe = wanted.policy.safe
        refuse(why_not_deploy(desk.look(wanted.names), wanted.policy, wanted.operator, wanted.guardian, wanted.targets))
        state = desk.sight.safe(safe)
        if state.modules:
            click.echo(
                f"The Safe has modules already: {', '.join(state.modules)}. Each can act for it by its own rules."
            )
        show("The policy, which nobody can change afterwards, and the roles, which the Safe can", wanted.lines())
        module = deploy_wanted(desk, wanted)
        if by_safe(desk, safe, "enable RebalanceModule", [enable_module(safe, module)], out):
            click.echo(f"Done: {module} is enabled on {safe}.")
        click.echo(f"Next: set `wallet.module` to {module} in {config}, then: rebalancer check -c {config}")
