"""The end of every owners' script: show what will change, ask, then send, or write the file for the Safe's app.

The only room of these that knows ape. What goes wrong here is a click error: a sentence and no traceback.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from rebalancer.adapters.chain.deployments import DEPLOYMENTS
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import SafeState
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Address
from scripts._owners.batch import OwnersCall, builder_file, execution
from scripts._owners.refusals import Look, Refusal
from scripts._owners.sight import FIRST, Sight
from scripts._owners.words import Lines, Names, difference, table

ARTIFACTS = Path(__file__).resolve().parents[2] / "rebalancer" / "artifacts"
TIMEOUT = 60.0
"""Seconds: estimating a deployment takes a public node a while."""


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


@dataclass(frozen=True)
class Desk:
    """One chain, and who acts on it: an ape account, or None where only a file is to be written."""

    provider: Any
    account: Any
    sight: Sight
    chain_id: int

    @property
    def sender(self) -> Address | None:
        return None if self.account is None else checksum_address(str(self.account.address))

    def look(self, names: Names) -> Look:
        return Look(self.sight, names, self.sight.now())

    def send(self, to: str | None, data: bytes) -> Any:
        """The receipt. Raises click's error where it would revert or did."""
        from ape.exceptions import ApeException

        fields = {"data": data, "sender": self.account.address} | ({} if to is None else {"receiver": to})
        # Mined is enough to go on: what follows is read from the same node.
        fields["required_confirmations"] = 0
        transaction = self.provider.network.ecosystem.create_transaction(**fields)
        try:
            receipt = self.account.call(transaction)
        except ApeException as error:
            raise click.ClickException(f"not done: {error}") from None
        click.echo(f"mined: {receipt.txn_hash}")
        return receipt

    def deploy(self, contract: str, arguments: bytes) -> Address:
        """The address of a new contract out of rebalancer/artifacts."""
        artifact = json.loads((ARTIFACTS / f"{contract}.json").read_text())
        receipt = self.send(None, bytes.fromhex(artifact["bytecode"][2:]) + arguments)
        return checksum_address(str(receipt.contract_address))


@contextmanager
def at_desk(provider: Any, account: Any) -> Iterator[Desk]:
    """What the project raises on purpose ends the script with its sentence."""
    try:
        chain_id = int(provider.chain_id)
        if chain_id not in DEPLOYMENTS:
            raise click.UsageError(f"no Safe contracts are known on chain {chain_id}")
        yield Desk(provider, account, Sight(Rpc(str(provider.http_uri), timeout=TIMEOUT)), chain_id)
    except RebalancerError as error:
        raise click.ClickException(str(error)) from None


def refuse(refusals: Sequence[Refusal]) -> None:
    """Ends the script where there are any, with all of them."""
    if refusals:
        lines = "".join(f"\n  {refusal.words} (rule {refusal.rule})" for refusal in refusals)
        raise click.ClickException(f"nothing was sent; the contract would refuse:{lines}")


def show_change(title: str, before: Lines, after: Lines) -> None:
    """What will be another, before → after."""
    changes = difference(before, after)
    click.echo(f"{title}:")
    click.echo("\n".join(f"  {line}" for line in changes) if changes else "  nothing changes")


def show(title: str, lines: Lines) -> None:
    click.echo(f"{title}:\n{table(lines)}")


def by_safe(desk: Desk, safe: Address, name: str, calls: Sequence[OwnersCall], out: Path | None) -> bool:
    """Let the owners do it: True where it is done, False where a file waits for their signatures."""
    for call in calls:
        if (why := desk.sight.why_not(call.to, call.data, safe)) is not None:
            raise click.ClickException(f"nothing was sent; {call.words} would revert: {why}")
    click.echo(f"The Safe {safe} is to call, in this order and all or nothing:")
    for number, call in enumerate(calls, 1):
        click.echo(f"  {number}. {call.words}\n     calldata 0x{call.data.hex()}")
    state = desk.sight.safe(safe)
    if _is_alone(state, desk.sender) and click.confirm(f"Send it now, as the Safe's only needed owner {desk.sender}?"):
        multi_send = DEPLOYMENTS[desk.chain_id].multi_send_call_only
        desk.send(safe, execution(safe, multi_send, desk.sender, calls))  # type: ignore[arg-type]
        return True
    path = out or Path.cwd() / f"{name.replace(' ', '_')}_{safe}.json"
    content = builder_file(desk.chain_id, safe, name, calls, desk.sight.now())
    try:
        path.write_text(json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"Written: {path}")
    click.echo(f"Open it in the Safe's app, Transaction Builder; {state.threshold} of {len(state.owners)} owners sign.")
    return False


def previous_module(state: SafeState, module: Address) -> Address:
    """The one before it in the Safe's list, which the Safe has to be told. Raises click's error where it is not on."""
    if module not in state.modules:
        raise click.ClickException(f"the module {module} is not enabled on this Safe; it has {list(state.modules)}")
    place = state.modules.index(module)
    return state.modules[place - 1] if place else FIRST


def _is_alone(state: SafeState, sender: Address | None) -> bool:
    return state.threshold == 1 and sender in state.owners
