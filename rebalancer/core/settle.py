"""Intent and receipt in; what was filled and what it cost out, or why nothing was, and what that has cost.

Costs are at the prices that the intent was decided on. What the pools kept and what our size lost is what their own
events say, where these explain all that the wallet gave and got; else nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rebalancer.core.cost import cost_of_changes
from rebalancer.core.errors import Halt
from rebalancer.core.flows import split_of
from rebalancer.core.model import Cost, End, Failure, Intent, Mined, OrderEnd, Purpose, Receipt, Settlement
from rebalancer.core.order_words import unfilled_words
from rebalancer.core.render import amount
from rebalancer.core.rest import through
from rebalancer.market.pools import other_token
from rebalancer.units import Address, Amount, Usd


def settle(intent: Intent, receipt: Receipt) -> Settlement | Failure:
    """The settlement of a landed intent, or why it failed: nothing but the gas is gone then.

    Raises Halt where a transaction landed and moved what it must not: the chain enforces the floors of a batch, and
    a cancellation moves nothing, nor do new targets. So it was not what we signed, or what we read of it is wrong.
    """
    if receipt.reason is not None:
        return Failure(receipt.reason + through(intent), _mined(intent, receipt))
    cancelled = _is_cancellation(intent, receipt)
    still = "a cancellation" if cancelled else "new targets" if intent.targets else None
    wrong = tuple(_violations(intent, receipt) if still is None else _moved(receipt, still))
    if wrong:
        raise Halt(
            f"transaction {receipt.tx} in block {receipt.block} landed and is not what was planned: "
            f"{'; '.join(wrong)}; look at it and at the wallet's owners and modules, then resume"
        )
    if cancelled:
        why = f"cancelled: it was not mined in time, so its nonce was used up{through(intent)}"
        return Failure(why, _mined(intent, receipt))
    if intent.orders and not any(end.how is End.FILLED for end in receipt.orders):
        why = (unfilled_words(intent, receipt.orders) or "nothing was filled") + through(intent)
        return Failure(why, _mined(intent, receipt))
    return _measured(intent, receipt, None)


def accept(intent: Intent, receipt: Receipt, why: str) -> Settlement | Failure:
    """As `settle`; where that would halt, what was measured, with the words of a person who has looked at it."""
    try:
        return settle(intent, receipt)
    except Halt:
        return _measured(intent, receipt, why)


def _measured(intent: Intent, receipt: Receipt, accepted: str | None) -> Settlement:
    return Settlement(
        intent=intent.id,
        tx=receipt.tx,
        block=receipt.block,
        block_hash=receipt.block_hash,
        timestamp=receipt.timestamp,
        fills=tuple(change for change in receipt.changes if change.raw),
        cost=_cost(intent, receipt),
        gas_used=receipt.gas_used,
        accepted=accepted,
        unfilled=unfilled_words(intent, receipt.orders),
    )


def _cost(intent: Intent, receipt: Receipt) -> Cost:
    gas = (receipt.gas_used, receipt.gas_price)
    cost = cost_of_changes(receipt.changes, intent.prices, gas, intent.native, None)
    if intent.targets:
        return replace(cost, fee=Usd(0), impact=Usd(0))
    fee, impact = (split_of(receipt.swaps, intent.prices) if _explained(receipt) else None) or (None, None)
    return replace(cost, fee=fee, impact=impact)


def _explained(receipt: Receipt) -> bool:
    """Whether what the pools took and gave is all that the wallet gave and got, token by token."""
    left = {change.token.address: change.raw for change in receipt.changes}
    for swap in receipt.swaps:
        token_in, token_out = swap.token_in.address, other_token(swap.before, swap.token_in).address
        left[token_in] = left.get(token_in, 0) + swap.amount_in
        left[token_out] = left.get(token_out, 0) - swap.amount_out
    return bool(receipt.swaps) and not any(left.values())


def _is_cancellation(intent: Intent, receipt: Receipt) -> bool:
    """Which of the intent's transactions was mined."""
    return any(r.signed.hash == receipt.tx and r.purpose is Purpose.CANCEL for r in intent.replacements)


def _mined(intent: Intent, receipt: Receipt) -> Mined:
    return Mined(
        tx=receipt.tx,
        block=receipt.block,
        block_hash=receipt.block_hash,
        timestamp=receipt.timestamp,
        gas_used=receipt.gas_used,
        gas=intent.native.value_up(receipt.gas_used * receipt.gas_price),
    )


def _moved(receipt: Receipt, still: str) -> Iterator[str]:
    """What was moved by that which moves nothing."""
    for change in receipt.changes:
        if change.raw:
            yield f"{change.token} changed by {amount(change)}, expected {still} to move nothing"


def _violations(intent: Intent, receipt: Receipt) -> Iterator[str]:
    """What the changes break: each token may fall by what is sold of it, and must rise by its floors."""
    if intent.orders:
        yield from _misfilled(intent, receipt.orders)
    changed = {change.token.address: change for change in receipt.changes}
    for address, least in _least_changes(_promised(intent, receipt.orders)).items():
        change = changed.pop(address, Amount(least.token, 0))
        if change.raw < least.raw:
            yield f"{least.token} changed by {amount(change)}, expected at least {amount(least)}"
    for change in changed.values():
        if change.raw < 0:
            yield f"{change.token} changed by {amount(change)}, expected no loss"


def _misfilled(intent: Intent, ends: tuple[OrderEnd, ...]) -> Iterator[str]:
    """What the contract says of a fill that no order of ours allows."""
    if tuple(order.uid for order in intent.orders) != tuple(end.uid for end in ends):
        yield f"what became of {len(ends)} orders is known, expected each of {len(intent.orders)} once"
        return
    for order, end in zip(intent.orders, ends, strict=True):
        if end.how is End.FILLED and (end.sold != order.sell.raw or end.bought < order.least.raw):
            sold, bought = Amount(order.sell.token, end.sold), Amount(order.least.token, end.bought)
            yield (
                f"order {order.uid} was filled with {amount(sold)} for {amount(bought)}, expected {amount(order.sell)} "
                f"for at least {amount(order.least)}"
            )


def _promised(intent: Intent, ends: tuple[OrderEnd, ...]) -> Iterator[tuple[Amount, Amount]]:
    """What is sold at most and bought at least: by each trade, or by each order that was filled."""
    if not intent.orders:
        yield from ((trade.sell, trade.floor) for trade in intent.trades)
    filled = {end.uid for end in ends if end.how is End.FILLED}
    yield from ((order.sell, order.least) for order in intent.orders if order.uid in filled)


def _least_changes(promised: Iterable[tuple[Amount, Amount]]) -> dict[Address, Amount]:
    least: dict[Address, Amount] = {}
    for sold, bought in promised:
        for part in (Amount(sold.token, -sold.raw), bought):
            seen = least.get(part.token.address)
            least[part.token.address] = part if seen is None else seen + part
    return least
