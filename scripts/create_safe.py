"""`ape run create_safe`: a Safe 1.4.1, made by the real factory.

    ape run create_safe --network ethereum:mainnet:node --account me --owner 0xA --owner 0xB --owner 0xC --threshold 2

The owners are people. The keeper's operator is none of them, but for a wallet of kind `safe`, for tests.

Says what it will do, and asks before it sends. Prints the Safe's address for `rebalancer init --wallet`.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand, account_option
from ape.types import ContractType

from rebalancer.adapters.chain.deployments import DEPLOYMENTS
from rebalancer.market.addresses import checksum_address

CONTRACTS = (
    Path(__file__).resolve().parent.parent / "node_modules/@safe-global/safe-contracts/build/artifacts/contracts"
)
NOBODY = "0x0000000000000000000000000000000000000000"


def _abi(path: str) -> ContractType:
    """The contract type of an artifact of Safe's own npm package."""
    artifact = json.loads((CONTRACTS / path).read_text())
    return ContractType.model_validate({"abi": artifact["abi"], "contractName": artifact["contractName"]})


@click.command(cls=ConnectedProviderCommand)
@account_option(prompt="The account that pays for it")
@click.option("--owner", "owners", multiple=True, required=True, help="An owner; give it once for each.")
@click.option("--threshold", default=1, show_default=True, help="How many owners must sign.")
@click.option("--salt", default=0, show_default=True, help="Another number makes another Safe of the same owners.")
def cli(provider, account, owners, threshold, salt):  # type: ignore[no-untyped-def]
    """Create a Safe of these owners."""
    from ape import Contract

    if provider.chain_id not in DEPLOYMENTS:
        raise click.UsageError(f"no Safe contracts are known on chain {provider.chain_id}")
    if not 1 <= threshold <= len(owners):
        raise click.UsageError(f"a threshold of {threshold} does not fit {len(owners)} owner(s)")
    try:
        owners = [checksum_address(owner) for owner in owners]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    deployment = DEPLOYMENTS[provider.chain_id]
    factory = Contract(
        deployment.safe_proxy_factory, contract_type=_abi("proxies/SafeProxyFactory.sol/SafeProxyFactory.json")
    )
    singleton = Contract(deployment.safe, contract_type=_abi("Safe.sol/Safe.json"))
    setup = singleton.setup.encode_input(
        owners, threshold, NOBODY, b"", deployment.safe_fallback_handler, NOBODY, 0, NOBODY
    )
    click.echo(f"A Safe 1.4.1 on chain {provider.chain_id}: {threshold} of {len(owners)} owners: {', '.join(owners)}")
    click.confirm(f"Create it, paid for by {account.address}?", abort=True)
    receipt = factory.createProxyWithNonce(deployment.safe, setup, salt, sender=account)
    created = next(log for log in receipt.decode_logs(factory.ProxyCreation))
    click.echo(
        f"Safe {created.proxy}\nNext: rebalancer init --wallet {created.proxy} --operator 0xTheKeepersOwnAccount"
    )
