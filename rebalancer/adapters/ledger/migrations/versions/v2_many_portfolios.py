"""Many portfolios in one database: turns instead of a chain of intents, every transaction and its basis, revisions.

What the first version knew is kept. It knew of no block hash, of no basis, and of no replacement; and not what the
portfolio was worth that an intent was decided on, so that its rebalances count for no share of it.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from rebalancer.adapters.ledger.migrations.tables_v2 import (
    attempts,
    costs,
    fills,
    intents,
    landings,
    metadata,
    portfolios,
    receipts,
    ticks,
    turns,
)

revision = "2"
down_revision = "1"

Row = dict[str, Any]

# The one portfolio that there was.
_OURS = {"portfolio": 1}
_NO_SHARE = {"traded_share_e9": 0, "cost_share_e9": 0}
_NOTHING = {"traded_micro": 0, "cost_micro": 0, "gas_gwei": 0, **_NO_SHARE}


def upgrade() -> None:
    connection = op.get_bind()
    old = {name: _rows(connection, name) for name in ("ledger_portfolio", "ticks", "intents", "landings")}
    _drop(connection)
    metadata.create_all(connection)
    for portfolio in old["ledger_portfolio"]:
        _add(portfolios, [portfolio])
    _add(ticks, [{"portfolio": 1, **row} for row in old["ticks"]])
    if connection.dialect.name == "postgresql":
        # Rows came with their numbers: the next one is after them.
        op.execute("SELECT setval(pg_get_serial_sequence('ticks', 'id'), COALESCE(MAX(id), 0) + 1, false) FROM ticks")
    landed = {row["number"]: row for row in old["landings"]}
    turn = 0
    for row in sorted(old["intents"], key=lambda row: int(row["number"])):
        # The clock's word: of an intent the first version did not keep which ticks came before it.
        before = [int(tick["id"]) for tick in old["ticks"] if tick["at"] <= row["created_at"]]
        turn = _intent(row | {"after_tick": max(before, default=0)}, turn)
        if row["number"] in landed:
            turn = _landing(row, landed[row["number"]], turn)
    op.execute("UPDATE ledger_schema SET version = 2")


def _rows(connection: sa.Connection, table: str) -> list[Row]:
    return [dict(row) for row in connection.execute(sa.text(f"SELECT * FROM {table}")).mappings()]


def _drop(connection: sa.Connection) -> None:
    """Intents and landings name each other: SQLite looks when all is done, PostgreSQL drops the reference first."""
    if connection.dialect.name == "sqlite":
        op.execute("PRAGMA defer_foreign_keys = ON")
    else:
        op.drop_constraint("intents_previous", "intents", type_="foreignkey")
    for table in ("landings", "intents", "ticks", "ledger_portfolio"):
        op.drop_table(table)


def _add(table: sa.Table, rows: list[Row]) -> None:
    if rows:
        op.bulk_insert(table, rows)


def _turn(kind: str, number: int, previous: Row) -> int:
    turn = int(previous["turn"]) + 1
    before = {f"previous{name}": previous.get(name.strip("_")) for name in ("_kind", "_number")}
    _add(turns, [_OURS | {"turn": turn, "kind": kind, "number": number, "previous": turn - 1 or None} | before])
    return turn


def _intent(row: Row, last: int) -> int:
    body, number = json.loads(row["body"]), int(row["number"])
    previous = {"turn": last, "kind": "landing", "number": number - 1} if last else {"turn": 0}
    turn = _turn("intent", number, previous)
    kept = {name: row[name] for name in ("number", "id", "created_at", "block", "nonce", "tx", "body", "after_tick")}
    _add(intents, [_OURS | {"turn": turn, "deadline": body["deadline"]} | kept])
    signed = body["commitment"]
    attempt = {name: signed[name] for name in ("nonce", "gas", "max_fee", "tip", "hash")}
    text = _dump({"version": 1, "tokens": {}, "signed": signed})
    first = {"number": number, "attempt": 1, "turn": turn, "purpose": "send", "at": row["created_at"], "body": text}
    _add(attempts, [_OURS | first | attempt])
    _add(costs, [_OURS | {"turn": turn} | body["cost"]])
    return turn


def _landing(intent: Row, row: Row, last: int) -> int:
    number = int(row["number"])
    turn = _turn("landing", number, {"turn": last, "kind": "intent", "number": number})
    ours = _OURS | {"turn": turn}
    landing = ours | {"number": number, "revision": 1, "after_tick": row["after_tick"], "reason": row["reason"]}
    if row["body"] is None:
        nothing = dict.fromkeys(("settled_at", "mined_at", "block", "body"))
        _add(landings, [landing | nothing | _NOTHING])
        return turn
    body = json.loads(row["body"])
    at = {"settled_at": row["settled_at"], "mined_at": row["settled_at"]}
    _add(landings, [landing | at | {"block": body["block"], "body": row["body"]} | _sums(intent, body["cost"])])
    receipt = {name: body[name] for name in ("tx", "block", "timestamp", "gas_used")}
    _add(receipts, [ours | {"block_hash": None} | receipt])
    _add(fills, [ours | {"place": place, "token": t, "raw": raw} for place, (t, raw) in enumerate(body["fills"])])
    _add(costs, [ours | body["cost"]])
    return turn


def _sums(intent: Row, cost: Row) -> Row:
    """In whole micro-dollars and gwei, rounded up; gas at the price that it was put into dollars at."""
    gas, price = int(cost["gas"]), int(json.loads(intent["body"])["native"][1])
    return {
        "traded_micro": -(-int(cost["traded"]) // 10**12),
        "cost_micro": -(-(int(cost["shortfall"]) + gas) // 10**12),
        "gas_gwei": -(-(gas * 10**18 // price) // 10**9) if price else 0,
        **_NO_SHARE,
    }


def _dump(record: Row) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"))
