"""The ledger in a database: SQLite in a file by default, PostgreSQL where the URL says so. One for each portfolio.

Only SQLAlchemy's core is used; the tick that holds pays for its import as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from rebalancer.adapters.ledger.database import READ, WRITE, error_by_what_is_next, open_database
from rebalancer.adapters.ledger.records import (
    intent_from_json,
    intent_to_json,
    settlement_from_json,
    settlement_to_json,
)
from rebalancer.adapters.ledger.schema import VERSION, intents, landings, metadata, portfolio, schema, ticks
from rebalancer.adapters.ledger.words import (
    HALTED,
    RESUMED,
    Identity,
    another_is_open,
    landed_otherwise,
    not_recorded,
    of_another,
)
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import Intent, Past, Settlement, TickRecord
from rebalancer.units import Address, Usd, Weight

_NEWEST_INTENT = (
    sa.select(intents, landings.c.number.label("landed"))
    .select_from(intents.outerjoin(landings, intents.c.number == landings.c.number))
    .order_by(intents.c.number.desc())
    .limit(1)
)
_LAST_SETTLED = sa.select(sa.func.max(landings.c.settled_at))
_NEWEST_HALT = (
    sa.select(ticks.c.outcome, ticks.c.detail)
    .where(ticks.c.outcome.in_((HALTED, RESUMED)))
    .order_by(ticks.c.id.desc())
    .limit(1)
)
_LAST_TICK = sa.select(sa.func.coalesce(sa.func.max(ticks.c.id), 0))
_FAILURES = sa.select(sa.func.count()).where(
    landings.c.number
    > sa.select(sa.func.coalesce(sa.func.max(landings.c.number), 0))
    .where(landings.c.settled_at.is_not(None))
    .scalar_subquery(),
    landings.c.after_tick >= _LAST_TICK.where(ticks.c.outcome == RESUMED).scalar_subquery(),
)
# A person who has looked may have found the mark itself to be wrong: it counts from there on.
_LAST_BLOCK = sa.select(sa.func.max(ticks.c.block)).where(
    ticks.c.id > _LAST_TICK.where(ticks.c.outcome == RESUMED).scalar_subquery()
)
_MOST_ROWS = 2**63 - 1  # what a LIMIT takes


class SqlLedger:
    """Opened, and created where there is none. Raises ConfigError, Halt, Unavailable.

    `url` is SQLAlchemy's: sqlite:///relative.db, sqlite:////absolute.db, postgresql+psycopg://…
    """

    def __init__(self, url: str, identity: Identity) -> None:
        self._name, self._engine = open_database(url)
        self._prepare(identity)

    def read(self) -> Past:
        with self._begin(READ) as connection:
            newest = connection.execute(_NEWEST_INTENT).mappings().first()
            settled_at = connection.execute(_LAST_SETTLED).scalar()
            halt = connection.execute(_NEWEST_HALT).first()
            last_block = connection.execute(_LAST_BLOCK).scalar() or 0
            failures = connection.execute(_FAILURES).scalar_one()
        open_intent = None
        if newest is not None and newest["landed"] is None:
            last_block = max(last_block, newest["block"])
            open_intent = _intent(newest)
        halted = halt.detail if halt is not None and halt.outcome == HALTED else None
        return Past(open_intent, settled_at, halted, last_block, failures)

    def record_intent(self, intent: Intent) -> None:
        with self._begin(WRITE) as connection:
            newest = connection.execute(_NEWEST_INTENT).mappings().first()
            if newest is not None and newest["landed"] is None:
                raise another_is_open(newest["id"], newest["tx"], intent)
            number = 1 if newest is None else newest["number"] + 1
            connection.execute(
                sa.insert(intents),
                {
                    "number": number,
                    "previous": None if newest is None else newest["number"],
                    "id": intent.id,
                    "created_at": intent.created_at,
                    "block": intent.block,
                    "nonce": intent.commitment.transaction.nonce,
                    "tx": intent.commitment.hash,
                    "body": intent_to_json(intent),
                },
            )

    def record_landing(self, intent: Intent, result: Settlement | str) -> None:
        with self._begin(WRITE) as connection:
            recorded = sa.select(intents.c.number).where(intents.c.id == intent.id)
            number = connection.execute(recorded).scalar()
            if number is None:
                raise not_recorded(intent)
            known = connection.execute(sa.select(landings).where(landings.c.number == number)).mappings().first()
            if known is None:
                row = {"number": number, "after_tick": connection.execute(_LAST_TICK).scalar_one()}
                connection.execute(sa.insert(landings), row | _landing_row(result))
            elif _result(known) != result:
                raise landed_otherwise(intent, _result(known), result)

    def record_tick(self, record: TickRecord) -> None:
        row = {
            "at": record.at,
            "block": record.block,
            "outcome": record.outcome,
            "detail": record.detail,
            "value": None if record.value is None else str(record.value),
            "max_drift": None if record.max_drift is None else str(record.max_drift),
            "tx": record.tx,
            "requests": record.requests,
        }
        with self._begin(WRITE) as connection:
            connection.execute(sa.insert(ticks), row)

    def history(self, count: int) -> tuple[TickRecord, ...]:
        newest = sa.select(ticks).order_by(ticks.c.id.desc()).limit(min(count, _MOST_ROWS))
        with self._begin(READ) as connection:
            rows = connection.execute(newest).mappings().all()
        return tuple(_tick(row) for row in rows)

    def close(self) -> None:
        """Let go of the file. Nothing recorded is lost without it."""
        self._engine.dispose()

    def _prepare(self, identity: Identity) -> None:
        """Make the tables where the database is empty; refuse one that is not this portfolio's, of this version."""
        with self._begin(READ) as connection:
            known = sa.inspect(connection).has_table(schema.name)
            foreign = [] if known else _foreign_tables(connection)
        if foreign:
            raise ConfigError(
                f"ledger {self._name}: holds other tables ({', '.join(foreign[:5])}), expected an empty database or a "
                "ledger; give the ledger a database of its own"
            )
        if not known:
            self._create(identity)
        with self._begin(READ) as connection:
            versions = list(connection.execute(sa.select(schema.c.version)).scalars())
            whose = None if versions != [VERSION] else connection.execute(sa.select(portfolio)).first()
            if whose is None:
                raise ConfigError(
                    f"ledger {self._name}: its tables have version {versions}, expected [{VERSION}]. Run the version "
                    "of this program that wrote it, or name another ledger"
                )
        seen = Identity(whose.chain_id, Address(whose.wallet), Address(whose.operator))
        if seen != identity:
            raise of_another(self._name, seen, identity)

    def _create(self, identity: Identity) -> None:
        with self._begin(WRITE) as connection:
            metadata.create_all(connection)
            # Another process may have been quicker by a moment.
            if connection.execute(sa.select(schema.c.version)).first() is None:
                connection.execute(sa.insert(schema), {"version": VERSION})
                connection.execute(sa.insert(portfolio), {"number": 1, **asdict(identity)})

    @contextmanager
    def _begin(self, how: str) -> Iterator[Connection]:
        with (
            self._named(),
            self._engine.connect() as connection,
            connection.execution_options(begin=how).begin(),
        ):
            yield connection

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Halt(
                f"ledger {self._name}: the database refused a record that contradicts the others: {error.orig}. "
                "Look whether a second keeper writes to the same ledger"
            ) from None
        except DBAPIError as error:
            raise error_by_what_is_next(self._name, str(error.orig)) from None


