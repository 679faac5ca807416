"""The parts of the ledger's JSON records and back, exactly.

Every amount is a decimal string, because readers of JSON elsewhere cut integers at 53 bits. Tokens are listed once
and named by address. The shape of each record has a version; a reader that does not know it must halt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from rebalancer.core.errors import Halt
from rebalancer.core.model import Cost
from rebalancer.market.pools import Pool
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Address, Amount, Price, Token, Usd

PLAIN, VERSION, ORDERED, RETARGETED = 1, 2, 3, 4
"""The second is that of a record with what the first had no place for: an intent's pools, or a cost of which fee and
impact are not known; the third that of an intent with orders, which is not over when its transaction is mined; the
fourth that of one that sets targets, which is no rebalance. All others are as they were, so that an older program can
read them."""

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
        if version in (PLAIN, VERSION, ORDERED, RETARGETED):
            return make(record, tokens_in(record["tokens"]))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Halt(
            f"ledger: the record of {what} cannot be read ({type(error).__name__}: {error}), expected the shape of "
            f"version {RETARGETED} or an earlier one. Look at the file, and restore it from a backup if it is damaged"
        ) from None
    raise Halt(
        f"ledger: the record of {what} has version {version!r}, expected {RETARGETED} or less. Run the version of this "
        "program that wrote it"
    )


def version_of(cost: Cost, pools: Sequence[Pool] = ()) -> int:
    return PLAIN if cost.fee is not None and cost.impact is not None and not pools else VERSION


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


def cost_out(cost: Cost) -> dict[str, str | None]:
    return {
        "traded": str(cost.traded),
        "fee": None if cost.fee is None else str(cost.fee),
        "impact": None if cost.impact is None else str(cost.impact),
        "shortfall": str(cost.shortfall),
        "gas": str(cost.gas),
    }


def cost_in(record: Record) -> Cost:
    return Cost(
        traded=Usd(int(record["traded"])),
        fee=_known(record["fee"]),
        impact=_known(record["impact"]),
        shortfall=Usd(int(record["shortfall"])),
        gas=Usd(int(record["gas"])),
    )


def _known(dollars: str | None) -> Usd | None:
    return None if dollars is None else Usd(int(dollars))


def pool_out(pool: Pool) -> Record:
    both = {"address": pool.address, "token0": pool.token0.address, "token1": pool.token1.address}
    match pool:
        case V2Pool():
            return {"kind": "v2", "reserves": [str(pool.reserve0), str(pool.reserve1)], **both}
        case V3Pool():
            return {
                "kind": "v3",
                "fee": pool.fee,
                "spacing": pool.tick_spacing,
                "root": str(pool.sqrt_price_x96),
                "tick": pool.tick,
                "liquidity": str(pool.liquidity),
                "ticks": [[index, str(net)] for index, net in pool.ticks],
                "words": [pool.word_low, pool.word_high],
                **both,
            }


def pool_in(record: Record, tokens: Tokens) -> Pool:
    address, token0, token1 = Address(record["address"]), tokens[record["token0"]], tokens[record["token1"]]
    if record["kind"] == "v2":
        reserve0, reserve1 = (int(reserve) for reserve in record["reserves"])
        return V2Pool(address, token0, token1, reserve0, reserve1)
    if record["kind"] != "v3":
        raise ValueError(f"pool of kind {record['kind']!r}")
    word_low, word_high = record["words"]
    return V3Pool(
        address=address,
        token0=token0,
        token1=token1,
        fee=record["fee"],
        tick_spacing=record["spacing"],
        sqrt_price_x96=int(record["root"]),
        tick=record["tick"],
        liquidity=int(record["liquidity"]),
        ticks=tuple((index, int(net)) for index, net in record["ticks"]),
        word_low=word_low,
        word_high=word_high,
    )
