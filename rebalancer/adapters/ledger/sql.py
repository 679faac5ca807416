"""The ledger in a database: SQLite in a file by default, PostgreSQL where the URL says so. Many portfolios in one.

Only SQLAlchemy's core is used. Rows are added and never changed; that two keepers cannot contradict each other is the
tables' own (schema.py), and what is checked here first is checked for the sake of the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rebalancer.adapters.ledger import answer_rows
from rebalancer.adapters.ledger.answer_table import answers as answer_table
from rebalancer.adapters.ledger.database import READ, WRITE, open_database
from rebalancer.adapters.ledger.opening import check_version, find_portfolio, join, number_of
from rebalancer.adapters.ledger.operators import asker, check_may_act, check_not_replaced, lock_wallet
from rebalancer.adapters.ledger.reading import read_ended_outside, read_past, read_rebalances, read_ticks
from rebalancer.adapters.ledger.rows import Rows, rows_of_intent, rows_of_landing, rows_of_replacement
from rebalancer.adapters.ledger.running import read_run
from rebalancer.adapters.ledger.schema import ticks
from rebalancer.adapters.ledger.standing import newest_turn, read_intent, result_of, standing_halt
from rebalancer.adapters.ledger.tick_rows import row_of
from rebalancer.adapters.ledger.turn_tables import intents, landings, reopenings, turns
from rebalancer.adapters.ledger.words import (
    Identity,
    another_is_open,
    another_was_quicker,
    landed_otherwise,
    not_recorded,
    not_reopenable,
    not_replaceable,
    not_the_halt,
    not_the_newest,
    same_landing,
    why_not_replaceable,
)
from rebalancer.core.errors import Halt
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

LANDING = "landing"


class SqlLedger:
    """Opened; created where there is none, and brought to this version where it is older.

    `url` is SQLAlchemy's: sqlite:///relative.db, sqlite:////absolute.db, postgresql+psycopg://… Raises ConfigError,
    Halt, Unavailable, as does every method.
    """

    def __init__(self, url: str, identity: Identity) -> None:
        self._database, self._identity = open_database(url), identity
        self._portfolio = find_portfolio(self._database, identity)

    def read(self, horizon: Horizon) -> Past:
        with self._reading() as connection:
            return read_past(asker(connection), self._portfolio, horizon)

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        with self._acting() as connection:
            check_may_act(self._database, connection, self._identity, self._portfolio)
            self._check_not_halted(connection)
            last = self._last(connection)
            if last is not None and last[0] != LANDING:
                known = self._intent(connection, last[1])
                raise another_is_open(known.id, known.commitment.hash, intent)
            number = 1 if last is None else last[1] + 1
            turn = self._turn(connection, "intent", number)
            place = {"number": number, "turn": turn, "after_tick": self._newest_tick(connection)}
            self._add(connection, rows_of_intent(intent, basis, place))

    def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
        with self._acting() as connection:
            self._check_not_replaced(connection)
            self._check_not_halted(connection)
            last = self._last(connection)
            known = None if last is None or last[0] == LANDING else self._intent(connection, last[1])
            if last is None or known is None or known.id != intent.id:
                if self._number(connection, intent) is not None:
                    raise another_was_quicker(intent, "it has landed by now")
                raise not_replaceable(intent, replacement, "the intent is not open")
            if known.signed != intent.signed:
                raise not_the_newest(intent, replacement, known)
            if (why := why_not_replaceable(known, replacement)) is not None:
                raise not_replaceable(intent, replacement, why)
            turn = self._turn(connection, "replacement", last[1])
            self._add(connection, rows_of_replacement(intent, replacement, last[1], turn))
            return self._intent(connection, last[1])

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        with self._acting() as connection:
            number = self._number(connection, intent)
            if number is None:
                raise not_recorded(intent)
            last = self._last(connection)
            if last is not None and last[1] == number and last[0] != LANDING:
                place = {
                    "number": number,
                    "turn": self._turn(connection, LANDING, number),
                    "revision": self._count(connection, landings, number) + 1,
                    "after_tick": self._newest_tick(connection),
                }
                self._add(connection, rows_of_landing(intent, result, place))
                return
            known = self._result(connection, number)
            if not same_landing(known, result):
                raise landed_otherwise(intent, known, result, newest=last is not None and last[1] == number)

    def record_reopened(self, intent: Intent, why: str) -> None:
        with self._acting() as connection:
            self._check_not_replaced(connection)
            number, last = self._number(connection, intent), self._last(connection)
            if number is None or last is None:
                raise not_recorded(intent)
            if last[1] != number:
                newer = self._intent(connection, last[1])
                raise not_reopenable(intent, f"intent {newer.id} ({newer.newest.hash}) was recorded after it")
            if last[0] != LANDING:
                if self._count(connection, reopenings, number):
                    raise another_was_quicker(intent, "it has been opened again by now")
                raise not_reopenable(intent, "it has not landed")
            turn = self._turn(connection, "reopening", number)
            self._add(connection, iter([(reopenings, [{"turn": turn, "number": number, "why": why}])]))

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        with self._acting() as connection:
            self._add_tick(connection, record, answers)

    def record_resumed(self, record: TickRecord, halted: str) -> None:
        with self._acting() as connection:
            stands = self._halted(connection)
            if stands != halted:
                raise not_the_halt(halted, stands)
            self._add_tick(connection, record)

    def history(self, count: int) -> tuple[TickRecord, ...]:
        with self._reading() as connection:
            return read_ticks(asker(connection), self._portfolio, count)

    def ran(self) -> Run | None:
        with self._reading() as connection:
            return read_run(asker(connection), self._portfolio)

    def rebalances(self, count: int) -> tuple[Rebalance, ...]:
        with self._reading() as connection:
            return read_rebalances(asker(connection), self._portfolio, count)

    def ended_outside(self, after: int) -> tuple[tuple[Intent, Settlement | Failure], ...]:
        with self._reading() as connection:
            return read_ended_outside(asker(connection), self._portfolio, after)

    def heard(self, venues: Sequence[str]) -> tuple[Heard, ...]:
        with self._reading() as connection:
            return answer_rows.read_heard(asker(connection), self._portfolio, venues)

    def close(self) -> None:
        """Let go of the database. Nothing recorded is lost without it."""
        self._database.close()

    def _begin(self, how: str) -> AbstractContextManager[Connection]:
        return self._database.begin(how)

    @contextmanager
    def _acting(self) -> Iterator[Connection]:
        """Nobody else records for the wallet until the exit: what is asked inside holds until it is on disk, and rows
        have their numbers in the order in which others see them.
        """
        self._portfolio = self._portfolio or join(self._database, self._identity)
        with self._begin(WRITE) as connection:
            check_version(self._database, connection)
            lock_wallet(self._database, connection, self._identity)
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._begin(READ) as connection:
            # Another process may have joined for it since.
            self._portfolio = self._portfolio or number_of(connection, self._identity)
            yield connection

    def _check_not_replaced(self, connection: Connection) -> None:
        check_not_replaced(self._database, connection, self._identity, self._portfolio)

    def _check_not_halted(self, connection: Connection) -> None:
        if (why := self._halted(connection)) is not None:
            # In the same words, because this is recorded too, and read again by the next tick.
            raise Halt(why)

    def _halted(self, connection: Connection) -> str | None:
        return standing_halt(asker(connection), {"portfolio": self._portfolio})

    def _add_tick(self, connection: Connection, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        added = connection.execute(sa.insert(ticks), row_of(self._portfolio, record))
        if answers:
            (tick,) = added.inserted_primary_key or (0,)
            connection.execute(sa.insert(answer_table), answer_rows.rows_of(self._portfolio, tick, answers))

    def _last(self, connection: Connection) -> tuple[str, int, int] | None:
        return newest_turn(asker(connection), {"portfolio": self._portfolio})

    def _intent(self, connection: Connection, number: int) -> Intent:
        return read_intent(asker(connection), {"portfolio": self._portfolio}, number)

    def _number(self, connection: Connection, intent: Intent) -> int | None:
        asked = sa.select(intents.c.number).where(intents.c.portfolio == self._portfolio, intents.c.id == intent.id)
        return connection.execute(asked).scalar()

    def _result(self, connection: Connection, number: int) -> Settlement | Failure:
        """How an intent landed last."""
        asked = sa.select(landings.c.reason, landings.c.body).where(*self._of(landings, number))
        reason, body = connection.execute(asked.order_by(landings.c.turn.desc()).limit(1)).one()
        return result_of(reason, body)

    def _count(self, connection: Connection, table: sa.Table, number: int) -> int:
        asked = sa.select(sa.func.count()).select_from(table).where(*self._of(table, number))
        return int(connection.execute(asked).scalar_one())

    def _newest_tick(self, connection: Connection) -> int:
        asked = sa.select(sa.func.coalesce(sa.func.max(ticks.c.id), 0)).where(ticks.c.portfolio == self._portfolio)
        return int(connection.execute(asked).scalar_one())

    def _of(self, table: sa.Table, number: int) -> tuple[sa.ColumnElement[bool], ...]:
        return table.c.portfolio == self._portfolio, table.c.number == number

    def _turn(self, connection: Connection, kind: str, number: int) -> int:
        """Take the next turn. Whoever is a moment later is refused by the tables."""
        last = self._last(connection)
        previous_kind, previous_number, previous = (None, None, None) if last is None else last
        turn = 1 if previous is None else previous + 1
        row = {
            "turn": turn,
            "kind": kind,
            "number": number,
            "previous": previous,
            "previous_kind": previous_kind,
            "previous_number": previous_number,
        }
        self._add(connection, iter([(turns, [row])]))
        return turn

    def _add(self, connection: Connection, rows: Rows) -> None:
        for table, several in rows:
            if several:
                connection.execute(sa.insert(table), [row | {"portfolio": self._portfolio} for row in several])
