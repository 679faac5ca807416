"""Orders of the small market's wallet, and an intent that has placed them."""

from __future__ import annotations

from dataclasses import replace

from given_intents import INTENT
from small_market import NOW, OPERATOR, planned, snapshot_with

from rebalancer.core.model import (
    Allowance,
    Batch,
    Call,
    End,
    Intent,
    Order,
    OrderEnd,
    Purpose,
    Quote,
    Receipt,
    Replacement,
    SignedTransaction,
    Simulated,
    Snapshot,
    Trade,
)
from rebalancer.core.order_rules import presign_call
from rebalancer.units import Address, Amount, Wei

SAFE = Address("0x5afe5afE5afE5afE5afE5aFe5aFe5Afe5Afe5AfE")
SETTLEMENT = Address("0x9008D19f58AAbD9eD0D60971565AA8510560ab41")
RELAYER = Address("0xC92E8bdf79f0507f65a392b0ab4667716BFE0110")
LIFE = 1_800
"""Seconds from NOW that an order is valid."""
MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
TRADES = planned(MARKET).trades
"""Two, of which both sell WETH."""


def an_order(trade: Trade, valid_to: int = NOW + LIFE, more: int = 0) -> Order:
    """For its floor and so many base units on top."""
    digest = bytes.fromhex(trade.buy.address[2:]).ljust(32, b"\x07").hex()
    uid = f"0x{digest}{SAFE[2:].lower()}{valid_to:08x}"
    return Order(uid, trade.sell, trade.floor + Amount(trade.buy, more), valid_to, SETTLEMENT, RELAYER)


def quoted(trade: Trade, order: Order, venue: str = "cow") -> Quote:
    """The quote that is the order."""
    call = presign_call(order.settlement, order.uid, signed=True)
    return Quote(venue, trade, order.least, order.relayer, call, 65_000, None, order)


ORDERS = tuple(an_order(trade) for trade in TRADES)
QUOTES = tuple(quoted(trade, order) for trade, order in zip(TRADES, ORDERS, strict=True))
BATCH = Batch(QUOTES, OPERATOR, Call(SAFE, b"\x05"), NOW + 600)
SOLD = Amount(ORDERS[0].sell.token, sum(order.sell.raw for order in ORDERS))
ORDERED = replace(INTENT, trades=TRADES, pools=(), orders=ORDERS)


def listed(snapshot: Snapshot, raw: int = 0) -> Snapshot:
    """The snapshot with what the relayer may pull of WETH, and nothing of all else."""
    found = (Allowance(RELAYER, Amount(b.token, raw * (b.token == SOLD.token))) for b in snapshot.balances)
    return replace(snapshot, allowances=(*snapshot.allowances, *found))


def placing(moved: int = 0, approved: int = SOLD.raw) -> Simulated:
    """What an honest wallet measures of BATCH; `moved` base units of each token besides."""
    changes = tuple(Amount(balance.token, moved) for balance in MARKET.balances)
    return Simulated(changes, (Allowance(RELAYER, Amount(SOLD.token, approved)),), 180_000)


def ended(*hows: End, more: int = 0) -> Receipt:
    """Of ORDERED, each order over in its way; what was filled paid its limit and so many base units on top."""
    moved = {amount.token.address: 0 for amount in ORDERED.expected}
    ends = []
    for order, how in zip(ORDERS, hows, strict=True):
        if how is End.FILLED:
            moved[order.sell.token.address] -= order.sell.raw
            moved[order.least.token.address] += order.least.raw + more
            ends.append(OrderEnd(order.uid, how, order.sell.raw, order.least.raw + more, "0xf111"))
        else:
            ends.append(OrderEnd(order.uid, how, tx=None if how is End.EXPIRED else "0x0b5e"))
    changes = tuple(Amount(amount.token, moved[amount.token.address]) for amount in ORDERED.expected)
    return Receipt("0xf111", 19_000_009, "0xb1", NOW + 60, 200_000, Wei(10**10), changes, None, orders=tuple(ends))


def withdrawn(intent: Intent, at: int, nonce: int = 1, hash_: str = "0x0b5e") -> Intent:
    """The intent with a withdrawal of its orders on record."""
    first = intent.commitment.transaction
    signed = SignedTransaction(replace(first, nonce=nonce), hash_.encode(), hash_)
    return replace(intent, replacements=(*intent.replacements, Replacement(Purpose.WITHDRAW, at, signed)))
