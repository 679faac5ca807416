"""Opening the ledger's database: an URL in, an engine out that has on disk what it has committed.

SQLite runs with a write-ahead log and synchronous=FULL. No message repeats the URL: it may hold a password.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from rebalancer.core.errors import ConfigError, Halt, RebalancerError, Unavailable

_BUSY_SECONDS = 5.0  # how long a second process waits for the first one's write

# What starts a transaction of SQLite. A reader takes no lock; a writer takes it at once, because a transaction
# that reads and then writes could lose the race for it in between.
READ, WRITE = "BEGIN", "BEGIN IMMEDIATE"


def open_database(url: str) -> tuple[str, sa.Engine]:
    """(what to call it in messages, the engine). Nothing is connected yet. Raises ConfigError."""
    parsed = _parsed(url)
    name = _name_of(parsed)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite:
        _check_file(parsed)
    try:
        return name, _sqlite(parsed) if sqlite else sa.create_engine(parsed, isolation_level="SERIALIZABLE")
    except ValueError:
        raise ConfigError(f"ledger {name}: the options after its `?` cannot be read; leave them out") from None
    except (ImportError, NoSuchModuleError):
        raise ConfigError(
            f"ledger {name}: no driver for {parsed.drivername}; use sqlite:///FILE, or postgresql+psycopg with the "
            "psycopg package installed"
        ) from None


def error_by_what_is_next(name: str, said: str) -> RebalancerError:
    """Which error a driver's message is. `said` never holds a password: drivers do not repeat it."""
    said = " ".join(said.split())[:300]
    text = said.lower()
    if "malformed" in text or "corrupt" in text:
        return Halt(
            f"ledger {name}: the file is damaged: {said}. Keep a copy, restore it from a backup, and look on the chain "
            "for a transaction of the operator that the backup does not know"
        )
    if "locked" in text or "busy" in text or "full" in text or "connection" in text:
        return Unavailable(f"ledger {name}: cannot be used now: {said}. Free the disk, or end the other process")
    return ConfigError(f"ledger {name}: cannot be used: {said}. Expected a ledger that this account may write to")


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The library's message repeats the URL, which may hold a password.
        raise ConfigError("ledger: its URL cannot be read, expected one like sqlite:///rebalancer.db") from None


def _name_of(url: URL) -> str:
    """The database without user, password and options."""
    return f"{url.get_backend_name()} {url.host + '/' if url.host else ''}{_shown(url.database or 'in memory')}"


def _shown(place: str) -> str:
    """A file's or a database's name. What stands before an @ may be the password of an URL without its scheme."""
    _, at, rest = place.rpartition("@")
    return f"***@{rest}" if at else place


def _check_file(url: URL) -> None:
    if url.database in (None, "", ":memory:"):
        raise ConfigError("ledger: a database in memory forgets what was sent, expected sqlite:///FILE")
    if unknown := sorted(set(url.query) - {"timeout"}):
        raise ConfigError(f"ledger {_name_of(url)}: unknown option after its `?`, {unknown[0]!r}; expected `timeout`")
    if "\0" in str(url.database):
        raise ConfigError("ledger: no file can have a name with a zero byte in it; mend its path")
    folder = Path(str(url.database)).resolve().parent
    if not folder.is_dir():
        raise ConfigError(
            f"ledger {_name_of(url)}: there is no folder {_shown(str(folder))}; make it, or name another file"
        )


def _sqlite(url: URL) -> sa.Engine:
    engine = sa.create_engine(url.update_query_dict({"timeout": url.query.get("timeout", str(_BUSY_SECONDS))}))
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transactions start too late (not before a SELECT, not before DDL): we start them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", READ))
