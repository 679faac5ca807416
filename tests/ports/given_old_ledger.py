"""A ledger of version 1, in a file or on a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from given_ledger import an_intent, file_url, with_access_list

from rebalancer.adapters.ledger.database import WRITE, open_database
from rebalancer.adapters.ledger.migrate import migrate

WRITTEN = (Path(__file__).parent / "ledger_of_version_1.sql").read_text()
"""By the last program of version 1: `an_intent` settled, another failed, a halt, a resume, and a third one open."""
OPEN_ONE = with_access_list(an_intent(3))
"""The third."""


def in_a_file(folder: Path) -> str:
    """Its URL."""
    with closing(sqlite3.connect(folder / "ledger.db")) as file:
        file.executescript(WRITTEN)
    return file_url(folder)


def on_a_server(folder: Path, url: str) -> str:
    """The same in an empty database there, by way of a file in `folder`; its URL."""
    in_a_file(folder)
    database = open_database(url)
    with closing(sqlite3.connect(folder / "ledger.db")) as file, database.begin(WRITE) as connection:
        migrate(connection, 0, "1")
        connection.execute(sa.text("DROP TABLE ledger_alembic"))  # which version 1 did not know
        # In the order in which they name each other.
        for table, which in (
            ("ledger_portfolio", "1"),
            ("ticks", "1"),
            *((table, f"number = {n}") for n in (1, 2, 3) for table in ("intents", "landings")),
        ):
            _copy(file, connection, table, which)
        connection.execute(sa.text("SELECT setval('ticks_id_seq', 6)"))
    database.close()
    return url


def _copy(file: sqlite3.Connection, connection: sa.Connection, table: str, which: str) -> None:
    asked = file.execute(f"SELECT * FROM {table} WHERE {which}")
    names = [column[0] for column in asked.description]
    for row in asked.fetchall():
        places = ", ".join(f":{name}" for name in names)
        connection.execute(
            sa.text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"), dict(zip(names, row, strict=True))
        )
