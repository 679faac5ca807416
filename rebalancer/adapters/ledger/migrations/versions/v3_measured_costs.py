"""Fee and impact of a cost may be unknown.

Of what has settled before they were copied from what was expected. Nobody had measured them, and so they are not known.
A batch that failed went through no pool: its zeros are known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"

_Exact = sa.String(80)


def upgrade() -> None:
    # SQLite changes no column: the table is made anew, and its rows are copied.
    with op.batch_alter_table("costs") as costs:
        for part in ("fee", "impact"):
            costs.alter_column(part, existing_type=_Exact, nullable=True)
    op.execute(
        "UPDATE costs SET fee = NULL, impact = NULL WHERE EXISTS (SELECT 1 FROM landings"
        " WHERE landings.portfolio = costs.portfolio AND landings.turn = costs.turn AND settled_at IS NOT NULL)"
    )
    op.execute("UPDATE ledger_schema SET version = 3")
