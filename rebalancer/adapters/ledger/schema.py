"""The tables of the ledger, many portfolios in one database. Rows are added and never changed,
but for the turns of the fleet, which are no record.

Here is what all else names: the version, the portfolios and their ticks. The rest is in files by its subject.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from rebalancer.adapters.ledger import answer_table, fleet_tables, turn_tables
from rebalancer.adapters.ledger.columns import ADDRESS, EXACT, HASH, NUMBER
from rebalancer.adapters.ledger.columns import metadata as metadata

VERSION = 5
"""Of these tables. A change of a table is a new version, and a migration."""

PARTS = (turn_tables, answer_table, fleet_tables)
"""Imported, so that `metadata` has their tables."""

# The first question of every version of this program: can I read this?
schema = Table("ledger_schema", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

# Where Alembic remembers the newest migration that was run.
migrations = Table("ledger_alembic", metadata, Column("version_num", String(32), primary_key=True))

portfolios = Table(
    "portfolios",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("wallet", ADDRESS, nullable=False),
    Column("operator", ADDRESS, nullable=False),
    UniqueConstraint("chain_id", "wallet", "operator"),
)

ticks = Table(
    "ticks",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("portfolio", Integer, ForeignKey("portfolios.number"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("block", BigInteger),
    Column("outcome", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("value", EXACT),
    Column("max_drift", EXACT),
    Column("tx", HASH),
    Column("requests", Integer, nullable=False),
    # What a dollar of the first tick has become, at 1e9, and JSON of [token, base units]: where the wallet was read.
    Column("index_e9", BigInteger),
    Column("holdings", Text),
    # Since when what waits for the trend is called for.
    Column("called_since", BigInteger),
    Index("ticks_in_turn", "portfolio", "id"),
    Index("ticks_by_outcome", "portfolio", "outcome", "id"),
    Index("ticks_by_block", "portfolio", "block"),
    Index("ticks_by_time", "portfolio", "at"),
)
