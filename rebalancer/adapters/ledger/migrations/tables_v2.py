"""The tables of version 2 as that migration makes them. Frozen: what comes later is another migration's."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

_Number = BigInteger().with_variant(Integer, "sqlite")
_Exact = String(80)
_Hash = String(80)
_Address = String(42)


def _portfolio() -> Column[int]:
    return Column("portfolio", Integer, ForeignKey("portfolios.number"), primary_key=True, autoincrement=False)


def _key(name: str) -> Column[int]:
    return Column(name, _Number, primary_key=True, autoincrement=False)


def _of_turn() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio", "turn"], ["turns.portfolio", "turns.turn"])


def _of_intent() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio", "number"], ["intents.portfolio", "intents.number"])


def _of_landing() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio", "turn"], ["landings.portfolio", "landings.turn"])


portfolios = Table(
    "portfolios",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("wallet", _Address, nullable=False),
    Column("operator", _Address, nullable=False),
    UniqueConstraint("chain_id", "wallet", "operator"),
)

ticks = Table(
    "ticks",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("portfolio", Integer, ForeignKey("portfolios.number"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("block", BigInteger),
    Column("outcome", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("value", _Exact),
    Column("max_drift", _Exact),
    Column("tx", _Hash),
    Column("requests", Integer, nullable=False),
    Column("index_e9", BigInteger),
    Column("holdings", Text),
    Index("ticks_in_turn", "portfolio", "id"),
    Index("ticks_by_outcome", "portfolio", "outcome", "id"),
    Index("ticks_by_block", "portfolio", "block"),
    Index("ticks_by_time", "portfolio", "at"),
)

turns = Table(
    "turns",
    metadata,
    _portfolio(),
    _key("turn"),
    Column("kind", String(12), nullable=False),
    Column("number", _Number, nullable=False),
    Column("previous", _Number),
    Column("previous_kind", String(12)),
    Column("previous_number", _Number),
    UniqueConstraint("portfolio", "turn", "kind", "number"),
    ForeignKeyConstraint(
        ["portfolio", "previous", "previous_kind", "previous_number"],
        ["turns.portfolio", "turns.turn", "turns.kind", "turns.number"],
    ),
    CheckConstraint(
        "(turn = 1 AND kind = 'intent' AND number = 1"
        " AND previous IS NULL AND previous_kind IS NULL AND previous_number IS NULL)"
        " OR (previous IS NOT NULL AND previous_kind IS NOT NULL AND previous_number IS NOT NULL"
        " AND previous = turn - 1 AND ("
        "(kind = 'intent' AND previous_kind = 'landing' AND number = previous_number + 1)"
        " OR (kind IN ('replacement', 'landing') AND previous_kind IN ('intent', 'replacement', 'reopening')"
        " AND number = previous_number)"
        " OR (kind = 'reopening' AND previous_kind = 'landing' AND number = previous_number)))",
        name="turns_in_order",
    ),
)

intents = Table(
    "intents",
    metadata,
    _portfolio(),
    _key("number"),
    Column("turn", _Number, nullable=False),
    Column("id", _Hash, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("after_tick", _Number, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("tx", _Hash, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("portfolio", "turn"),
    UniqueConstraint("portfolio", "id"),
    UniqueConstraint("portfolio", "tx"),
    _of_turn(),
)

attempts = Table(
    "attempts",
    metadata,
    _portfolio(),
    _key("number"),
    _key("attempt"),
    Column("turn", _Number, nullable=False),
    Column("purpose", String(12), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", _Exact, nullable=False),
    Column("tip", _Exact, nullable=False),
    Column("hash", _Hash, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("portfolio", "turn"),
    UniqueConstraint("portfolio", "hash"),
    _of_turn(),
    _of_intent(),
    CheckConstraint("(attempt = 1) = (purpose = 'send')", name="attempts_sent_first"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _portfolio(),
    _key("number"),
    Column("block", BigInteger, nullable=False),
    Column("block_hash", _Hash, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("base_fee", _Exact, nullable=False),
    Column("tip", _Exact, nullable=False),
    Column("operator_balance", _Exact, nullable=False),
    Column("body", Text, nullable=False),
    Column("simulated", Text, nullable=False),
    _of_intent(),
)

quotes = Table(
    "quotes",
    metadata,
    _portfolio(),
    _key("number"),
    _key("place"),
    Column("venue", Text, nullable=False),
    Column("sell", _Address, nullable=False),
    Column("sell_raw", _Exact, nullable=False),
    Column("buy", _Address, nullable=False),
    Column("expected_raw", _Exact, nullable=False),
    Column("floor_raw", _Exact, nullable=False),
    Column("value", _Exact, nullable=False),
    Column("body", Text, nullable=False),
    _of_intent(),
)

landings = Table(
    "landings",
    metadata,
    _portfolio(),
    _key("turn"),
    Column("number", _Number, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("settled_at", BigInteger),
    Column("mined_at", BigInteger),
    Column("block", BigInteger),
    Column("reason", Text),
    Column("body", Text),
    Column("traded_micro", BigInteger, nullable=False),
    Column("cost_micro", BigInteger, nullable=False),
    Column("gas_gwei", BigInteger, nullable=False),
    Column("traded_share_e9", BigInteger, nullable=False),
    Column("cost_share_e9", BigInteger, nullable=False),
    Column("after_tick", _Number, nullable=False),
    UniqueConstraint("portfolio", "number", "revision"),
    _of_turn(),
    _of_intent(),
    CheckConstraint(
        "((reason IS NULL AND settled_at IS NOT NULL AND mined_at = settled_at)"
        " OR (reason IS NOT NULL AND settled_at IS NULL))"
        " AND (body IS NULL) = (mined_at IS NULL) AND (block IS NULL) = (mined_at IS NULL)",
        name="landings_settled_or_failed",
    ),
)

receipts = Table(
    "receipts",
    metadata,
    _portfolio(),
    _key("turn"),
    Column("tx", _Hash, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("block_hash", _Hash),
    Column("timestamp", BigInteger, nullable=False),
    Column("gas_used", BigInteger, nullable=False),
    _of_landing(),
)

fills = Table(
    "fills",
    metadata,
    _portfolio(),
    _key("turn"),
    _key("place"),
    Column("token", _Address, nullable=False),
    Column("raw", _Exact, nullable=False),
    _of_landing(),
)

costs = Table(
    "costs",
    metadata,
    _portfolio(),
    _key("turn"),
    Column("traded", _Exact, nullable=False),
    Column("fee", _Exact, nullable=False),
    Column("impact", _Exact, nullable=False),
    Column("shortfall", _Exact, nullable=False),
    Column("gas", _Exact, nullable=False),
    _of_turn(),
)

reopenings = Table(
    "reopenings",
    metadata,
    _portfolio(),
    _key("turn"),
    Column("number", _Number, nullable=False),
    Column("why", Text, nullable=False),
    _of_turn(),
    _of_intent(),
)

fleet = Table("fleet", metadata, Column("name", String(200), primary_key=True))

fleet_rounds = Table(
    "fleet_rounds",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("begun_at", BigInteger, nullable=False),
)

fleet_turns = Table(
    "fleet_turns",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("name", Text, nullable=False),
    Column("round", Integer, ForeignKey("fleet_rounds.number"), nullable=False),
    Column("worker", Text, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", String(40)),
    Column("detail", Text),
    Column("code", Integer),
    Index("fleet_turns_by_name", "name", "round"),
)
