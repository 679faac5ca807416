"""Intents and what was signed for them to JSON and back, exactly: what the ledger keeps of them.

An access list, orders, targets and venues from outside are written where there are any, and pools and what the
portfolio was worth where they are known, so that what was recorded without has the record that it always had.
Replacements are no part of an intent's record: each has one of its own.
"""

from __future__ import annotations

from typing import Any

from rebalancer.adapters.ledger.record_shapes import (
    ORDERED,
    PLAIN,
    RETARGETED,
    Record,
    Tokens,
    amount_in,
    amount_out,
    cost_in,
    cost_out,
    dump,
    pool_in,
    pool_out,
    price_in,
    price_out,
    read,
    tokens_out,
    version_of,
)
from rebalancer.core.model import (
    AccessEntry,
    AccessList,
    Call,
    Fees,
    Intent,
    Order,
    SignedTransaction,
    Target,
    Trade,
    Transaction,
)
from rebalancer.core.order_rules import UID_BYTES
from rebalancer.units import Address, Usd, Wei, Weight


def intent_to_json(intent: Intent) -> str:
    """All of an intent, so that a later process can finish what this one sent."""
    tokens = [token for trade in intent.trades for token in (trade.sell.token, trade.buy, trade.floor.token)]
    tokens += [amount.token for amount in intent.expected]
    tokens += [price.token for price in (*intent.prices, intent.native)]
    tokens += [token for pool in intent.pools for token in (pool.token0, pool.token1)]
    tokens += [token for order in intent.orders for token in (order.sell.token, order.least.token)]
    tokens += [target.token for target in intent.targets]
    return dump(
        {
            "version": _version_of(intent),
            "tokens": tokens_out(tokens),
            "id": intent.id,
            "created_at": intent.created_at,
            "block": intent.block,
            "trades": [_trade_out(trade) for trade in intent.trades],
            "expected": [amount_out(amount) for amount in intent.expected],
            "prices": [price_out(price) for price in intent.prices],
            "native": price_out(intent.native),
            "cost": cost_out(intent.cost),
            "deadline": intent.deadline,
            "commitment": _signed_out(intent.commitment),
            **({"value": str(intent.value)} if intent.value else {}),
            **({"pools": [pool_out(pool) for pool in intent.pools]} if intent.pools else {}),
            **({"orders": [_order_out(order) for order in intent.orders]} if intent.orders else {}),
            **({"venues": list(intent.venues)} if intent.venues else {}),
            **({"targets": [_target_out(target) for target in intent.targets]} if intent.targets else {}),
        }
    )


def intent_from_json(text: str) -> Intent:
    """Raises Halt where the record is not one that this version wrote."""
    return read("an intent", text, _intent_in)


def signed_to_json(signed: SignedTransaction) -> str:
    """A transaction and its bytes."""
    return dump({"version": PLAIN, "tokens": {}, "signed": _signed_out(signed)})


def signed_from_json(text: str) -> SignedTransaction:
    """Raises Halt where the record is not one that this version wrote."""
    return read("a transaction", text, lambda record, _: _signed_in(record["signed"]))


def _intent_in(record: Record, tokens: Tokens) -> Intent:
    return Intent(
        id=record["id"],
        created_at=record["created_at"],
        block=record["block"],
        trades=tuple(_trade_in(trade, tokens) for trade in record["trades"]),
        expected=tuple(amount_in(amount, tokens) for amount in record["expected"]),
        prices=tuple(price_in(price, tokens) for price in record["prices"]),
        native=price_in(record["native"], tokens),
        cost=cost_in(record["cost"]),
        deadline=record["deadline"],
        commitment=_signed_in(record["commitment"]),
        value=Usd(int(record.get("value", 0))),
        pools=tuple(pool_in(pool, tokens) for pool in record.get("pools", [])),
        orders=tuple(_order_in(order, tokens) for order in _ordered(record)),
        venues=_venues_in(record),
        targets=tuple(_target_in(target, tokens) for target in _set(record)),
    )


def _venues_in(record: Record) -> tuple[str, ...]:
    """Names of whom it went through: they decide who rests."""
    venues = record.get("venues", [])
    if not isinstance(venues, list) or not all(isinstance(venue, str) for venue in venues):
        raise ValueError(f"venues {venues!r}")
    return tuple(venues)


