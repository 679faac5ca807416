"""A tick remembers since when what waits for the trend is called for. In those before nothing has waited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    op.add_column("ticks", sa.Column("called_since", sa.BigInteger))
    op.execute("UPDATE ledger_schema SET version = 5")
