"""What the ledger's tables are made of: the register of them all, the kinds of their columns, and what each names."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, ForeignKeyConstraint, Integer, MetaData, String

metadata = MetaData()
"""Of every table that was imported: `schema` imports them all."""

# SQLite numbers rows by itself only where the key is an INTEGER.
NUMBER = BigInteger().with_variant(Integer, "sqlite")
# Dollars at 1e18 and base units do not fit 64 bits: decimal text. Where SQL adds up, there are micro-dollars and gwei.
EXACT = String(80)
HASH = String(80)
ADDRESS = String(42)


def of_portfolio() -> Column[int]:
    return Column("portfolio", Integer, ForeignKey("portfolios.number"), primary_key=True, autoincrement=False)


def key(name: str) -> Column[int]:
    return Column(name, NUMBER, primary_key=True, autoincrement=False)


def of_turn() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio", "turn"], ["turns.portfolio", "turns.turn"])


def of_intent() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio", "number"], ["intents.portfolio", "intents.number"])


def of_landing() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio", "turn"], ["landings.portfolio", "landings.turn"])
