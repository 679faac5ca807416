"""The queue of many portfolios on any number of hosts: rows of the ledger's PostgreSQL, which workers lock.

A lock belongs to a transaction that lasts as long as the turn, so it is gone with the worker, its machine or its
network. All that is written goes through a connection of its own, and is on disk before the lock is let go. That a
wallet is acted on by one keeper at a time does not rest on this: each tick takes the wallet's lease besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rebalancer.adapters.ledger.database import ALONE, HELD, WRITE, open_database
from rebalancer.adapters.ledger.opening import bring_up
from rebalancer.adapters.ledger.words import this_worker
from rebalancer.core.errors import Unavailable
from rebalancer.fleet import Ended, Turn

TOGETHER = 60
"""Seconds, by the server's clock, in which hosts that start are of one round: their cron means the same minute."""

# A turn is held in silence, and the server looks whether the worker's machine is still there, as for a lease.
_SETTINGS = """
    SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('tcp_keepalives_idle', '10', true),
    set_config('tcp_keepalives_interval', '5', true), set_config('tcp_keepalives_count', '4', true)
"""
_NOW = "EXTRACT(EPOCH FROM clock_timestamp())::bigint"
_ENTER = "INSERT INTO fleet (name) SELECT unnest(CAST(:names AS text[])) ON CONFLICT DO NOTHING"
_NEWEST = f"SELECT number, {_NOW} - begun_at AS age FROM fleet_rounds ORDER BY number DESC LIMIT 1"
_BEGIN = f"INSERT INTO fleet_rounds (number, begun_at) VALUES (:round, {_NOW})"
# Those first at which no worker has died, and of them the one that has waited longest.
_FREE = """
    SELECT name FROM fleet
    WHERE name = ANY(CAST(:names AS text[])) AND NOT EXISTS (
        SELECT 1 FROM fleet_turns AS t WHERE t.name = fleet.name AND t.round >= :round AND t.outcome IS NOT NULL)
    ORDER BY (SELECT count(*) FROM fleet_turns AS t WHERE t.name = fleet.name AND t.round >= :round),
        (SELECT max(id) FROM fleet_turns AS t WHERE t.name = fleet.name) NULLS FIRST, name
    LIMIT 1 FOR UPDATE OF fleet SKIP LOCKED
"""
_SEEN = """
    SELECT count(outcome) AS ended, count(*) - count(outcome) AS died FROM fleet_turns
    WHERE name = :name AND round >= :round
"""
# A later round may have begun since: what is done now is done in that one too.
_TAKE = f"""
    INSERT INTO fleet_turns (name, round, worker, taken_at)
    SELECT :name, max(number), :worker, {_NOW} FROM fleet_rounds RETURNING id
"""
_END = f"""
    UPDATE fleet_turns SET ended_at = {_NOW}, outcome = :outcome, detail = :detail, code = :code WHERE id = :id
"""
_REFUSE = f"""
    INSERT INTO fleet_turns (name, round, worker, taken_at, ended_at, outcome, detail, code)
    VALUES (:name, :round, :worker, {_NOW}, {_NOW}, :outcome, :detail, :code)
"""
_ENDED = """
    SELECT DISTINCT ON (name) name, outcome, detail, code, worker FROM fleet_turns
    WHERE name = ANY(CAST(:names AS text[])) AND round >= :round AND outcome IS NOT NULL ORDER BY name, id DESC
"""
_NOT_HELD = "SELECT name FROM fleet WHERE name = ANY(CAST(:names AS text[])) FOR UPDATE SKIP LOCKED"
_LAST_WORKERS = """
    SELECT DISTINCT ON (name) name, worker FROM fleet_turns
    WHERE name = ANY(CAST(:names AS text[])) ORDER BY name, id DESC
"""


class ServerQueue:
    """Plays the port `Queue`. `url` is SQLAlchemy's, of the PostgreSQL that keeps the ledger of all portfolios."""

    def __init__(self, url: str) -> None:
        self._database = open_database(url)

    def join(self, names: Sequence[str]) -> int:
        with self._database.begin(ALONE) as connection:
            bring_up(self._database, connection)
            _execute(connection, _ENTER, names=list(names))
            newest = _execute(connection, _NEWEST).first()
            if newest is not None and newest.age < TOGETHER and set(names) - set(_ended(connection, newest[0], names)):
                return int(newest.number)
            number = 1 if newest is None else int(newest.number) + 1
            _execute(connection, _BEGIN, round=number)
            return number

    @contextmanager
    def take(self, number: int, names: Sequence[str]) -> Iterator[Turn | None]:
        turn: _Turn | None = None
        try:
            with self._database.begin(HELD) as connection:
                _execute(connection, _SETTINGS)
                turn = self._taken(connection, number, names)
                yield turn
        except Unavailable:
            # The lock was lost with its connection. What the turn came to is on record all the same.
            if turn is None or not turn.over:
                raise

    def refuse(self, number: int, name: str, ended: Ended) -> None:
        with self._database.begin(WRITE) as connection:
            _execute(connection, _REFUSE, name=name, round=number, worker=this_worker(), **_fields(ended))

    def ended(self, number: int, names: Sequence[str]) -> Mapping[str, Ended]:
        with self._database.begin(WRITE) as connection:
            return _ended(connection, number, names)

    def holders(self, number: int, names: Sequence[str]) -> Mapping[str, str]:
        with self._database.begin(HELD) as connection:
            free = set(_execute(connection, _NOT_HELD, names=list(names)).scalars())
        with self._database.begin(WRITE) as connection:
            last = {row.name: str(row.worker) for row in _execute(connection, _LAST_WORKERS, names=list(names))}
        return {name: last.get(name, "a worker that has just begun") for name in names if name not in free}

    def close(self) -> None:
        self._database.close()

    def write(self, statement: str, **values: Any) -> Any:
        """A statement that is on disk when this returns; what it gives back."""
        with self._database.begin(WRITE) as connection:
            result = _execute(connection, statement, **values)
            return result.scalar() if result.returns_rows else None

    def _taken(self, connection: Connection, number: int, names: Sequence[str]) -> _Turn | None:
        while True:
            mark = connection.begin_nested()
            name = _execute(connection, _FREE, names=list(names), round=number).scalar()
            if name is None:
                mark.commit()
                return None
            # Asked again, now that the lock is ours: it may have been done after the question before was begun.
            seen = _execute(connection, _SEEN, name=name, round=number).one()
            if not seen.ended:
                return _Turn(self, self.write(_TAKE, name=name, worker=this_worker()), name, seen.died + 1)
            mark.rollback()  # which lets the lock go


class _Turn:
    """Plays `Turn`."""

    def __init__(self, queue: ServerQueue, number: int, name: str, tries: int) -> None:
        self.name, self.tries, self.over = name, tries, False
        self._queue, self._number = queue, number

    def end(self, ended: Ended) -> None:
        self._queue.write(_END, id=self._number, **_fields(ended))
        self.over = True


def _execute(connection: Connection, statement: str, **values: Any) -> sa.CursorResult[Any]:
    return connection.execute(sa.text(statement), values)


def _ended(connection: Connection, number: int, names: Sequence[str]) -> dict[str, Ended]:
    rows = _execute(connection, _ENDED, names=list(names), round=number)
    return {row.name: Ended(row.outcome, row.detail, row.code, row.worker) for row in rows}


def _fields(ended: Ended) -> dict[str, str | int]:
    return {"outcome": ended.outcome, "detail": ended.detail, "code": ended.code}
