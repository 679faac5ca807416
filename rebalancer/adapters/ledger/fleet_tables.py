"""The tables of many portfolios by many workers (fleet.py), which are no part of the record."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from rebalancer.adapters.ledger.columns import NUMBER, metadata

# Whoever locks a portfolio's row here has its turn. A turn has no end while it lasts, and for ever where its worker
# died. It must not name the row as its foreign key: to check that, the worker would wait for its own lock.
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
    Column("id", NUMBER, primary_key=True),
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
