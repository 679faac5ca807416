"""A ledger of an older version becomes one of this: it keeps what it knew, and goes on in the same tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from given_ledger import (
    DOLLAR,
    EVER,
    OURS,
    USDC,
    WETH,
    a_basis,
    a_cost,
    a_replacement,
    a_settlement,
    a_tick,
    an_intent,
    file_url,
)
from given_old_ledger import OPEN_ONE, WRITTEN

from rebalancer.adapters.ledger.database import READ, WRITE, open_database
from rebalancer.adapters.ledger.migrate import migrate
from rebalancer.adapters.ledger.schema import metadata
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.model import Cost, Failure
from rebalancer.units import Usd


def test_open__of_a_ledger_of_version_1__keeps_what_it_knew(old_ledger: str) -> None:
    ledger = SqlLedger(old_ledger, OURS)
    past = ledger.read(EVER)
    assert past.open_intent == OPEN_ONE
    assert (past.last_settled_at, past.halted, past.failures, past.last_block) == (1_700_000_100, None, 0, 1_010)
    assert (past.history.traded, past.history.good_before) == (1_000 * DOLLAR, 500), "void at its deadline"
    assert past.history.gas_of_month == 10**15, "3 dollars at 3,000 for the coin"
    details = ["waits", "it's all right; was halted: look at this", "look at this", "Too little received"]
    details += ["moved 1,000 dollars", "within the bands"]
    assert [tick.detail for tick in ledger.history(10)] == details
    assert ledger.history(1) == (a_tick("pending", "waits", 1_010),)
    ledger.close()


@pytest.mark.parametrize(("later", "last_block"), [(0, 1_003), (100, 900)], ids=["the intent is newer", "it is not"])
def test_open__of_version_1_where_a_person_resumed__tells_by_the_clock_whether_the_open_intent_came_first(
    old_ledger: str, later: int, last_block: int
) -> None:
    """It kept no order of intents and ticks. The intent was made at 1,700,000,003 in block 1,003."""
    database = open_database(old_ledger)
    with database.begin(WRITE) as connection:
        connection.execute(sa.text("UPDATE ticks SET block = 900 WHERE block IS NOT NULL"))
        connection.execute(sa.text("UPDATE ticks SET at = at + :later WHERE id >= 5"), {"later": later})
    database.close()
    assert SqlLedger(old_ledger, OURS).read(EVER).last_block == last_block


def test_ledger_of_version_1__once_it_is_of_this__goes_on(old_ledger: str) -> None:
    ledger = SqlLedger(old_ledger, OURS)
    ledger.record_tick(a_tick("pending", "waits on", 1_011))
    replaced = ledger.record_replacement(OPEN_ONE, a_replacement(OPEN_ONE))
    ledger.record_landing(replaced, a_settlement(replaced, cost=a_cost()))
    ledger.record_intent(an_intent(4), a_basis(an_intent(4)))
    past = ledger.read(EVER)
    assert (past.open_intent, past.history.traded) == (an_intent(4), 2_000 * DOLLAR)
    assert past.recent[0].detail == "waits on"
    ledger.close()
    assert SqlLedger(old_ledger, OURS).read(EVER) == past


def test_settled_under_version_1__when_its_block_is_replaced__settles_anew(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN + "DELETE FROM intents WHERE number > 1; DELETE FROM landings WHERE number > 1;")
    ledger = SqlLedger(file_url(tmp_path), OURS)
    intent = an_intent(1)
    cost = Cost(Usd(1_000 * DOLLAR), Usd(5 * 10**17), Usd(10**17), Usd(6 * 10**17 + 1), Usd(3 * DOLLAR))
    assert ledger.read(EVER).unfinal == (intent, replace(a_settlement(intent), block_hash="", cost=cost))
    ledger.record_reopened(intent, "the hash of its block is not known")
    ledger.record_landing(intent, a_settlement(intent))
    assert ledger.read(EVER).unfinal == (intent, a_settlement(intent))


def test_migrated_tables__in_parts__say_what_the_records_say(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
        SqlLedger(file_url(tmp_path), OURS).close()
        assert file.execute("SELECT kind, number FROM turns ORDER BY turn").fetchall() == [
            *(("intent", 1), ("landing", 1), ("intent", 2), ("landing", 2), ("intent", 3))
        ]
        assert file.execute("SELECT turn, token, raw FROM fills ORDER BY place").fetchall() == [
            (2, USDC.address, str(-(10**9))),
            (2, WETH.address, str(33 * 10**16)),
        ]
        assert file.execute("SELECT tx, block, block_hash FROM receipts").fetchall() == [
            (an_intent(1).commitment.hash, 1_003, None)
        ]
        assert file.execute("SELECT cost_micro, gas_gwei FROM landings WHERE number = 1").fetchall() == [
            (3_600_001, 10**6)
        ]
        hashes = [(an_intent(number).commitment.hash,) for number in (1, 2, 3)]
        assert file.execute("SELECT hash FROM attempts ORDER BY number").fetchall() == hashes
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_costs_that_were_copied__of_what_has_landed__are_not_known(old_ledger: str) -> None:
    """The fee and the impact of what had landed were those that were expected. Those expected are kept."""
    database = open_database(old_ledger)
    with database.begin(WRITE) as connection:
        migrate(connection, 1, "2")
        asked = sa.text("SELECT turn, fee, impact, shortfall, gas FROM costs ORDER BY turn")
        before = {row.turn: row for row in connection.execute(asked)}
    ledger = SqlLedger(old_ledger, OURS)
    with database.begin(READ) as connection:
        after = {row.turn: row for row in connection.execute(asked)}
        landed = {row.turn for row in connection.execute(sa.text("SELECT turn FROM landings WHERE body IS NOT NULL"))}
    database.close()
    assert landed and after.keys() == before.keys() > landed
    for turn, row in before.items():
        assert row.fee is not None and (after[turn].shortfall, after[turn].gas) == (row.shortfall, row.gas)
        assert (after[turn].fee, after[turn].impact) == ((None, None) if turn in landed else (row.fee, row.impact))
    (only,) = ledger.rebalances(10)
    assert (only.measured.fee, only.expected.fee) == (None, Usd(int(before[1].fee)))
    ledger.close()


def test_costs__of_a_batch_that_failed__stay_the_zeros_that_they_are(old_ledger: str) -> None:
    database = open_database(old_ledger)
    with database.begin(WRITE) as connection:
        migrate(connection, 1, "2")
        # A version 2 wrote this of a batch that was mined and reverted.
        turn = connection.execute(sa.text("SELECT turn FROM landings WHERE reason IS NOT NULL")).scalar_one()
        connection.execute(sa.text("INSERT INTO costs VALUES (1, :turn, '0', '0', '0', '0', '7')"), {"turn": turn})
    SqlLedger(old_ledger, OURS).close()
    with database.begin(READ) as connection:
        row = connection.execute(sa.text("SELECT fee, impact, gas FROM costs WHERE turn = :turn"), {"turn": turn}).one()
    database.close()
    assert tuple(row) == ("0", "0", "7")


def test_ledger_of_version_2__once_it_is_of_this__goes_on(old_ledger: str) -> None:
    database = open_database(old_ledger)
    with database.begin(WRITE) as connection:
        migrate(connection, 1, "2")
    database.close()
    ledger = SqlLedger(old_ledger, OURS)
    assert ledger.read(EVER).open_intent == OPEN_ONE
    ledger.record_landing(OPEN_ONE, a_settlement(OPEN_ONE, cost=replace(a_cost(), fee=None, impact=None)))
    assert ledger.rebalances(1)[0].measured.fee is None
    ledger.close()


def test_ticks_of_version_4__once_they_are_of_this__have_waited_for_nothing(old_ledger: str) -> None:
    database = open_database(old_ledger)
    with database.begin(WRITE) as connection:
        migrate(connection, 1, "4")
    database.close()
    ledger = SqlLedger(old_ledger, OURS)
    assert [tick.called_since for tick in ledger.history(10)] == [None] * 6
    ledger.record_tick(replace(a_tick("held", "waits", 1_011), called_since=2**40))
    assert ledger.read(EVER).called_since == 2**40
    ledger.close()


def _differences(url: str) -> list[object]:
    database = open_database(url)
    with database.begin(READ) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[object] = compare_metadata(context, metadata)
    database.close()
    return found


def _made(url: str) -> list[tuple[str, ...]]:
    """Every column, key, index and check, as the database itself describes them."""
    database = open_database(url)
    found = []
    with database.begin(READ) as connection:
        inspector = sa.inspect(connection)
        for table in sorted(inspector.get_table_names()):
            found += [(table, c["name"], str(c["type"]), str(c["nullable"])) for c in inspector.get_columns(table)]
            for what in ("unique_constraints", "foreign_keys", "indexes", "check_constraints"):
                found += sorted((table, what, str(each)) for each in getattr(inspector, f"get_{what}")(table))
            found.append((table, str(inspector.get_pk_constraint(table)["constrained_columns"])))
    database.close()
    return found


def test_tables__made_anew_and_migrated__are_the_same(
    old_ledger: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    SqlLedger(old_ledger, OURS).close()
    fresh = f"sqlite:///{tmp_path}/fresh.db"
    if old_ledger.startswith("postgresql"):
        fresh = request.getfixturevalue("postgres").new_database()
    SqlLedger(fresh, OURS).close()
    assert _made(old_ledger) == _made(fresh)
    assert _differences(old_ledger) == [] == _differences(fresh)


def test_failed_under_version_1__is_a_failure_of_which_no_block_is_known(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN + "DELETE FROM intents WHERE number > 2; DELETE FROM ticks WHERE id > 3;")
    ledger = SqlLedger(file_url(tmp_path), OURS)
    past = ledger.read(EVER)
    assert (past.open_intent, past.failures, past.unfinal) == (None, 1, None)
    ledger.record_landing(an_intent(2), Failure("mined and reverted: Too little received"))
    assert ledger.read(EVER).failures == 1
