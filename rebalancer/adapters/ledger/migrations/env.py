"""Run by Alembic before its scripts: on the connection, and in the transaction, of who opens the ledger."""

from __future__ import annotations

from alembic import context

from rebalancer.adapters.ledger.schema import metadata, migrations

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=migrations.name
)
with context.begin_transaction():
    context.run_migrations()
