"""The lease of a wallet on many machines: an advisory lock of the PostgreSQL server that keeps the ledger.

It belongs to a connection of its own, so it is gone with the process, its machine or its network, whichever dies.
What it cannot see (a pooler in between that shares connections) the ledger still refuses: a second open intent.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rebalancer.adapters.lease.file import NAMELESS, own_name
from rebalancer.core.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from psycopg import Connection as Driver
    from sqlalchemy.engine import URL, Connection

PATIENCE = 10
"""Seconds in which a server must take a connection, and again in which it must give the lease or say who has it."""
_NAME_BYTES = 63
"""What PostgreSQL keeps of a name."""
_OPTIONS = {
    # The server looks whether we are still there, and gives up after half a minute: by itself it would after hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "statement_timeout": f"{PATIENCE}s",
    "lock_timeout": f"{PATIENCE}s",
}
# The same from our side, in seconds and milliseconds.
_OURS = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
# A lease is held in silence. Servers before version 14, or 12, know no such limits.
_LIMITS = """
    SELECT set_config(name, CASE name WHEN 'tcp_user_timeout' THEN '20s' ELSE '0' END, false)
    FROM pg_settings WHERE name IN ('idle_session_timeout', 'tcp_user_timeout')
"""
_TAKE = "SELECT pg_try_advisory_lock(:key)"
# A key of 64 bits stands in the table of locks as two halves. The name is empty where another role holds it.
_HOLDER = """
    SELECT a.application_name, host(a.client_addr) AS address, a.pid
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.classid::bigint << 32) | l.objid::bigint = :key
"""


class PostgresLease:
    """Plays the port `Lease`. `url` is SQLAlchemy's, `name` that of the wallet, alike for all of its keepers."""

    def __init__(self, url: str, name: str, patience: int = PATIENCE) -> None:
        self._url = url
        self._patience = patience
        self._key = key_of(name)

    @contextmanager
    def hold(self) -> Iterator[str | None]:
        with self._connected() as connection:
            holder = self._take(connection)
            yield holder
            # Closing the connection lets it go, whatever happened inside.

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        import sqlalchemy as sa
        from sqlalchemy.exc import DBAPIError
        from sqlalchemy.pool import NullPool

        url = _parsed(self._url)
        arguments = _arguments(url) | {"connect_timeout": self._patience}
        engine = sa.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=arguments)
        if engine.dialect.driver == "psycopg":
            sa.event.listen(engine, "do_connect", self._punctual)
        try:
            connection = engine.connect()
        except DBAPIError as error:
            raise _unavailable(url, error.orig) from None
        try:
            yield connection
        finally:
            # Nothing is rolled back first: where the server is gone by now, so is the lease.
            connection.invalidate()
            connection.close()

    def _punctual(self, _dialect: object, _record: object, given: list[Any], named: dict[str, Any]) -> Driver:
        """A connection that ends, should its server fall silent: no limit of the server's own ends that wait."""
        import psycopg

        class Punctual(psycopg.Connection[Any]):
            ends: float

            def wait(self, gen: Generator[Any, Any, Any], *more: Any, **limits: Any) -> Any:
                return super().wait(_until(self.ends, gen, self.close), *more, **limits)

        connection = Punctual.connect(*given, **named)
        connection.ends = time.monotonic() + self._patience
        return connection

    def _take(self, connection: Connection) -> str | None:
        import sqlalchemy as sa
        from sqlalchemy.exc import DBAPIError

        try:
            connection.execute(sa.text(_LIMITS))
            if connection.execute(sa.text(_TAKE), {"key": self._key}).scalar_one():
                return None
            row = connection.execute(sa.text(_HOLDER), {"key": self._key}).first()
        except DBAPIError as error:
            raise _unavailable(connection.engine.url, error.orig) from None
        # It may have let go in between: it was at work when we came all the same.
        return NAMELESS if row is None else _words(row.application_name, row.address, row.pid)


def key_of(name: str) -> int:
    """The lock of a wallet: 64 bits with a sign, the same on every host and in every version."""
    return int.from_bytes(hashlib.sha256(f"rebalancer lease {name}".encode()).digest()[:8], "big", signed=True)


def _words(name: str | None, address: str | None, pid: int) -> str:
    came = f", connected from {address}" if address else ""
    return f"{name or NAMELESS}{came}, backend {pid} of the database"


def _parsed(url: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The library's message repeats the URL, which may hold a password.
        raise ConfigError(
            "ledger: its URL cannot be read, expected one like postgresql+psycopg://host/database"
        ) from None


def _arguments(url: URL) -> dict[str, Any]:
    """What the connection is told about itself; the URL's own options stand before ours."""
    options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
    given = url.query.get("options", "")
    asked = given if isinstance(given, str) else " ".join(given)
    # By bytes: a host's name may hold letters of two.
    name = own_name().encode()[:_NAME_BYTES].decode(errors="ignore")
    return {
        "application_name": name,
        "options": f"{asked} {options}".strip(),
        **_OURS,
    }


def _until(ends: float, answer: Generator[Any, Any, Any], close: Callable[[], None]) -> Generator[Any, Any, Any]:
    """What the driver waits for, as long as there is time. It wakes up ten times a second, whatever comes."""
    from psycopg import OperationalError

    try:
        wanted = next(answer)
        while True:
            ready = yield wanted
            if time.monotonic() > ends:
                close()
                raise OperationalError("it has fallen silent in the middle of an answer")
            wanted = answer.send(ready)
    except StopIteration as done:
        return done.value


def _unavailable(url: URL, said: object) -> Unavailable:
    """Drivers name the server, the user and the database, never the password."""
    words = " ".join(str(said).split())[:300]
    return Unavailable(
        f"lease: PostgreSQL at {url.host or 'its socket'} does not give it: {words}. Look whether the server runs and "
        "takes connections of its own (no pooler that shares them); nothing was read or sent"
    )
