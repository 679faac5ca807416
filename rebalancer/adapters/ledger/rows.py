"""What is written down of an intent, its basis, its landing: values in, (table, rows) out, in the order of writing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table

from rebalancer.adapters.ledger import attempts as attempt_rows
from rebalancer.adapters.ledger.basis import basis_to_json
from rebalancer.adapters.ledger.landing_records import mined_to_json, settlement_to_json
from rebalancer.adapters.ledger.record_shapes import cost_out
from rebalancer.adapters.ledger.records import intent_to_json
from rebalancer.adapters.ledger.turn_tables import (
    attempts,
    costs,
    fills,
    intents,
    landings,
    quotes,
    receipts,
    snapshots,
)
from rebalancer.core.counting import count
from rebalancer.core.model import Basis, Cost, Failure, Intent, Mined, Quote, Replacement, Settlement
from rebalancer.units import Usd

Row = dict[str, Any]
Rows = Iterator[tuple[Table, list[Row]]]


def rows_of_intent(intent: Intent, basis: Basis, place: Row) -> Rows:
    """The intent with its first transaction, what it costs as planned, and what it was decided on.

    `place`: its number, turn and after_tick.
    """
    signed, number, turn = intent.commitment, place["number"], place["turn"]
    row = {
        "id": intent.id,
        "created_at": intent.created_at,
        "block": intent.block,
        "deadline": intent.deadline,
        "nonce": signed.transaction.nonce,
        "tx": signed.hash,
        "body": intent_to_json(intent),
    }
    yield intents, [place | row]
    sent = attempt_rows.row_of(intent.created_at, attempt_rows.SEND, signed)
    yield attempts, [{"number": number, "attempt": 1, "turn": turn} | sent]
    yield costs, [{"turn": turn} | cost_out(intent.cost)]
    yield snapshots, [{"number": number} | _snapshot(basis)]
    yield quotes, [{"number": number, "place": place} | _quote(q) for place, q in enumerate(basis.quotes)]


def rows_of_replacement(intent: Intent, replacement: Replacement, number: int, turn: int) -> Rows:
    """One transaction more."""
    attempt = len(intent.signed) + 1
    row = attempt_rows.row_of(replacement.at, replacement.purpose.value, replacement.signed)
    yield attempts, [{"number": number, "attempt": attempt, "turn": turn} | row]


def rows_of_landing(intent: Intent, result: Settlement | Failure, place: Row) -> Rows:
    """`place`: number, turn, revision and after_tick of the landing."""
    counted = count(intent, result)
    sums = {
        "traded_micro": counted.traded,
        "cost_micro": counted.cost,
        "gas_gwei": counted.gas,
        "traded_share_e9": counted.traded_share,
        "cost_share_e9": counted.cost_share,
    }
    turn = {"turn": place["turn"]}
    match result:
        case Settlement():
            body, at = settlement_to_json(result), result.timestamp
            row = {"settled_at": at, "mined_at": at, "block": result.block, "reason": None, "body": body}
            yield landings, [place | sums | row]
            yield receipts, [turn | _receipt(result)]
            changed = [{"token": fill.token.address, "raw": str(fill.raw)} for fill in result.fills]
            yield fills, [turn | {"place": number} | fill for number, fill in enumerate(changed)]
            yield costs, [turn | cost_out(result.cost)]
        case Failure(reason, None):
            row = {"settled_at": None, "mined_at": None, "block": None, "reason": reason, "body": None}
            yield landings, [place | sums | row]
        case Failure(reason, Mined() as mined):
            body, at = mined_to_json(mined), mined.timestamp
            row = {"settled_at": None, "mined_at": at, "block": mined.block, "reason": reason, "body": body}
            yield landings, [place | sums | row]
            yield receipts, [turn | _receipt(mined)]
            yield costs, [turn | cost_out(Cost(Usd(0), Usd(0), Usd(0), Usd(0), mined.gas))]


def _receipt(mined: Settlement | Mined) -> Row:
    return {
        "tx": mined.tx,
        "block": mined.block,
        "block_hash": mined.block_hash or None,
        "timestamp": mined.timestamp,
        "gas_used": mined.gas_used,
    }


def _snapshot(basis: Basis) -> Row:
    block = basis.snapshot.block
    return {
        "block": block.number,
        "block_hash": block.hash,
        "timestamp": block.timestamp,
        "base_fee": str(block.base_fee),
        "tip": str(block.tip),
        "operator_balance": str(basis.snapshot.operator_balance),
        "body": basis_to_json(basis.snapshot),
        "simulated": basis_to_json(basis.simulation),
    }


def _quote(quote: Quote) -> Row:
    trade = quote.trade
    return {
        "venue": quote.venue,
        "sell": trade.sell.token.address,
        "sell_raw": str(trade.sell.raw),
        "buy": trade.buy.address,
        "expected_raw": str(quote.expected.raw),
        "floor_raw": str(trade.floor.raw),
        "value": str(trade.value),
        "body": basis_to_json(quote),
    }
