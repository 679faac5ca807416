"""A keeper that is at work while a newer one migrates its ledger: neither writes where the other does not look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from given_ledger import EVER, OURS, a_basis, a_replacement, a_settlement, a_tick, an_intent, file_url
from given_old_ledger import OPEN_ONE

from rebalancer.adapters.ledger.database import READ, WRITE, open_database
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.opening import join
from rebalancer.adapters.ledger.schema import VERSION
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import ConfigError
from rebalancer.ports import Ledger

REFUSED = rf"a newer keeper has migrated the ledger: its tables have version \[{VERSION + 1}\], expected \[{VERSION}\]"
WRITES: dict[str, Callable[[Ledger], object]] = {
    "an intent": lambda ledger: ledger.record_intent(an_intent(4), a_basis(an_intent(4))),
    "a replacement": lambda ledger: ledger.record_replacement(OPEN_ONE, a_replacement(OPEN_ONE)),
    "a landing": lambda ledger: ledger.record_landing(OPEN_ONE, a_settlement(OPEN_ONE)),
    "a reopening": lambda ledger: ledger.record_reopened(OPEN_ONE, "its block is gone"),
    "a tick": lambda ledger: ledger.record_tick(a_tick("held", "inside", 1_011)),
    "a resume": lambda ledger: ledger.record_resumed(a_tick("resumed", "looked", 1_011), "look at this"),
}


def by_a_newer(url: str) -> None:
    """As if the next version had migrated it."""
    database = open_database(url)
    with database.begin(WRITE) as connection:
        connection.execute(sa.text(f"UPDATE ledger_schema SET version = {VERSION + 1}"))
    database.close()


def rows_of(url: str) -> list[int]:
    database = open_database(url)
    with database.begin(READ) as connection:
        counts = [sa.text(f"SELECT COUNT(*) FROM {table}") for table in ("ticks", "turns", "attempts", "portfolios")]
        found = [int(connection.execute(count).scalar_one()) for count in counts]
    database.close()
    return found


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_keeper__whose_ledger_a_newer_one_has_migrated__records_nothing_and_says_so(
    old_ledger: str, write: Callable[[Ledger], object]
) -> None:
    ledger = SqlLedger(old_ledger, OURS)
    assert ledger.read(EVER).open_intent == OPEN_ONE
    by_a_newer(old_ledger)
    before = rows_of(old_ledger)
    with pytest.raises(ConfigError, match=REFUSED):
        write(ledger)
    assert rows_of(old_ledger) == before
    ledger.close()


def test_portfolio__new_to_a_ledger_that_a_newer_one_has_migrated__does_not_join(old_ledger: str) -> None:
    SqlLedger(old_ledger, OURS).close()
    by_a_newer(old_ledger)
    database = open_database(old_ledger)
    with pytest.raises(ConfigError, match=REFUSED):
        join(database, OURS)
    database.close()


@pytest.mark.parametrize("used", [False, True], ids=["the idle tick alone", "the whole ledger"])
def test_idle_tick__whose_ledger_a_newer_one_has_migrated__adds_no_row(tmp_path: Path, used: bool) -> None:
    url = file_url(tmp_path)
    SqlLedger(url, OURS).close()
    ledger = IdleLedger(url, OURS)
    ledger.record_tick(a_tick("held", "inside", 1_000))
    if used:
        ledger.record_intent(an_intent(1), a_basis(an_intent(1)))
    by_a_newer(url)
    before = rows_of(url)
    with pytest.raises(ConfigError, match=REFUSED if used else rf"version \[{VERSION + 1}\], expected \[{VERSION}\]"):
        ledger.record_tick(a_tick("held", "inside", 1_001))
    assert rows_of(url) == before
    ledger.close()


def test_migration__while_an_older_keeper_writes__waits_until_it_is_done(old_ledger: str) -> None:
    database = open_database(old_ledger)
    newer = Thread(target=lambda: SqlLedger(old_ledger, OURS).close())
    with database.begin(WRITE) as connection:
        # What check_version asks first in each transaction that writes.
        connection.execute(sa.text(f"SELECT version FROM ledger_schema{' FOR SHARE' if database.server else ''}"))
        newer.start()
        newer.join(0.5)
        assert newer.is_alive()
    newer.join(20)
    assert not newer.is_alive()
    with database.begin(READ) as connection:
        assert connection.execute(sa.text("SELECT version FROM ledger_schema")).scalar_one() == VERSION
    database.close()
