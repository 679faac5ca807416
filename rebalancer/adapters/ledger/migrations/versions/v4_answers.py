"""What venues have answered is kept. Of the ticks before nobody knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"

_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_Exact = sa.String(80)


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("tick", _Number, sa.ForeignKey("ticks.id"), primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("portfolio", sa.Integer, sa.ForeignKey("portfolios.number"), nullable=False),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("sold", sa.Text, nullable=False),
        sa.Column("least", sa.Text, nullable=False),
        sa.Column("says", sa.Text, nullable=False),
        sa.Column("arrived", sa.Text, nullable=False),
        sa.Column("gas", _Exact),
        sa.Column("net", _Exact),
        sa.Column("refused", sa.Text),
        sa.Column("counted", sa.Integer, nullable=False),
        sa.Index("answers_by_venue", "portfolio", "venue", "counted", "tick"),
        sa.CheckConstraint(
            "counted = CASE WHEN refused IS NULL THEN 1 ELSE 0 END AND (refused IS NULL) = (net IS NOT NULL)",
            name="answers_counted_or_refused",
        ),
    )
    op.execute("UPDATE ledger_schema SET version = 4")
