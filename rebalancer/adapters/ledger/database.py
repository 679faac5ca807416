"""Opening the ledger's database: an URL in, transactions out that are on disk when they end.

SQLite runs with a write-ahead log and synchronous=FULL. No message repeats the URL: it may hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from rebalancer.adapters.ledger.driver_errors import error_by_what_is_next
from rebalancer.adapters.ledger.server import open_server
from rebalancer.core.errors import ConfigError, Halt

_BUSY_SECONDS = 5.0  # how long a second process waits for the first one's write
_LONGEST_TIMEOUT = 600
_MANY = "many"

# What starts a transaction of SQLite. A reader takes no lock; a writer takes it at once, because a transaction
# that reads and then writes could lose the race for it in between. On a server writers lock a wallet's rows
# (operators.py).
READ, WRITE = "BEGIN", "BEGIN IMMEDIATE"
# A turn of the fleet on a server (fleet.py): each question sees what was committed before it.
HELD = "BEGIN DEFERRED"
# Who makes or changes tables: of a file the only writer anyway, of a server whoever has this lock of PostgreSQL's by
# number ("ledger" in ASCII), and sees what the last one who had it has done.
ALONE = "BEGIN EXCLUSIVE"
_ALONE_ON_SERVER = "SELECT pg_advisory_xact_lock(119182731994482)"


@dataclass(frozen=True, slots=True)
class Database:
    """What is open. `server`: PostgreSQL, not a file. `shared`: many portfolios may be in it."""

    name: str
    engine: sa.Engine
    server: bool
    shared: bool

    @contextmanager
    def begin(self, how: str) -> Iterator[Connection]:
        """A transaction, of which all is on disk after the exit, or nothing. Its errors are named."""
        alone = self.server and how == ALONE
        # Under READ COMMITTED each question sees what was committed before it, not before the wait for the lock.
        committed = self.server and how != READ
        options: dict[str, str] = {"isolation_level": "READ COMMITTED"} if committed else {"begin": how}
        with (
            self._named(),
            self.engine.connect() as connection,
            connection.execution_options(**options).begin(),
        ):
            if alone:
                connection.exec_driver_sql(_ALONE_ON_SERVER)
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Halt(
                f"ledger {self.name}: the database refused a record that contradicts the others: {_said(error)}. "
                "Look whether a second keeper writes to the same ledger"
            ) from None
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            raise error_by_what_is_next(self.name, _said(error), state) from None
        except OverflowError:
            raise Halt(
                f"ledger {self.name}: a number does not fit into 64 bits. Look at the block numbers and times that the "
                "node gives: no chain has such"
            ) from None


def open_database(url: str) -> Database:
    """Nothing is connected yet. Raises ConfigError."""
    parsed = _parsed(url)
    name = _name_of(parsed)
    server = parsed.get_backend_name() != "sqlite"
    if not server:
        _check_file(parsed)
    shared = server or parsed.query.get("portfolios") == _MANY
    try:
        return Database(name, open_server(parsed) if server else _sqlite(parsed), server, shared)
    except ValueError:
        raise ConfigError(f"ledger {name}: the options after its `?` cannot be read; leave them out") from None
    except (ImportError, NoSuchModuleError):
        raise ConfigError(
            f"ledger {name}: no driver for {parsed.drivername}; use sqlite:///FILE, or postgresql+psycopg with the "
            "psycopg package installed"
        ) from None


def _said(error: DBAPIError) -> str:
    # A server's second line repeats the row that it refused: raw transactions are no words for a person.
    return str(error.orig).split("\n", 1)[0]


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
    if url.host:
        raise ConfigError("ledger: a file is on no host; expected sqlite:///FILE, with three slashes")
    _check_options(url)
    if "\0" in str(url.database):
        raise ConfigError("ledger: no file can have a name with a zero byte in it; mend its path")
    folder = Path(str(url.database)).absolute().parent
    try:
        is_there = folder.is_dir()
    except OSError as error:
        raise ConfigError(
            f"ledger {_name_of(url)}: its folder cannot be looked at ({error.strerror}); name another file"
        ) from None
    if not is_there:
        raise ConfigError(
            f"ledger {_name_of(url)}: there is no folder {_shown(str(folder))}; make it, or name another file"
        )


def _check_options(url: URL) -> None:
    if unknown := sorted(set(url.query) - {"timeout", "portfolios"}):
        raise ConfigError(
            f"ledger {_name_of(url)}: unknown option after its `?`, {unknown[0]!r}; expected `timeout` or `portfolios`"
        )
    if not _is_timeout(url.query.get("timeout", "0")):
        raise ConfigError(f"ledger {_name_of(url)}: the option `timeout` is given once, in seconds from 0 to 600")
    if url.query.get("portfolios", _MANY) != _MANY:
        raise ConfigError(f"ledger {_name_of(url)}: the option `portfolios` is {_MANY!r} or not there")


def _is_timeout(given: str | tuple[str, ...]) -> bool:
    try:
        return isinstance(given, str) and 0 <= float(given) <= _LONGEST_TIMEOUT  # false of NaN
    except ValueError:
        return False


def _sqlite(url: URL) -> sa.Engine:
    timeout = {"timeout": url.query.get("timeout", str(_BUSY_SECONDS))}
    engine = sa.create_engine(url.difference_update_query(["portfolios"]).update_query_dict(timeout))
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
