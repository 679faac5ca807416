"""What became of an intent to JSON and back, exactly."""

from __future__ import annotations

from rebalancer.adapters.ledger.record_shapes import (
    PLAIN,
    Record,
    Tokens,
    amount_in,
    amount_out,
    cost_in,
    cost_out,
    dump,
    read,
    tokens_out,
    version_of,
)
from rebalancer.core.model import Mined, Settlement
from rebalancer.units import Usd


def settlement_to_json(settlement: Settlement) -> str:
    """What a rebalance did, for the record."""
    return dump(
        {
            "version": version_of(settlement.cost),
            "tokens": tokens_out(amount.token for amount in settlement.fills),
            "intent": settlement.intent,
            "tx": settlement.tx,
            "block": settlement.block,
            "block_hash": settlement.block_hash,
            "timestamp": settlement.timestamp,
            "fills": [amount_out(amount) for amount in settlement.fills],
            "cost": cost_out(settlement.cost),
            "gas_used": settlement.gas_used,
            **({} if settlement.accepted is None else {"accepted": settlement.accepted}),
            **({} if settlement.unfilled is None else {"unfilled": settlement.unfilled}),
        }
    )


def settlement_from_json(text: str) -> Settlement:
    """Raises Halt where the record is not one that this version wrote."""
    return read("a settlement", text, _settlement_in)


def mined_to_json(mined: Mined) -> str:
    """Where a batch that failed is on the chain."""
    return dump(
        {
            "version": PLAIN,
            "tokens": {},
            "tx": mined.tx,
            "block": mined.block,
            "block_hash": mined.block_hash,
            "timestamp": mined.timestamp,
            "gas_used": mined.gas_used,
            "gas": str(mined.gas),
        }
    )


def mined_from_json(text: str) -> Mined:
    """Raises Halt where the record is not one that this version wrote."""
    return read("a failed batch", text, _mined_in)


def _settlement_in(record: Record, tokens: Tokens) -> Settlement:
    return Settlement(
        intent=record["intent"],
        tx=record["tx"],
        block=record["block"],
        # Of what settled before hashes were kept nothing is known: such a block is no block of the chain's.
        block_hash=record.get("block_hash", ""),
        timestamp=record["timestamp"],
        fills=tuple(amount_in(amount, tokens) for amount in record["fills"]),
        cost=cost_in(record["cost"]),
        gas_used=record["gas_used"],
        accepted=record.get("accepted"),
        unfilled=record.get("unfilled"),
    )


def _mined_in(record: Record, _: Tokens) -> Mined:
    return Mined(
        tx=record["tx"],
        block=record["block"],
        block_hash=record["block_hash"],
        timestamp=record["timestamp"],
        gas_used=record["gas_used"],
        gas=Usd(int(record["gas"])),
    )
