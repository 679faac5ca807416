"""The SQLite ledger as an idle tick sees it: the past is read, one row is added. No SQLAlchemy.

SQLAlchemy costs a cold process a quarter of a second, a third of all that an idle tick takes. So what a tick which
holds asks is asked by the standard library here, with the same questions on the same tables (reading.py); whatever
else there is (an intent to record, a new file, another version, an error to be named) is SqlLedger's, which is
imported then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rebalancer.adapters.ledger.answer_rows import read_heard
from rebalancer.adapters.ledger.reading import read_past, read_rebalances, read_ticks
from rebalancer.adapters.ledger.running import read_run
from rebalancer.adapters.ledger.tick_rows import row_of
from rebalancer.adapters.ledger.words import Identity
from rebalancer.core.model import (
    Answer,
    Basis,
    Failure,
    Heard,
    Horizon,
    Intent,
    Past,
    Rebalance,
    Replacement,
    Run,
    Settlement,
    TickRecord,
)

if TYPE_CHECKING:
    from rebalancer.adapters.ledger.sql import SqlLedger

VERSION = 5
"""Of the tables: the one in schema.py, which this file must not import. A test compares them."""

_BUSY_SECONDS = 5.0
_PREFIX = "sqlite:///"

_OF_THIS_VERSION = f"WHERE EXISTS (SELECT 1 FROM ledger_schema WHERE version = {VERSION})"
_WHOSE = """
    SELECT portfolios.number FROM ledger_schema, portfolios
    WHERE ledger_schema.version = ? AND portfolios.chain_id = ? AND portfolios.wallet = ? AND portfolios.operator = ?
    AND NOT EXISTS (
        SELECT 1 FROM portfolios AS later WHERE later.number > portfolios.number
        AND later.chain_id = portfolios.chain_id AND later.wallet = portfolios.wallet
        AND EXISTS (SELECT 1 FROM turns WHERE turns.portfolio = later.number)
    )
"""


class IdleLedger:
    """Plays the port `Ledger` on the database of SqlLedger. `url` is SQLAlchemy's, of SQLite or any other."""

    def __init__(self, url: str, identity: Identity) -> None:
        self._url = url
        self._identity = identity
        self._whole: SqlLedger | None = None
        self._portfolio = 0
        self._connection = self._open()
        if self._connection is None:
            self._all()

    def read(self, horizon: Horizon) -> Past:
        if self._connection is not None:
            try:
                self._connection.execute("BEGIN")  # one state of the database for all questions
                try:
                    return read_past(self._ask, self._portfolio, horizon)
                finally:
                    self._connection.execute("COMMIT")
            except (sqlite3.Error, OverflowError):
                pass  # asked again of SqlLedger, which gives the error its name
        return self._all().read(horizon)

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        # Who has asked venues is not idle.
        if self._connection is not None and not answers:
            row = row_of(self._portfolio, record)
            try:
                values = f"SELECT {', '.join(f':{name}' for name in row)} {_OF_THIS_VERSION}"
                if self._connection.execute(f"INSERT INTO ticks ({', '.join(row)}) {values}", row).rowcount:
                    return
            except (sqlite3.Error, OverflowError):
                pass  # nothing was added; SqlLedger tries again, and gives the error its name
        self._all().record_tick(record, answers)

    def history(self, count: int) -> tuple[TickRecord, ...]:
        if self._connection is not None:
            try:
                return read_ticks(self._ask, self._portfolio, count)
            except sqlite3.Error:
                pass  # as above
        return self._all().history(count)

    def ran(self) -> Run | None:
        if self._connection is not None:
            try:
                return read_run(self._ask, self._portfolio)
            except sqlite3.Error:
                pass  # as above
        return self._all().ran()

    def rebalances(self, count: int) -> tuple[Rebalance, ...]:
        if self._connection is not None:
            try:
                return read_rebalances(self._ask, self._portfolio, count)
            except sqlite3.Error:
                pass  # as above
        return self._all().rebalances(count)

    def heard(self, venues: Sequence[str]) -> tuple[Heard, ...]:
        if self._connection is not None:
            try:
                return read_heard(self._ask, self._portfolio, venues)
            except sqlite3.Error:
                pass  # as above
        return self._all().heard(venues)

    def ended_outside(self, after: int) -> tuple[tuple[Intent, Settlement | Failure], ...]:
        return self._all().ended_outside(after)  # who asks venues is not idle

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        self._all().record_intent(intent, basis)

    def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
        return self._all().record_replacement(intent, replacement)

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        self._all().record_landing(intent, result)

    def record_reopened(self, intent: Intent, why: str) -> None:
        self._all().record_reopened(intent, why)

    def record_resumed(self, record: TickRecord, halted: str) -> None:
        self._all().record_resumed(record, halted)

    def close(self) -> None:
        """Let go of the file. Nothing recorded is lost without it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._whole is not None:
            self._whole.close()

    def _ask(self, question: str, parameters: Mapping[str, int | str]) -> Sequence[Sequence[Any]]:
        assert self._connection is not None, "only an open file is asked"
        return self._connection.execute(question, dict(parameters)).fetchall()

    def _all(self) -> SqlLedger:
        if self._whole is None:
            from rebalancer.adapters.ledger.sql import SqlLedger

            self._whole = SqlLedger(self._url, self._identity)
        return self._whole

    def _open(self) -> sqlite3.Connection | None:
        """A connection to the portfolio's ledger, or None: SqlLedger makes it, or says what is wrong with it."""
        if not self._url.startswith(_PREFIX) or "?" in self._url:
            return None
        path = unquote(self._url.removeprefix(_PREFIX))
        connection, identity = None, self._identity
        try:
            # Read and write, but never create: an empty file has no tables.
            connection = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, timeout=_BUSY_SECONDS)
            connection.isolation_level = None
            connection.execute("PRAGMA synchronous=FULL")
            expected = (VERSION, identity.chain_id, identity.wallet, identity.operator)
            rows = connection.execute(_WHOSE, expected).fetchall()
            if rows:
                self._portfolio = rows[0][0]
                return connection
        except (sqlite3.Error, ValueError):
            pass  # ValueError: no file can have that name
        if connection is not None:
            connection.close()
        return None


def _quoted(path: str) -> str:
    """As SQLite's URI file names want it."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
