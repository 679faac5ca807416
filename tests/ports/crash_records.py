"""What a ledger says of its one portfolio, asked behind the program's back and without changing a byte of it.

A file is opened read-only: who comes first after a kill is to be the keeper, and mends what there is to mend.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

ATTEMPTS = "SELECT number, attempt, purpose, at, nonce, hash FROM attempts ORDER BY number, attempt"
LANDINGS = """
    SELECT l.number, l.turn, l.revision, l.reason, r.tx, r.block, r.block_hash, r.gas_used
    FROM landings l LEFT JOIN receipts r ON r.turn = l.turn
    WHERE l.revision = (SELECT max(m.revision) FROM landings m WHERE m.number = l.number) ORDER BY l.number
"""
"""The newest of each intent."""
NEWEST_TURN = "SELECT number, kind FROM turns ORDER BY turn DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A transaction that was signed for an intent."""

    number: int
    purpose: str
    at: int
    nonce: int
    hash: str


@dataclass(frozen=True, slots=True)
class Open:
    """The intent that has not landed."""

    number: int
    deadline: int
    attempts: tuple[Attempt, ...]

    @property
    def newest(self) -> Attempt:
        return self.attempts[-1]


@dataclass(frozen=True, slots=True)
class Landed:
    """How an intent ended, as the ledger has it. Without `tx` it was never mined; without `reason` it settled."""

    number: int
    turn: int
    revision: int
    reason: str | None
    tx: str | None
    block: int | None
    block_hash: str | None
    gas_used: int | None

    @property
    def settled(self) -> bool:
        return self.reason is None


class Records:
    """Of the database at an URL. Where there is none yet, it says nothing."""

    def __init__(self, url: str) -> None:
        prefix = "sqlite:///"
        if url.startswith(prefix):
            where = f"file:{url.removeprefix(prefix)}?mode=ro"
            self._engine = sa.create_engine(
                "sqlite://", creator=lambda: sqlite3.connect(where, uri=True), poolclass=sa.pool.NullPool
            )
        else:
            self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool)

    def close(self) -> None:
        self._engine.dispose()

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(sa.text(question))]
        except DBAPIError as error:
            said = str(error.orig).lower()
            if "no such table" in said or "unable to open" in said or "does not exist" in said:
                return []
            raise

    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(
            Attempt(number, purpose, at, nonce, hash_) for number, _, purpose, at, nonce, hash_ in self.rows(ATTEMPTS)
        )

    def landed(self) -> tuple[Landed, ...]:
        return tuple(Landed(*row) for row in self.rows(LANDINGS))

    def open_intent(self) -> Open | None:
        newest = self.rows(NEWEST_TURN)
        if not newest or newest[0][1] == "landing":
            return None
        number = newest[0][0]
        ((deadline,),) = self.rows(f"SELECT deadline FROM intents WHERE number = {number}")
        return Open(number, deadline, tuple(each for each in self.attempts() if each.number == number))

    def fills(self, turn: int) -> dict[str, int]:
        """Signed base units by token, in lower case."""
        return {
            str(token).lower(): int(raw)
            for token, raw in self.rows(f"SELECT token, raw FROM fills WHERE turn = {turn}")
        }

    def whole(self) -> bool:
        """Whether the file is as SQLite wants it. A server looks after itself."""
        return self._engine.dialect.name != "sqlite" or self.rows("PRAGMA integrity_check") == [("ok",)]
