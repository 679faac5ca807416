"""`ape run replace_module`: the next RebalanceModule in the place of the one that is enabled, in one batch of the Safe.

    ape run replace_module --network ethereum:mainnet:node --account me -c rebalancer.yaml --old 0xModule

The policy of a module never changes, so a change of policy is a new module. Prints what differs, before → after.
"""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand, account_option

from scripts._owners.acting import ADDRESS, at_desk, by_safe, out_option, previous_module, refuse, show_change
from scripts._owners.batch import disable_module, enable_module
from scripts._owners.making import deploy_wanted
from scripts._owners.refusals import why_not_deploy
from scripts._owners.wanted import read_wanted
from scripts._owners.words import policy_lines, state_lines


@click.command(cls=ConnectedProviderCommand)
@account_option(prompt="The account that pays for it")
@click.option("--config", "-c", type=click.Path(path_type=Path), default="rebalancer.yaml", show_default=True)
@click.option("--old", type=ADDRESS, required=True, help="The module that is to go.")
@out_option
def cli(provider, account, config, old, out):  # type: ignore[no-untyped-def]
    """Deploy the policy of the configuration, and have the Safe take it in place of the old one."""
    with at_desk(provider, account) as desk:
        wanted = read_wanted(config, desk.chain_id)
        safe = wanted.policy.safe
        refuse(why_not_deploy(desk.look(wanted.names), wanted.policy, wanted.operator, wanted.guardian, wanted.targets))
        previous = previous_module(desk.sight.safe(safe), old)
        found = desk.sight.module(old)
        if found is None:
            raise click.ClickException(f"at {old} no RebalanceModule answers: is it another kind of module?")
        policy, state = found
        before = policy_lines(policy, wanted.names) | state_lines(policy, state, wanted.names)
        show_change(f"From {old} to the next module", before, wanted.lines())
        click.echo("The next module starts with empty meters: what the old one has counted is forgotten.")
        module = deploy_wanted(desk, wanted)
        calls = [disable_module(safe, previous, old), enable_module(safe, module)]
        if by_safe(desk, safe, "replace RebalanceModule", calls, out):
            click.echo(f"Done: {module} is enabled on {safe}, {old} is not.")
        click.echo(f"Next: set `wallet.module` to {module} in {config}, then: rebalancer check -c {config}")
