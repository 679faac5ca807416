"""One portfolio in a database: ticks, intents, landings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table("ledger_schema", sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
    op.create_table(
        "ledger_portfolio",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("chain_id", sa.BigInteger, nullable=False),
        sa.Column("wallet", sa.String(42), nullable=False),
        sa.Column("operator", sa.String(42), nullable=False),
    )
    op.create_table(
        "ticks",
        sa.Column("id", _Number, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("block", sa.BigInteger, index=True),
        sa.Column("outcome", sa.String(40), nullable=False, index=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("value", sa.String(80)),
        sa.Column("max_drift", sa.String(80)),
        sa.Column("tx", sa.String(80)),
        sa.Column("requests", sa.Integer, nullable=False),
    )
    # Each names the other, so one of them comes first without its reference.
    _intents_and_landings()
    op.execute("INSERT INTO ledger_schema (version) VALUES (1)")


def _intents_and_landings() -> None:
    metadata = sa.MetaData()
    sa.Table(
        "intents",
        metadata,
        sa.Column("number", _Number, primary_key=True, autoincrement=False),
        sa.Column("previous", _Number, sa.ForeignKey("landings.number", name="intents_previous"), unique=True),
        sa.Column("id", sa.String(80), nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("tx", sa.String(80), nullable=False, unique=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.CheckConstraint(
            "(number = 1 AND previous IS NULL) OR (previous IS NOT NULL AND previous = number - 1)",
            name="intents_in_turn",
        ),
    )
    sa.Table(
        "landings",
        metadata,
        sa.Column("number", _Number, sa.ForeignKey("intents.number", name="landings_intent"), primary_key=True),
        sa.Column("settled_at", sa.BigInteger, index=True),
        sa.Column("body", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("after_tick", _Number, nullable=False),
        sa.CheckConstraint(
            "(reason IS NULL AND settled_at IS NOT NULL AND body IS NOT NULL)"
            " OR (reason IS NOT NULL AND settled_at IS NULL AND body IS NULL)",
            name="landings_settled_or_failed",
        ),
    )
    metadata.create_all(op.get_bind())
