"""How the ledger's tables came to be: Alembic's environment, and a script for each version."""
