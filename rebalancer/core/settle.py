"""Intent and receipt in, the settlement out: what was filled, and what it cost at the prices it was decided on."""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.core.cost import cost_of_changes
from rebalancer.core.errors import Halt
from rebalancer.core.model import Intent, Receipt, Settlement
from rebalancer.core.render import amount
from rebalancer.units import Address, Amount


def settle(intent: Intent, receipt: Receipt) -> Settlement | str:
    """The settlement of a landed intent, or why it failed: nothing but the gas is gone then.

    Raises Halt where a batch landed and moved what its trades do not allow: the chain enforces the floors,
    so the batch was not what we signed, or what we read of it is wrong.
    """
    if receipt.reason is not None:
        return receipt.reason
    wrong = tuple(_violations(intent, receipt))
    if wrong:
        raise Halt(
            f"transaction {receipt.tx} in block {receipt.block} landed and is not what was planned: "
            f"{'; '.join(wrong)}; look at it and at the wallet's owners and modules, then resume"
        )
    gas = (receipt.gas_used, receipt.gas_price)
    return Settlement(
        intent=intent.id,
        tx=receipt.tx,
        block=receipt.block,
        timestamp=receipt.timestamp,
        fills=tuple(change for change in receipt.changes if change.raw),
        cost=cost_of_changes(receipt.changes, intent.prices, gas, intent.native, intent.cost),
        gas_used=receipt.gas_used,
    )


def _violations(intent: Intent, receipt: Receipt) -> Iterator[str]:
    """What the changes break: each token may fall by what is sold of it, and must rise by its floors."""
    changed = {change.token.address: change for change in receipt.changes}
    for address, least in _least_changes(intent).items():
        change = changed.pop(address, Amount(least.token, 0))
        if change.raw < least.raw:
            yield f"{least.token} changed by {amount(change)}, expected at least {amount(least)}"
    for change in changed.values():
        if change.raw < 0:
            yield f"{change.token} changed by {amount(change)}, expected no loss"


def _least_changes(intent: Intent) -> dict[Address, Amount]:
    least: dict[Address, Amount] = {}
    for trade in intent.trades:
        for part in (Amount(trade.sell.token, -trade.sell.raw), trade.floor):
            seen = least.get(part.token.address)
            least[part.token.address] = part if seen is None else seen + part
    return least
