"""The SQLite ledger as an idle tick sees it: no intent is open, one row is added. No SQLAlchemy.

SQLAlchemy costs a cold process a quarter of a second, a third of all that an idle tick takes. So the two
questions that a tick which holds asks are asked by the standard library here, on the same tables; whatever else
there is (an open intent, a new file, another version, an error to be named) is SqlLedger's, which is imported then.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rebalancer.adapters.ledger.words import HALTED, RESUMED, Identity
from rebalancer.core.model import Intent, Past, Settlement, TickRecord

if TYPE_CHECKING:
    from rebalancer.adapters.ledger.sql import SqlLedger

VERSION = 1
"""Of the tables: the one in schema.py, which this file must not import. A test compares them."""

_BUSY_SECONDS = 5.0
_PREFIX = "sqlite:///"

_WHOSE = "SELECT version, chain_id, wallet, operator FROM ledger_schema, ledger_portfolio"
_LAST_INTENT = """
    SELECT landings.number FROM intents LEFT JOIN landings ON landings.number = intents.number
    ORDER BY intents.number DESC LIMIT 1
"""
_LAST_MARK = "SELECT outcome, detail FROM ticks WHERE outcome IN (?, ?) ORDER BY id DESC LIMIT 1"
_LAST_BLOCK = "SELECT MAX(block) FROM ticks WHERE id > (SELECT COALESCE(MAX(id), 0) FROM ticks WHERE outcome = ?)"
_FAILURES = """
    SELECT COUNT(*) FROM landings
    WHERE number > (SELECT COALESCE(MAX(number), 0) FROM landings WHERE settled_at IS NOT NULL)
    AND after_tick >= (SELECT COALESCE(MAX(id), 0) FROM ticks WHERE outcome = ?)
"""
_ADD_TICK = """
    INSERT INTO ticks (at, block, outcome, detail, value, max_drift, tx, requests) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


class IdleLedger:
    """Plays the port `Ledger` on the database of SqlLedger. `url` is SQLAlchemy's, of SQLite or any other."""

    def __init__(self, url: str, identity: Identity) -> None:
        self._url = url
        self._identity = identity
        self._whole: SqlLedger | None = None
        self._connection = _open(url, identity)
        if self._connection is None:
            self._all()

    def read(self) -> Past:
        if self._connection is not None:
            try:
                past = _past(self._connection)
            except sqlite3.Error:
                # Asked again of SqlLedger, which gives the error its name.
                past = None
            if past is not None:
                return past
        return self._all().read()

    def record_tick(self, record: TickRecord) -> None:
        if self._connection is not None:
            try:
                self._connection.execute(_ADD_TICK, _row(record))
                return
            except (sqlite3.Error, OverflowError):
                pass  # nothing was added; SqlLedger tries again, and gives the error its name
        self._all().record_tick(record)

    def record_intent(self, intent: Intent) -> None:
        self._all().record_intent(intent)

    def record_landing(self, intent: Intent, result: Settlement | str) -> None:
        self._all().record_landing(intent, result)

    def history(self, count: int) -> tuple[TickRecord, ...]:
        return self._all().history(count)

    def close(self) -> None:
        """Let go of the file. Nothing recorded is lost without it."""
        if self._connection is not None:
            self._connection.close()
        if self._whole is not None:
            self._whole.close()

    def _all(self) -> SqlLedger:
        if self._whole is None:
            from rebalancer.adapters.ledger.sql import SqlLedger

            self._whole = SqlLedger(self._url, self._identity)
        return self._whole


def _open(url: str, identity: Identity) -> sqlite3.Connection | None:
    """A connection to the portfolio's ledger, or None: SqlLedger makes it, or says what is wrong with it."""
    if not url.startswith(_PREFIX) or "?" in url:
        return None
    path = unquote(url.removeprefix(_PREFIX))
    connection = None
    try:
        # Read and write, but never create: an empty file has no tables.
        connection = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, timeout=_BUSY_SECONDS)
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=FULL")
        expected = (VERSION, identity.chain_id, identity.wallet, identity.operator)
        if connection.execute(_WHOSE).fetchall() == [expected]:
            return connection
    except (sqlite3.Error, ValueError):
        pass  # ValueError: no file can have that name
    if connection is not None:
        connection.close()
    return None


def _quoted(path: str) -> str:
    """As SQLite's URI file names want it."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _past(connection: sqlite3.Connection) -> Past | None:
    """None where an intent is open, which only SqlLedger reads."""
    connection.execute("BEGIN")  # one state of the database for all questions
    try:
        intent = connection.execute(_LAST_INTENT).fetchone()
        if intent is not None and intent[0] is None:
            return None
        (settled_at,) = connection.execute("SELECT MAX(settled_at) FROM landings").fetchone()
        (block,) = connection.execute(_LAST_BLOCK, (RESUMED,)).fetchone()
        mark = connection.execute(_LAST_MARK, (HALTED, RESUMED)).fetchone()
        (failures,) = connection.execute(_FAILURES, (RESUMED,)).fetchone()
    finally:
        connection.execute("COMMIT")
    halted = mark[1] if mark is not None and mark[0] == HALTED else None
    return Past(None, settled_at, halted, block or 0, failures)


def _row(record: TickRecord) -> tuple[int | str | None, ...]:
    # Dollars and weights at 1e18 do not fit 64 bits: decimal text, as schema.py says.
    value = None if record.value is None else str(record.value)
    drift = None if record.max_drift is None else str(record.max_drift)
    return (record.at, record.block, record.outcome, record.detail, value, drift, record.tx, record.requests)
