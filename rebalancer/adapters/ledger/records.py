"""Intents and settlements to JSON and back, exactly: what the ledger keeps of them.

Every amount is a decimal string, because readers of JSON elsewhere cut integers at 53 bits. Tokens are
listed once and named by address. The shape has a version; a reader that does not know it must halt.
An access list is written where there is one, so that a transaction without one has the record that it always had.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rebalancer.core.errors import Halt
from rebalancer.core.model import (
    AccessEntry,
    AccessList,
    Call,
    Cost,
    Fees,
    Intent,
    Settlement,
    SignedTransaction,
    Trade,
    Transaction,
)
from rebalancer.units import Address, Amount, Price, Token, Usd, Wei

VERSION = 1

Record = dict[str, Any]
Tokens = dict[str, Token]
Value = TypeVar("Value")


def intent_to_json(intent: Intent) -> str:
    """All of an intent, so that a later process can finish what this one sent."""
    tokens = [token for trade in intent.trades for token in (trade.sell.token, trade.buy, trade.floor.token)]
    tokens += [amount.token for amount in intent.expected]
    tokens += [price.token for price in (*intent.prices, intent.native)]
    return _dump(
        {
            "version": VERSION,
            "tokens": _tokens_out(tokens),
            "id": intent.id,
            "created_at": intent.created_at,
            "block": intent.block,
            "trades": [_trade_out(trade) for trade in intent.trades],
            "expected": [_amount_out(amount) for amount in intent.expected],
            "prices": [_price_out(price) for price in intent.prices],
            "native": _price_out(intent.native),
            "cost": _cost_out(intent.cost),
            "deadline": intent.deadline,
            "commitment": _signed_out(intent.commitment),
        }
    )


def intent_from_json(text: str) -> Intent:
    """Raises Halt where the record is not one that this version wrote."""
    return _read("intent", text, _intent_in)


def settlement_to_json(settlement: Settlement) -> str:
    """What a rebalance did, for the record."""
    return _dump(
        {
            "version": VERSION,
            "tokens": _tokens_out(amount.token for amount in settlement.fills),
            "intent": settlement.intent,
            "tx": settlement.tx,
            "block": settlement.block,
            "timestamp": settlement.timestamp,
            "fills": [_amount_out(amount) for amount in settlement.fills],
            "cost": _cost_out(settlement.cost),
            "gas_used": settlement.gas_used,
        }
    )


def settlement_from_json(text: str) -> Settlement:
    """Raises Halt where the record is not one that this version wrote."""
    return _read("settlement", text, _settlement_in)


def _dump(record: Record) -> str:
    # Sorted and without spaces: one value has one text, so two records are equal where their texts are.
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def _read(what: str, text: str, make: Callable[[Record, Tokens], Value]) -> Value:
    try:
        record = json.loads(text)
        version = record["version"]
        if version == VERSION:
            return make(record, _tokens_in(record["tokens"]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Halt(
            f"ledger: the record of an {what} cannot be read ({type(error).__name__}: {error}), expected the shape of "
            f"version {VERSION}. Look at the file, and restore it from a backup if it is damaged"
        ) from None
    raise Halt(
        f"ledger: the record of an {what} has version {version!r}, expected {VERSION}. Run the version of this "
        "program that wrote it"
    )


def _intent_in(record: Record, tokens: Tokens) -> Intent:
    return Intent(
        id=record["id"],
        created_at=record["created_at"],
        block=record["block"],
        trades=tuple(_trade_in(trade, tokens) for trade in record["trades"]),
        expected=tuple(_amount_in(amount, tokens) for amount in record["expected"]),
        prices=tuple(_price_in(price, tokens) for price in record["prices"]),
        native=_price_in(record["native"], tokens),
        cost=_cost_in(record["cost"]),
        deadline=record["deadline"],
        commitment=_signed_in(record["commitment"]),
    )


def _settlement_in(record: Record, tokens: Tokens) -> Settlement:
    return Settlement(
        intent=record["intent"],
        tx=record["tx"],
        block=record["block"],
        timestamp=record["timestamp"],
        fills=tuple(_amount_in(amount, tokens) for amount in record["fills"]),
        cost=_cost_in(record["cost"]),
        gas_used=record["gas_used"],
    )


def _tokens_out(tokens: Iterable[Token]) -> dict[str, list[str | int]]:
    return {token.address: [token.symbol, token.decimals] for token in tokens}


def _tokens_in(record: Record) -> Tokens:
    return {address: Token(symbol, Address(address), decimals) for address, (symbol, decimals) in record.items()}


def _amount_out(amount: Amount) -> list[str]:
    return [amount.token.address, str(amount.raw)]


def _amount_in(record: list[str], tokens: Tokens) -> Amount:
    address, raw = record
    return Amount(tokens[address], int(raw))


def _price_out(price: Price) -> list[str | int]:
    return [price.token.address, str(price.usd), price.updated_at]


def _price_in(record: list[Any], tokens: Tokens) -> Price:
    address, usd, updated_at = record
    return Price(tokens[address], Usd(int(usd)), updated_at)


def _trade_out(trade: Trade) -> Record:
    return {
        "sell": _amount_out(trade.sell),
        "buy": trade.buy.address,
        "value": str(trade.value),
        "floor": _amount_out(trade.floor),
    }


def _trade_in(record: Record, tokens: Tokens) -> Trade:
    return Trade(
        sell=_amount_in(record["sell"], tokens),
        buy=tokens[record["buy"]],
        value=Usd(int(record["value"])),
        floor=_amount_in(record["floor"], tokens),
    )


def _cost_out(cost: Cost) -> dict[str, str]:
    return {
        "traded": str(cost.traded),
        "fee": str(cost.fee),
        "impact": str(cost.impact),
        "shortfall": str(cost.shortfall),
        "gas": str(cost.gas),
    }


def _cost_in(record: Record) -> Cost:
    return Cost(
        traded=Usd(int(record["traded"])),
        fee=Usd(int(record["fee"])),
        impact=Usd(int(record["impact"])),
        shortfall=Usd(int(record["shortfall"])),
        gas=Usd(int(record["gas"])),
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