def _version_of(intent: Intent) -> int:
    if intent.targets:
        return RETARGETED
    return ORDERED if intent.orders else version_of(intent.cost, intent.pools)


def _set(record: Record) -> list[list[str]]:
    """An intent that says that it sets targets, and names none, is damaged."""
    targets: list[list[str]] = record.get("targets", [])
    if bool(targets) != (record["version"] == RETARGETED):
        raise ValueError(f"version {record['version']} with {len(targets)} targets")
    return targets


def _target_out(target: Target) -> list[str]:
    return [target.token.address, str(target.weight)]


def _target_in(record: list[str], tokens: Tokens) -> Target:
    address, weight = record
    return Target(tokens[address], Weight(int(weight)))


def _ordered(record: Record) -> list[Record]:
    """An intent that says that it has orders, and names none, is damaged."""
    orders: list[Record] = record["orders"] if record["version"] == ORDERED else []
    if record["version"] == ORDERED and not orders or record["version"] != ORDERED and "orders" in record:
        raise ValueError(f"version {record['version']} with {len(record.get('orders', []))} orders")
    return orders


def _order_out(order: Order) -> Record:
    return {
        "uid": order.uid,
        "sell": amount_out(order.sell),
        "least": amount_out(order.least),
        "valid_to": order.valid_to,
        "settlement": order.settlement,
        "relayer": order.relayer,
    }


def _order_in(record: Record, tokens: Tokens) -> Order:
    # It goes into calldata and is looked for in events: what is no name would be noticed far from here.
    if len(bytes.fromhex(record["uid"].removeprefix("0x"))) != UID_BYTES:
        raise ValueError(f"order {record['uid']!r}")
    return Order(
        uid=record["uid"],
        sell=amount_in(record["sell"], tokens),
        least=amount_in(record["least"], tokens),
        valid_to=int(record["valid_to"]),
        settlement=Address(record["settlement"]),
        relayer=Address(record["relayer"]),
    )


def _trade_out(trade: Trade) -> Record:
    return {
        "sell": amount_out(trade.sell),
        "buy": trade.buy.address,
        "value": str(trade.value),
        "floor": amount_out(trade.floor),
    }


def _trade_in(record: Record, tokens: Tokens) -> Trade:
    return Trade(
        sell=amount_in(record["sell"], tokens),
        buy=tokens[record["buy"]],
        value=Usd(int(record["value"])),
        floor=amount_in(record["floor"], tokens),
    )


def _signed_out(signed: SignedTransaction) -> Record:
    transaction = signed.transaction
    listed = {"access_list": _list_out(transaction.access_list)} if transaction.access_list else {}
    return {
        "kind": "transaction",
        "chain_id": transaction.chain_id,
        "nonce": transaction.nonce,
        "gas": transaction.gas,
        "max_fee": str(transaction.fees.max_fee),
        "tip": str(transaction.fees.tip),
        "to": transaction.call.to,
        "data": transaction.call.data.hex(),
        "raw": signed.raw.hex(),
        "hash": signed.hash,
        **listed,
    }


def _signed_in(record: Record) -> SignedTransaction:
    if record["kind"] != "transaction":
        raise ValueError(f"commitment of kind {record['kind']!r}")
    return SignedTransaction(
        transaction=Transaction(
            chain_id=record["chain_id"],
            nonce=record["nonce"],
            gas=record["gas"],
            fees=Fees(max_fee=Wei(int(record["max_fee"])), tip=Wei(int(record["tip"]))),
            call=Call(to=Address(record["to"]), data=bytes.fromhex(record["data"])),
            access_list=_list_in(record.get("access_list", [])),
        ),
        raw=bytes.fromhex(record["raw"]),
        hash=record["hash"],
    )


def _list_out(entries: AccessList) -> list[list[Any]]:
    return [[entry.address, [hex(slot) for slot in entry.slots]] for entry in entries]


def _list_in(record: list[list[Any]]) -> AccessList:
    return tuple(AccessEntry(Address(address), tuple(int(slot, 16) for slot in slots)) for address, slots in record)
