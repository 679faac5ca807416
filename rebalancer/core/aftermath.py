"""A settled batch and the wallet read anew in, every limit that the wallet itself breaks now out.

What a receipt says is held against balances that were read at a later block: two sources, which agree unless the node
lies, the batch was not alone, or a token does not do what it says.
"""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.core.guard import drift_falls
from rebalancer.core.model import Breach, Intent, ModuleWallet, Portfolio, Settlement, Simulated, Snapshot
from rebalancer.core.module_words import share
from rebalancer.core.render import amount, breach_words
from rebalancer.core.retarget import in_ppm
from rebalancer.units import Address, Amount

Breaches = Iterator[Breach]


def guard_settled(
    intent: Intent, settlement: Settlement, before: tuple[Snapshot, Portfolio] | None, after: Snapshot
) -> tuple[Breach, ...]:
    """`before`: what the batch was decided on; None where an earlier tick did, and owners may have come in between."""
    if before is None:
        return tuple(allowances_cleared((intent, settlement), None, after))
    snapshot, portfolio = before
    if intent.targets:
        return (*not_lower_than_settled(settlement, snapshot, after), *targets_as_set(intent, settlement, after))
    moved = Simulated(settlement.fills, (), settlement.gas_used)
    return (
        *not_lower_than_settled(settlement, snapshot, after),
        *allowances_cleared((intent, settlement), snapshot, after),
        *drift_falls(portfolio, moved),
    )


def why_wrong(settlement: Settlement, breaches: tuple[Breach, ...]) -> str | None:
    """What a Halt says of a wallet that is not as its settled batch should have left it; None: it is."""
    if not breaches:
        return None
    seen = "; ".join(breach_words(breach) for breach in breaches)
    return (
        f"transaction {settlement.tx} settled in block {settlement.block}, and the wallet is not as it left it: "
        f"{seen}. Ask the owners what they have sent, look at the wallet on an explorer, then resume"
    )


def not_lower_than_settled(settlement: Settlement, before: Snapshot, after: Snapshot) -> Breaches:
    """No balance is below what it was and what the batch moved."""
    moved = {fill.token.address: fill for fill in settlement.fills}
    for held in before.balances:
        expected = held + moved.get(held.token.address, Amount(held.token, 0))
        seen = after.balance(held.token)
        if seen.raw < expected.raw:
            yield Breach(
                "not_lower_than_settled",
                f"the wallet holds {amount(seen)} at block {after.block.number}",
                f"at least {amount(expected)}: what it held at block {before.block.number}, and what {settlement.tx} "
                "moved",
            )


def targets_as_set(intent: Intent, settlement: Settlement, after: Snapshot) -> Breaches:
    """The module holds to what was set: what it is rebalanced to is what was decided."""
    wallet, asked = after.wallet, in_ppm(intent.targets)
    if isinstance(wallet, ModuleWallet) and wallet.state.targets != asked:
        seen, allowed = (", ".join(map(share, ppm)) for ppm in (wallet.state.targets, asked))
        yield Breach(
            "targets_as_set",
            f"the module's targets are {seen} at block {after.block.number}",
            f"{allowed}: what {settlement.tx} has set",
        )


def unfilled_allowances(intent: Intent, settlement: Settlement) -> dict[tuple[Address, Address], int]:
    """(relayer, token) to what the intent's orders were approved for, less what was sold of it."""
    fell = {fill.token.address: -fill.raw for fill in settlement.fills if fill.raw < 0}
    left: dict[tuple[Address, Address], int] = {}
    for order in intent.orders:
        key = order.relayer, order.sell.token.address
        left[key] = left.get(key, 0) + order.sell.raw
    return {key: max(raw - fell.get(key[1], 0), 0) for key, raw in left.items()}


def allowances_cleared(settled: tuple[Intent, Settlement], before: Snapshot | None, after: Snapshot) -> Breaches:
    """Of what was sold nobody may pull more. A module's calls neither use nor clear what stood before.

    Of orders that were not filled it stands until the next batch, which takes it back.
    """
    intent, settlement = settled
    orders = unfilled_allowances(intent, settlement)
    if isinstance(after.wallet, ModuleWallet) and before is None:
        return
    sold = {trade.sell.token.address for trade in intent.trades}
    for left in after.allowances:
        token = left.amount.token
        stood = before.allowance(token, left.spender) if before and isinstance(after.wallet, ModuleWallet) else 0
        unfilled = orders.get((left.spender, token.address), 0)
        if token.address in sold and left.amount.raw > stood + unfilled:
            allowed = f"{stood} base units, as before" if stood else "nothing"
            if unfilled:
                allowed = f"{unfilled} base units, of an order that was not filled"
            yield Breach("allowances_cleared", f"{left.spender} may still pull {amount(left.amount)}", allowed)
