"""The tables of the ledger, many portfolios in one database. Rows are added and never changed,
but for the turns of the fleet, which are no record.

`turns` is the order of all that happened to a portfolio's intents, and the database itself keeps it: turn n + 1 names
turn n, and what may follow what. An intent follows a landing, a replacement an open intent, a landing an open intent,
a reopening the newest landing. So a second open intent cannot be written, nor a landing after another, and of two
keepers who write at once one is refused.
"""

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

VERSION = 3
"""Of these tables. A change of a table is a new version, and a migration."""

metadata = MetaData()

# SQLite numbers rows by itself only where the key is an INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")
# Dollars at 1e18 and base units do not fit 64 bits: decimal text. Where SQL adds up, there are micro-dollars and gwei.
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


# The first question of every version of this program: can I read this?
schema = Table("ledger_schema", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

# Where Alembic remembers the newest migration that was run.
migrations = Table("ledger_alembic", metadata, Column("version_num", String(32), primary_key=True))

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
    # What a dollar of the first tick has become, at 1e9, and JSON of [token, base units]: where the wallet was read.
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
    # Of the intent that it happened to: 1, 2, 3 …
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
    # The portfolio's newest tick at that time, 0 for none: what came before a person's `resumed`, and what after.
    Column("after_tick", _Number, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("tx", _Hash, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("portfolio", "turn"),
    UniqueConstraint("portfolio", "id"),
    UniqueConstraint("portfolio", "tx"),
    _of_turn(),
)

# Every transaction that was signed for an intent. Of all with one nonce the chain takes at most one.
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

# What an intent was decided on: one row, and one for each quote that was taken, with the trade that it is for.
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
    # 1, and one more for each time that the block it landed in was replaced.
    Column("revision", Integer, nullable=False),
    # Of a settled intent: the time of its block, and no reason. Of one that failed: why. `body` is of what was mined.
    Column("settled_at", BigInteger),
    Column("mined_at", BigInteger),
    Column("block", BigInteger),
    Column("reason", Text),
    Column("body", Text),
    Column("traded_micro", BigInteger, nullable=False),
    Column("cost_micro", BigInteger, nullable=False),
    Column("gas_gwei", BigInteger, nullable=False),
    # Shares of the portfolio that it was decided on, at 1e9.
    Column("traded_share_e9", BigInteger, nullable=False),
    Column("cost_share_e9", BigInteger, nullable=False),
    # As of an intent.
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
    # Not known of what settled under the first version of these tables.
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

# As planned, on the turn of the intent, and as measured, on the turn of a landing that was mined. Fee and impact: NULL
# where not every pool is known, or nobody measured them.
costs = Table(
    "costs",
    metadata,
    _portfolio(),
    _key("turn"),
    Column("traded", _Exact, nullable=False),
    Column("fee", _Exact),
    Column("impact", _Exact),
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

# Many portfolios by many workers (fleet.py), which is no part of the record: whoever locks a portfolio's row here has
# its turn. A turn has no end while it lasts, and for ever where its worker died. It must not name the row as its
# foreign key: to check that, the worker would wait for its own lock.
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
