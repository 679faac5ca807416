"""Orders in, words for people out: what stands open, how it ended, and how its owners cancel it by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rebalancer.core.model import End, Intent, Order, OrderEnd
from rebalancer.core.render import amount


def order_words(order: Order) -> str:
    """An order in one line: "1.5 WETH for at least 4,500 USDC"."""
    return f"{amount(order.sell)} for at least {amount(order.least)}"


def unfilled_words(intent: Intent, ends: Sequence[OrderEnd]) -> str | None:
    """Which orders of an intent were not filled, and why; None: all were, or it had none."""
    withdrawn = {each.signed.hash for each in intent.withdrawals}
    orders = {order.uid: order for order in intent.orders}
    words = (_ended(orders[end.uid], end, withdrawn) for end in ends if end.uid in orders)
    return "; ".join(word for word in words if word is not None) or None


def _ended(order: Order, end: OrderEnd, withdrawn: set[str]) -> str | None:
    match end.how:
        case End.FILLED:
            return None
        case End.EXPIRED:
            return f"the order {order_words(order)} expired at {order.valid_to}, unfilled"
        case End.CANCELLED if end.tx in withdrawn:
            return f"the order {order_words(order)} was withdrawn with {end.tx}"
        case End.CANCELLED:
            return f"the order {order_words(order)} was cancelled by the owners with {end.tx}"


def by_hand(orders: Sequence[Order]) -> Iterator[str]:
    """What the owners enter in the Safe's app (Transaction Builder) so that open orders can never be filled."""
    for order in orders:
        yield (
            f"to cancel it by hand, in the Safe's app: a transaction to {order.settlement}, "
            f"invalidateOrder(bytes orderUid) with {order.uid}"
        )
    for relayer, token in dict.fromkeys((order.relayer, order.sell.token) for order in orders):
        yield f"and to {token.address} ({token}), approve(address,uint256) with {relayer} and 0"
