"""Connections to a PostgreSQL that end, whatever becomes of the server: an URL in, SQLAlchemy's engine out.

A server that dies is noticed by the network, and one that freezes is not: it keeps its connections, and says nothing.
No limit of the server's own helps then, and a socket of this machine knows no keepalive. So who waits looks at the
clock besides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

if TYPE_CHECKING:
    from psycopg import Connection as Driver

CONNECT_SECONDS = 10  # for a server to answer
SILENT_SECONDS = 15
"""Without a sign of a server that was asked something. More than it takes itself until it gives a question up."""

# Of our end: a machine that is gone is noticed after 25 seconds without a word, and 20 with one on the way.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# Of the server's. What has been committed is on its disk, whatever its default; no question waits for another keeper
# longer than a tick can; and a keeper that is stopped or gone in the middle stands in nobody's way for long.
SETTINGS = """
    SELECT set_config('lock_timeout', '10s', false), set_config('statement_timeout', '12s', false),
    set_config('idle_in_transaction_session_timeout', '30s', false), set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false),
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""


def open_server(url: URL) -> sa.Engine:
    """Nothing is connected yet. What the URL says of a connection goes before what is said here."""
    ours: dict[str, int] = {}
    if url.get_backend_name() == "postgresql":
        ours = {"connect_timeout": CONNECT_SECONDS, **_KEEPALIVES}
    asked = {name: value for name, value in ours.items() if name not in url.query}
    # One state of the database for all questions of a reader. Writers ask one after the other (operators.py).
    engine = sa.create_engine(url, isolation_level="REPEATABLE READ", pool_pre_ping=True, connect_args=asked)
    if engine.dialect.driver == "psycopg":
        sa.event.listen(engine, "do_connect", _impatient)
    sa.event.listen(engine, "connect", _set_up)
    return engine


def until_silent(
    answer: Generator[Any, Any, Any], seconds: float, close: Callable[[], None]
) -> Generator[Any, Any, Any]:
    """What the driver waits for, until nothing has come for so long. It wakes up ten times a second by itself."""
    from psycopg import OperationalError
    from psycopg.waiting import Ready

    try:
        wanted, heard = next(answer), time.monotonic()
        while True:
            ready = yield wanted
            if ready & Ready.R:
                heard = time.monotonic()
            elif time.monotonic() - heard > seconds:
                close()
                raise OperationalError(f"the server has fallen silent: no answer within {seconds:g} s, timeout")
            wanted = answer.send(ready)
    except StopIteration as done:
        return done.value


def _impatient(_dialect: object, _record: object, given: list[Any], named: dict[str, Any]) -> Driver[Any]:
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, Any], *more: Any, **limits: Any) -> Any:
            return super().wait(until_silent(gen, SILENT_SECONDS, self.close), *more, **limits)

    return Impatient.connect(*given, **named)


def _set_up(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(SETTINGS)
    cursor.close()
    connection.commit()
