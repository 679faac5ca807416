"""`ape run deploy_module`: a RebalanceModule with the policy of the keeper's configuration, to be enabled.

    ape run deploy_module --network ethereum:mainnet:node --account me -c rebalancer.yaml

Prints the whole policy, asks, deploys, then writes a file for the Safe's Transaction Builder that enables the module.
Where one signature is enough and the account is an owner, it offers to send that transaction instead. A module that was
deployed and not enabled is enabled by `ape run module enable`.
"""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand, account_option

from scripts._owners.acting import out_option
from scripts._owners.desk import at_desk
from scripts._owners.making import deploy


@click.command(cls=ConnectedProviderCommand)
@account_option(prompt="The account that pays for it")
@click.option("--config", "-c", type=click.Path(path_type=Path), default="rebalancer.yaml", show_default=True)
@out_option
def cli(provider, account, config, out):  # type: ignore[no-untyped-def]
    """Deploy the policy of the configuration, and have the Safe enable it."""
    with at_desk(provider, account) as desk:
        deploy(desk, config, out)