def _foreign_tables(connection: Connection) -> list[str]:
    """Tables where there should be none. A PostgreSQL database may well have other users."""
    names = set(sa.inspect(connection).get_table_names())
    return sorted(names if connection.dialect.name == "sqlite" else names & set(metadata.tables))


def _intent(row: sa.RowMapping) -> Intent:
    from rebalancer.market.addresses import keccak256

    intent = intent_from_json(row["body"])
    known_as = "0x" + keccak256(intent.commitment.raw).hex()
    if not row["tx"] == intent.commitment.hash == known_as or row["id"] != intent.id:
        raise Halt(
            f"ledger: intent {row['id']} says it was sent as {row['tx']}, but its bytes are {known_as}. "
            "Look on the chain what the operator sent, and restore the ledger from a backup"
        )
    return intent


def _landing_row(result: Settlement | str) -> dict[str, Any]:
    if isinstance(result, str):
        return {"settled_at": None, "body": None, "reason": result}
    return {"settled_at": result.timestamp, "body": settlement_to_json(result), "reason": None}


def _result(row: sa.RowMapping) -> Settlement | str:
    reason: str | None = row["reason"]
    return settlement_from_json(row["body"]) if reason is None else reason


def _tick(row: sa.RowMapping) -> TickRecord:
    return TickRecord(
        at=row["at"],
        block=row["block"],
        outcome=row["outcome"],
        detail=row["detail"],
        value=None if row["value"] is None else Usd(int(row["value"])),
        max_drift=None if row["max_drift"] is None else Weight(int(row["max_drift"])),
        tx=row["tx"],
        requests=row["requests"],
    )
