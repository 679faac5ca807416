"""The parts of the ledger's JSON records and back, exactly.

Every amount is a decimal string, because readers of JSON elsewhere cut integers at 53 bits. Tokens are listed once
and named by address. The shape has a version; a reader that does not know it must halt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rebalancer.core.errors import Halt
from rebalancer.core.model import Cost
from rebalancer.units import Address, Amount, Price, Token, Usd

VERSION = 1

Record = dict[str, Any]
Tokens = dict[str, Token]
Value = TypeVar("Value")


def dump(record: Any) -> str:
    """Sorted and without spaces: one value has one text, so two records are equal where their texts are."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def read(what: str, text: str, make: Callable[[Record, Tokens], Value]) -> Value:
    """Raises Halt where the record is not one that this version wrote."""
    try:
        record = json.loads(text)
        version = record["version"]
        if version == VERSION:
            return make(record, tokens_in(record["tokens"]))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Halt(
            f"ledger: the record of {what} cannot be read ({type(error).__name__}: {error}), expected the shape of "
            f"version {VERSION}. Look at the file, and restore it from a backup if it is damaged"
        ) from None
    raise Halt(
        f"ledger: the record of {what} has version {version!r}, expected {VERSION}. Run the version of this "
        "program that wrote it"
    )


def tokens_out(tokens: Iterable[Token]) -> dict[str, list[str | int]]:
    return {token.address: [token.symbol, token.decimals] for token in tokens}


def tokens_in(record: Record) -> Tokens:
    return {address: Token(symbol, Address(address), decimals) for address, (symbol, decimals) in record.items()}


def amount_out(amount: Amount) -> list[str]:
    return [amount.token.address, str(amount.raw)]


def amount_in(record: list[str], tokens: Tokens) -> Amount:
    address, raw = record
    return Amount(tokens[address], int(raw))


def price_out(price: Price) -> list[str | int]:
    return [price.token.address, str(price.usd), price.updated_at]


def price_in(record: list[Any], tokens: Tokens) -> Price:
    address, usd, updated_at = record
    return Price(tokens[address], Usd(int(usd)), updated_at)


def cost_out(cost: Cost) -> dict[str, str]:
    return {
        "traded": str(cost.traded),
        "fee": str(cost.fee),
        "impact": str(cost.impact),
        "shortfall": str(cost.shortfall),
        "gas": str(cost.gas),
    }


def cost_in(record: Record) -> Cost:
    return Cost(
        traded=Usd(int(record["traded"])),
        fee=Usd(int(record["fee"])),
        impact=Usd(int(record["impact"])),
        shortfall=Usd(int(record["shortfall"])),
        gas=Usd(int(record["gas"])),
    )
