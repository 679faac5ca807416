"""A receipt that says that a batch failed, held against the balances around its block: a node in, a doubt out.

A batch happens whole or not at all, and what it sells it sells to the unit: where exactly that is gone from the wallet
in the very block, the batch has happened, whatever the receipt says. To take it for failed would be to lose its fills.
"""

from __future__ import annotations

from rebalancer.adapters.chain.codec import Words, hex_bytes
from rebalancer.adapters.chain.rpc import Call, Rpc, RpcError
from rebalancer.adapters.wallets.abi import balance_of
from rebalancer.core.model import Intent
from rebalancer.units import Address, Amount

_PRE_SIGNATURE = bytes.fromhex("d08d33d1")
"""preSignature(bytes) of GPv2Settlement: 0 unless its owner has made the order valid."""


def doubt_failure(rpc: Rpc, holder: Address, intent: Intent, block: int) -> str | None:
    """What speaks against a failure of `intent` in `block`; None: nothing, or the node keeps no states to tell from.

    Raises Unavailable where the node gives no answer.
    """
    if intent.orders:
        return _doubt_unplaced(rpc, intent, block)
    sold = _only_sold(intent)
    if sold is None:
        return None
    read = balance_of(sold.token.address, holder)
    call = {"to": read.to, "data": "0x" + read.data.hex()}
    calls: list[Call] = [("eth_call", [call, hex(number)]) for number in (block - 1, block)]
    try:
        before, after = (
            Words(hex_bytes(answer), what=f"{sold.token}: balanceOf()").uint(0) for answer in rpc.batch(calls)
        )
    except RpcError:
        return None
    if before - after != sold.raw:
        return None
    return (
        f"{rpc.host}: gives a receipt of {intent.newest.hash} that says it failed, and in its block {block} exactly "
        f"the {sold.raw} base units of {sold.token} are gone that it sells: the node contradicts itself; try again at "
        "the next tick, or use another"
    )


def _doubt_unplaced(rpc: Rpc, intent: Intent, block: int) -> str | None:
    """Of a batch that moves nothing itself: whether its orders are valid since."""
    from rebalancer.adapters.wallets.order_events import asked_of

    calls: list[Call] = [
        ("eth_call", [{"to": order.settlement, "data": "0x" + asked_of(_PRE_SIGNATURE, order).hex()}, hex(block)])
        for order in intent.orders
    ]
    try:
        valid = [Words(hex_bytes(answer), what="preSignature()").uint(0) for answer in rpc.batch(calls)]
    except RpcError:
        return None
    if not any(valid):
        return None
    return (
        f"{rpc.host}: gives a receipt of {intent.newest.hash} that says it failed, and after its block {block} an "
        "order that it makes valid is so: the node contradicts itself; try again at the next tick, or use another"
    )


def _only_sold(intent: Intent) -> Amount | None:
    """All of one token that the batch sells, and buys none of. None: there is no such token."""
    bought = {trade.buy.address for trade in intent.trades}
    token = next((t.sell.token for t in intent.trades if t.sell.token.address not in bought), None)
    if token is None:
        return None
    return Amount(token, sum(t.sell.raw for t in intent.trades if t.sell.token.address == token.address))
