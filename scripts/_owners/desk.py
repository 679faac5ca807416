"""Who acts, on which chain, and how a transaction goes out: the only room of these that knows ape.

What goes wrong here is a click error: a sentence and no traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from rebalancer.adapters.chain.deployments import DEPLOYMENTS
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import RebalancerError
from rebalancer.core.module_words import Names
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Address
from scripts._owners.look import Look
from scripts._owners.sight import Sight

TIMEOUT = 60.0
"""Seconds: estimating a deployment takes a public node a while."""

Send = Callable[[Address | None, bytes], Address | None]
"""A transaction, mined: whom it calls, or None to create a contract, and its data. The address of what it created.

Raises click's error, or one of the project's own, where it would revert or did.
"""


@dataclass(frozen=True)
class Desk:
    """One chain, and who acts on it. `sender` is None where only a file is to be written."""

    sight: Sight
    chain_id: int
    sender: Address | None
    send: Send

    def look(self, names: Names) -> Look:
        return Look(self.sight, names, self.sight.now())

    def create(self, init_code: bytes) -> Address:
        """The address of a new contract."""
        created = self.send(None, init_code)
        if created is None:
            raise click.ClickException("the node does not say where the new contract is: look at the transaction")
        return created


@contextmanager
def at_desk(provider: Any, account: Any) -> Iterator[Desk]:
    """The desk of an ape account, or of None."""
    with in_a_sentence():
        chain_id = int(provider.chain_id)
        if chain_id not in DEPLOYMENTS:
            raise click.UsageError(f"no Safe contracts are known on chain {chain_id}")
        sender = None if account is None else checksum_address(str(account.address))
        sight = Sight(Rpc(str(provider.http_uri), timeout=TIMEOUT))
        yield Desk(sight, chain_id, sender, _by_ape(provider, account))


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """What the project raises on purpose ends the script with its sentence."""
    try:
        yield
    except RebalancerError as error:
        raise click.ClickException(str(error)) from None


def _by_ape(provider: Any, account: Any) -> Send:
    def send(to: Address | None, data: bytes) -> Address | None:
        from ape.exceptions import ApeException

        if account is None:
            raise click.UsageError("name the account that sends it: --account")
        fields = {"data": data, "sender": account.address} | ({} if to is None else {"receiver": to})
        # Mined is enough to go on: what follows is read from the same node.
        fields["required_confirmations"] = 0
        transaction = provider.network.ecosystem.create_transaction(**fields)
        try:
            receipt = account.call(transaction)
        except ApeException as error:
            raise click.ClickException(f"not done: {error}") from None
        click.echo(f"mined: {receipt.txn_hash}")
        return None if to is not None else checksum_address(str(receipt.contract_address))

    return send
