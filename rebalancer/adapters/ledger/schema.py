"""The tables of the ledger. Rows are added and never changed.

Intents are numbered from 1, and an intent names the landing of the one before it. So the database itself
refuses a second open intent: number n + 1 cannot be written before number n has landed, and number n
cannot be written twice.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, MetaData, String, Table, Text

VERSION = 1
"""Of these tables. A change of a table is a new version, and a migration."""

metadata = MetaData()

# SQLite numbers rows by itself only where the key is an INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

schema = Table("ledger_schema", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

# One row: the portfolio whose memory this is. Where many share a database, the other tables will name its number.
portfolio = Table(
    "ledger_portfolio",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("wallet", String(42), nullable=False),
    Column("operator", String(42), nullable=False),
)

ticks = Table(
    "ticks",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("block", BigInteger, index=True),
    Column("outcome", String(40), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    # Dollars and weights at 1e18 do not fit 64 bits: decimal text.
    Column("value", String(80)),
    Column("max_drift", String(80)),
    Column("tx", String(80)),
    Column("requests", Integer, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("previous", _Number, ForeignKey("landings.number", name="intents_previous"), unique=True),
    Column("id", String(80), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("tx", String(80), nullable=False, unique=True),
    Column("body", Text, nullable=False),
    CheckConstraint(
        "(number = 1 AND previous IS NULL) OR (previous IS NOT NULL AND previous = number - 1)", name="intents_in_turn"
    ),
)

landings = Table(
    "landings",
    metadata,
    Column("number", _Number, ForeignKey("intents.number", name="landings_intent"), primary_key=True),
    # Of a settled intent: the time of its block, what it did, and no reason. Of a failed one: the reason only.
    Column("settled_at", BigInteger, index=True),
    Column("body", Text),
    Column("reason", Text),
    # The newest row of ticks at that time, 0 for none: what came before a person's `resumed`, and what after.
    Column("after_tick", _Number, nullable=False),
    CheckConstraint(
        "(reason IS NULL AND settled_at IS NOT NULL AND body IS NOT NULL)"
        " OR (reason IS NOT NULL AND settled_at IS NULL AND body IS NULL)",
        name="landings_settled_or_failed",
    ),
)
