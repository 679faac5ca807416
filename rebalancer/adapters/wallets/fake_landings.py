"""What becomes of an intent, as a test tells the fake wallet: an intent in, its landing out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rebalancer.core.model import (
    End,
    Gone,
    Intent,
    Landed,
    Landing,
    Order,
    OrderEnd,
    Receipt,
    SignedTransaction,
    Waiting,
)
from rebalancer.market.addresses import keccak256
from rebalancer.units import Amount


def landed(intent: Intent) -> Landing:
    """The newest transaction is mined, in the block after the snapshot's: as simulated, or as the cancellation."""
    if intent.cancelled:
        return Landed(_receipt(intent, intent.newest, _nothing(intent), "cancelled: its nonce was used up"))
    if intent.orders:
        return over(*(End.FILLED for _ in intent.orders))(intent)
    return Landed(_receipt(intent, intent.newest, intent.expected, None))


def ordered(intent: Intent) -> Landing:
    """Its orders are placed, and nobody has filled one yet. A withdrawal that was signed waits to be mined."""
    waits = f"ordered: 0 of {len(intent.orders)} filled"
    return Waiting(waits, mined=True, open_orders=intent.orders, withdrawing=bool(intent.withdrawals))


def over(*ends: End) -> Callable[[Intent], Landing]:
    """Its orders ended so, in their order; what was filled was so at its limit."""

    def landing(intent: Intent) -> Landing:
        each = tuple(_over(intent, order, how) for order, how in zip(intent.orders, ends, strict=True))
        moved = {amount.token.address: 0 for amount in intent.expected}
        for order, how in zip(intent.orders, ends, strict=True):
            if how is End.FILLED:
                moved[order.sell.token.address] -= order.sell.raw
                moved[order.least.token.address] += order.least.raw
        changes = tuple(Amount(amount.token, moved[amount.token.address]) for amount in intent.expected)
        return Landed(replace(_receipt(intent, intent.newest, changes, None), orders=each))

    return landing


def _over(intent: Intent, order: Order, how: End) -> OrderEnd:
    match how:
        case End.FILLED:
            return OrderEnd(order.uid, how, order.sell.raw, order.least.raw, "0xf111")
        case End.EXPIRED:
            return OrderEnd(order.uid, how)
        case End.CANCELLED:
            by = intent.withdrawals[-1].signed.hash if intent.withdrawals else "0x0b5e"
            return OrderEnd(order.uid, how, tx=by)


def landed_first(intent: Intent) -> Landing:
    """The first transaction is mined, whatever was sent after it."""
    return Landed(_receipt(intent, intent.commitment, intent.expected, None))


def failed(intent: Intent) -> Landing:
    """Mined and reverted: nothing moved but the gas."""
    return Landed(_receipt(intent, intent.newest, _nothing(intent), "mined and reverted: Too little received"))


def waiting(intent: Intent) -> Landing:
    """Sent or not, but not final."""
    return Waiting(f"{intent.newest.hash} waits to be mined")


def gone(intent: Intent) -> Landing:
    """Never mined, and void."""
    return Gone(f"{intent.newest.hash} was not mined by its deadline {intent.deadline}")


def in_another_block(intent: Intent) -> Landing:
    """Mined as simulated, and again in another block than at first: the chain was reorganised."""
    mined = _receipt(intent, intent.newest, intent.expected, None)
    moved = replace(mined, block=mined.block + 1, block_hash="0x" + keccak256(mined.block_hash.encode()).hex())
    return Landed(moved)


def _nothing(intent: Intent) -> tuple[Amount, ...]:
    return tuple(Amount(amount.token, 0) for amount in intent.expected)


def _receipt(intent: Intent, mined: SignedTransaction, changes: tuple[Amount, ...], reason: str | None) -> Receipt:
    return Receipt(
        tx=mined.hash,
        block=intent.block + 1,
        block_hash="0x" + keccak256(mined.raw + b"block").hex(),
        timestamp=intent.created_at + 12,
        gas_used=mined.transaction.gas,
        gas_price=mined.transaction.fees.max_fee,
        changes=changes,
        reason=reason,
    )
