"""Quotes that are orders: what was asked and an order in, the rule that it breaks out; and the calls that make an order
valid, and void.

An order is not simulated: others fill it, later. So all that it can do is what it says, and that is held to what was
asked: so much is sold, for our floor at least, to the wallet, in a time that is short.
"""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.core.model import Breach, Call, Order, Quote, QuoteRequest
from rebalancer.core.render import amount
from rebalancer.units import BPS, Address, Amount, Bps, mul_div_up

MOST_ABOVE = Bps(100)
"""How much more than the oracle says, or our own route pays, an order may insist on: two feeds may lag half a percent
each. What a swap promises our simulation tries; an order that promises what nobody pays would win, and never be filled.
"""
SHORTEST_FILL = 300
"""Seconds that others have to fill it, placed at the last moment: an order that nobody has the time for is none."""
LONGEST_FILL = 2 * 3_600
"""Seconds. What it says was asked of today's market, and while it is open nothing else is done."""
UID_BYTES = 56
"""GPv2Order: its digest of 32 bytes, its owner of 20, and the second until which it is valid in 4."""

_SET_PRE_SIGNATURE = bytes.fromhex("ec6cb13f")
"""setPreSignature(bytes,bool)."""
_INVALIDATE_ORDER = bytes.fromhex("15337bc0")
"""invalidateOrder(bytes) of GPv2Settlement."""
_WORD = 32

Breaches = Iterator[Breach]


def presign_call(settlement: Address, uid: str, signed: bool) -> Call:
    """What the owner of an order has made so that it can be filled, or, not `signed`, no longer can. GPv2Signing."""
    # Where the bytes begin, the flag, how many there are, and they, filled up to whole words.
    head = (2 * _WORD).to_bytes(_WORD) + int(signed).to_bytes(_WORD)
    return Call(settlement, _SET_PRE_SIGNATURE + head + _uid_tail(uid))


def invalidate_call(order: Order) -> Call:
    """What its owner has made so that it can never be filled, by no signature that may still come."""
    return Call(order.settlement, _INVALIDATE_ORDER + _WORD.to_bytes(_WORD) + _uid_tail(order.uid))


def _uid_tail(uid: str) -> bytes:
    return UID_BYTES.to_bytes(_WORD) + bytes.fromhex(uid[2:]).ljust(2 * _WORD, b"\0")


def order_breaches(request: QuoteRequest, quote: Quote, order: Order) -> Breaches:
    """All that is wrong with an order and the call that makes it valid. `listed_router` looks where that goes."""
    yield from _sells_what_was_asked(request, quote, order)
    yield from _in_its_time(request, order)
    uid = _uid_breaches(request, order)
    broken = next(uid, None)
    if broken is not None:
        yield broken
        yield from uid
        return
    if quote.call != presign_call(order.settlement, order.uid, signed=True):
        yield Breach("presign", "another call", f"setPreSignature of {order.uid} at {order.settlement}, and no more")
    if quote.spender != order.relayer:
        yield Breach("spender", quote.spender, f"who pulls for the settlement, {order.relayer}")


def _sells_what_was_asked(request: QuoteRequest, quote: Quote, order: Order) -> Breaches:
    asked = request.trade
    if order.sell != asked.sell:
        yield Breach("amount_in", f"{amount(order.sell)} are sold", amount(asked.sell))
    if order.least.token != asked.buy:
        yield Breach("token_out", str(order.least.token), str(asked.buy))
    elif order.least.raw < asked.floor.raw:
        yield Breach("least_out", f"the order insists on {amount(order.least)} only", f"at least {amount(asked.floor)}")
    most = _most_up(request, order)
    if order.least.raw > most.raw:
        yield Breach("too_good", f"an order for {amount(order.least)}", f"at most {amount(most)}: nobody fills it")
    if quote.expected != order.least:
        # Nobody has to give more.
        yield Breach("expected", f"{amount(quote.expected)} expected", f"the order's limit, {amount(order.least)}")


def _most_up(request: QuoteRequest, order: Order) -> Amount:
    """The floor is the fair value less the slippage: see core/floors."""
    floor = request.trade.floor.raw
    return Amount(order.least.token, mul_div_up(floor, BPS + MOST_ABOVE, BPS - request.slippage))


def _in_its_time(request: QuoteRequest, order: Order) -> Breaches:
    first, last = request.deadline + SHORTEST_FILL, request.deadline + LONGEST_FILL
    if not first <= order.valid_to <= last:
        yield Breach("valid_to", f"valid until second {order.valid_to}", f"from {first} to {last}")


def _uid_breaches(request: QuoteRequest, order: Order) -> Breaches:
    """It names an order of this wallet, and of this time. Its digest is the adapter's affair, who knows the chain."""
    digits = order.uid[2:]
    if order.uid[:2] != "0x" or len(digits) != 2 * UID_BYTES or any(c not in "0123456789abcdef" for c in digits):
        yield Breach("uid", order.uid[:130], f"0x and {2 * UID_BYTES} small hex digits")
        return
    if (owner := "0x" + digits[64:104]) != request.wallet.lower():
        yield Breach("owner", owner, f"the wallet {request.wallet}")
    if (until := int(digits[104:], 16)) != order.valid_to:
        yield Breach("valid_to", f"valid until second {until} by its uid", f"{order.valid_to}")
