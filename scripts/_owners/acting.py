"""The end of every owners' script: show what will change, ask, then send, or write the file for the Safe's app."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from rebalancer.adapters.chain.deployments import DEPLOYMENTS
from rebalancer.core.model import SafeState
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Address
from scripts._owners.batch import OwnersCall, builder_file, execution
from scripts._owners.desk import Desk
from scripts._owners.look import Refusal
from scripts._owners.sight import FIRST
from scripts._owners.words import Lines, table


class AddressType(click.ParamType):
    """An account as it is written anywhere; its EIP-55 form comes out."""

    name = "address"

    def convert(self, value: Any, param: Any, context: Any) -> Address:
        try:
            return checksum_address(value)
        except ValueError as error:
            self.fail(str(error), param, context)


ADDRESS = AddressType()
out_option = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the file for the Safe's app."
)


def refuse(refusals: Sequence[Refusal]) -> None:
    """Ends the script where there are any, with all of them."""
    if refusals:
        lines = "".join(f"\n  {refusal.words} (rule {refusal.rule})" for refusal in refusals)
        raise click.ClickException(f"nothing was sent; the contract would refuse:{lines}")


def show_change(title: str, changes: Sequence[str]) -> None:
    """What will be another, each before and after."""
    click.echo(f"{title}:")
    click.echo("\n".join(f"  {line}" for line in changes) if changes else "  nothing changes")


def show(title: str, lines: Lines) -> None:
    click.echo(f"{title}:\n{table(lines)}")


def say_other_modules(state: SafeState) -> None:
    """Whoever signs should know of them."""
    if state.modules:
        click.echo(f"The Safe has modules already: {', '.join(state.modules)}. Each can act for it by its own rules.")


def by_safe(desk: Desk, safe: Address, name: str, calls: Sequence[OwnersCall], out: Path | None) -> bool:
    """Let the owners do it: True where it is done, False where a file waits for their signatures."""
    require_possible(desk, safe, calls)
    click.echo(f"The Safe {safe} is to call, in this order and all or nothing:")
    for number, call in enumerate(calls, 1):
        click.echo(f"  {number}. {call.words}\n     calldata 0x{call.data.hex()}")
    state = desk.sight.safe(safe)
    if (owner := _alone(state, desk.sender)) and click.confirm(
        f"Send it now, as the Safe's only needed owner {owner}?"
    ):
        desk.send(safe, execution(safe, DEPLOYMENTS[desk.chain_id].multi_send_call_only, owner, calls))
        return True
    path = out or default_file(safe, name)
    content = builder_file(desk.chain_id, safe, name, calls, desk.sight.now())
    try:
        path.write_text(json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise _unwritable(path, error) from None
    click.echo(f"Written: {path}")
    click.echo(f"Open it in the Safe's app, Transaction Builder; {state.threshold} of {len(state.owners)} owners sign.")
    return False


def require_possible(desk: Desk, safe: Address, calls: Sequence[OwnersCall]) -> None:
    """Each call by itself, from the Safe, as the chain stands. Ends the script at the first that would revert."""
    for call in calls:
        if (why := desk.sight.why_not(call.to, call.data, safe)) is not None:
            raise click.ClickException(f"the Safe was not asked; {call.words} would revert: {why}")


def default_file(safe: Address, name: str) -> Path:
    """Where the file for the Safe's app goes unless it is said."""
    return Path.cwd() / f"{name.replace(' ', '_')}_{safe}.json"


def require_writable(path: Path) -> None:
    """Before anything is paid for: the file that may have to be written afterwards. Leaves what is there."""
    there = path.exists()
    try:
        path.open("a").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise _unwritable(path, error) from None


def previous_module(state: SafeState, module: Address) -> Address:
    """The one before it in the Safe's list, which the Safe has to be told. Raises click's error where it is not on."""
    if module not in state.modules:
        raise click.ClickException(f"the module {module} is not enabled on this Safe; it has {list(state.modules)}")
    place = state.modules.index(module)
    return state.modules[place - 1] if place else FIRST


def _alone(state: SafeState, sender: Address | None) -> Address | None:
    """The sender, where his signature is all that the Safe needs."""
    return sender if state.threshold == 1 and sender in state.owners else None


def _unwritable(path: Path, error: OSError) -> click.ClickException:
    return click.ClickException(f"{path} cannot be written: {error.strerror}; name another file with --out")
