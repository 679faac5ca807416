"""The table of what venues have answered: with the tick that asked them, whatever became of it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from rebalancer.adapters.ledger.columns import EXACT, NUMBER, metadata

answers = Table(
    "answers",
    metadata,
    Column("tick", NUMBER, ForeignKey("ticks.id"), primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("portfolio", Integer, ForeignKey("portfolios.number"), nullable=False),
    Column("venue", Text, nullable=False),
    # JSON of [token, base units], one for each trade: what was to be sold, and what had to arrive at least; then what
    # the venue said that arrives, and what did in the simulation.
    Column("sold", Text, nullable=False),
    Column("least", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("arrived", Text, nullable=False),
    # Units, and dollars at 1e18.
    Column("gas", EXACT),
    Column("net", EXACT),
    # Why it was out of the competition. 1: it was in it. The newest of either kind is found at once.
    Column("refused", Text),
    Column("counted", Integer, nullable=False),
    Index("answers_by_venue", "portfolio", "venue", "counted", "tick"),
    CheckConstraint(
        "counted = CASE WHEN refused IS NULL THEN 1 ELSE 0 END AND (refused IS NULL) = (net IS NOT NULL)",
        name="answers_counted_or_refused",
    ),
)
