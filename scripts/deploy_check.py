"""`ape run deploy_check`: a RouteCheck out of a listing in scripts/routes, for one router whose calldata comes from
outside.

    ape run deploy_check --network ethereum:mainnet:node --account me one_inch_swap
    ape run deploy_check --network ethereum:mainnet:node --account me zero_x_exec --given SETTLER=0x…

Prints what will be checked, asks, deploys. The address goes into the configuration, under `module.routes`.
"""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand, account_option

from scripts._owners.acting import show
from scripts._owners.desk import at_desk
from scripts._owners.listing import ROUTES, addresses_of, read_listing


@click.command(cls=ConnectedProviderCommand)
@account_option(prompt="The account that pays for it")
@click.option("--given", multiple=True, metavar="NAME=0x…", help="An address that the listing only names.")
@click.argument("listing")
def cli(provider, account, given, listing):  # type: ignore[no-untyped-def]
    """Deploy the RouteCheck of LISTING: a name in scripts/routes, or a file."""
    with at_desk(provider, account) as desk:
        path = Path(listing) if listing.endswith(".json") else ROUTES / f"{listing}.json"
        addresses = addresses_of(given)
        listed = read_listing(path, addresses)
        if desk.chain_id not in listed.routers:
            raise click.UsageError(f"{path}: no router on chain {desk.chain_id} is listed")
        router = listed.routers[desk.chain_id]
        for what, address in {"the router": router, **addresses}.items():
            if not desk.sight.has_code(address):
                raise click.ClickException(f"there is no contract at the address of {what}, {address}")
        length = f"{listed.length} bytes in all" if listed.length else "of any length"
        calldata = f"0x{listed.selector.hex()}…, {length}"
        lines = [("router", router), ("function", listed.function), ("calldata", calldata)]
        lines += [(f"check {number}", check.words) for number, check in enumerate(listed.checks, 1)]
        show("A RouteCheck, which nobody can change afterwards", lines)
        if listed.is_opaque:
            missing = ", ".join(listed.open_kinds)
            click.echo(f"It is OPAQUE: no field is {missing}. A module takes it only with `allow_opaque: true`.")
        click.confirm(f"Deploy it, paid for by {desk.sender}?", abort=True)
        check = desk.create(listed.init_code())
        click.echo(f'RouteCheck {check}\nFor `module.routes`: {{router: "{router}", checker: "{check}"}}')
