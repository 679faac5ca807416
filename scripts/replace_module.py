"""`ape run replace_module`: the next RebalanceModule in the place of the one that is enabled, in one batch of the Safe.

    ape run replace_module --network ethereum:mainnet:node --account me -c rebalancer.yaml --old 0xModule

The policy of a module never changes, so a change of policy is a new module. Prints what differs, before → after.
"""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand, account_option

from scripts._owners.acting import ADDRESS, out_option
from scripts._owners.desk import at_desk
from scripts._owners.making import replace_old


@click.command(cls=ConnectedProviderCommand)
@account_option(prompt="The account that pays for it")
@click.option("--config", "-c", type=click.Path(path_type=Path), default="rebalancer.yaml", show_default=True)
@click.option("--old", type=ADDRESS, required=True, help="The module that is to go.")
@out_option
def cli(provider, account, config, old, out):  # type: ignore[no-untyped-def]
    """Deploy the policy of the configuration, and have the Safe take it in place of the old one."""
    with at_desk(provider, account) as desk:
        replace_old(desk, config, old, out)
