"""A ledger of an older version becomes one of this, and keeps what it knew; one of a newer version is left alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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
)

from rebalancer.adapters.ledger.database import READ, WRITE, Database, open_database
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.migrate import migrate
from rebalancer.adapters.ledger.schema import VERSION, metadata
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import AccessEntry, Cost, Failure, Intent
from rebalancer.units import Address, Usd

WRITTEN = (Path(__file__).parent / "ledger_of_version_1.sql").read_text()
"""By the last program of version 1: `an_intent` settled, another failed, a halt, a resume, and a third one open."""


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger of version 1."""
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
        if request.param == "sqlite":
            return _url(tmp_path)
        url = str(request.getfixturevalue("postgres_url"))
        database = open_database(url)
        with database.begin(WRITE) as connection:
            migrate(connection, 0, "1")
            connection.execute(sa.text("DROP TABLE ledger_alembic"))  # which version 1 did not know
            # In the order in which they name each other.
            for table, which in (
                ("ledger_portfolio", "1"),
                ("ticks", "1"),
                *((table, f"number = {n}") for n in (1, 2, 3) for table in ("intents", "landings")),
            ):
                _copy(file, connection, table, which)
            connection.execute(sa.text("SELECT setval('ticks_id_seq', 6)"))
        database.close()
    return url


def _copy(file: sqlite3.Connection, connection: sa.Connection, table: str, which: str) -> None:
    asked = file.execute(f"SELECT * FROM {table} WHERE {which}")
    names = [column[0] for column in asked.description]
    for row in asked.fetchall():
        places = ", ".join(f":{name}" for name in names)
        connection.execute(
            sa.text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"), dict(zip(names, row, strict=True))
        )


def _open_one() -> Intent:
    entry = AccessEntry(Address("0x0000000000000000000000000000000000000009"), (0, 2**256 - 1))
    signed = an_intent(3).commitment
    return replace(
        an_intent(3),
        commitment=replace(signed, transaction=replace(signed.transaction, access_list=(entry,))),
    )


def test_open__of_a_ledger_of_version_1__keeps_what_it_knew(old: str) -> None:
    ledger = SqlLedger(old, OURS)
    past = ledger.read(EVER)
    assert past.open_intent == _open_one()
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
    old: str, later: int, last_block: int
) -> None:
    """It kept no order of intents and ticks. The intent was made at 1,700,000,003 in block 1,003."""
    database = open_database(old)
    with database.begin(WRITE) as connection:
        connection.execute(sa.text("UPDATE ticks SET block = 900 WHERE block IS NOT NULL"))
        connection.execute(sa.text("UPDATE ticks SET at = at + :later WHERE id >= 5"), {"later": later})
    database.close()
    assert SqlLedger(old, OURS).read(EVER).last_block == last_block


def test_ledger_of_version_1__once_it_is_of_this__goes_on(old: str) -> None:
    ledger = SqlLedger(old, OURS)
    ledger.record_tick(a_tick("pending", "waits on", 1_011))
    replaced = ledger.record_replacement(_open_one(), a_replacement(_open_one()))
    ledger.record_landing(replaced, a_settlement(replaced, cost=a_cost()))
    ledger.record_intent(an_intent(4), a_basis(an_intent(4)))
    past = ledger.read(EVER)
    assert (past.open_intent, past.history.traded) == (an_intent(4), 2_000 * DOLLAR)
    assert past.recent[0].detail == "waits on"
    ledger.close()
    assert SqlLedger(old, OURS).read(EVER) == past


def test_settled_under_version_1__when_its_block_is_replaced__settles_anew(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN + "DELETE FROM intents WHERE number > 1; DELETE FROM landings WHERE number > 1;")
    ledger = SqlLedger(_url(tmp_path), OURS)
    intent = an_intent(1)
    cost = Cost(Usd(1_000 * DOLLAR), Usd(5 * 10**17), Usd(10**17), Usd(6 * 10**17 + 1), Usd(3 * DOLLAR))
    assert ledger.read(EVER).unfinal == (intent, replace(a_settlement(intent), block_hash="", cost=cost))
    ledger.record_reopened(intent, "the hash of its block is not known")
    ledger.record_landing(intent, a_settlement(intent))
    assert ledger.read(EVER).unfinal == (intent, a_settlement(intent))


def test_migrated_tables__in_parts__say_what_the_records_say(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
        SqlLedger(_url(tmp_path), OURS).close()
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


def test_costs_that_were_copied__of_what_has_landed__are_not_known(old: str) -> None:
    """The fee and the impact of what had landed were those that were expected. Those expected are kept."""
    database = open_database(old)
    with database.begin(WRITE) as connection:
        migrate(connection, 1, "2")
        asked = sa.text("SELECT turn, fee, impact, shortfall, gas FROM costs ORDER BY turn")
        before = {row.turn: row for row in connection.execute(asked)}
    ledger = SqlLedger(old, OURS)
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


def test_ledger_of_version_2__once_it_is_of_this__goes_on(old: str) -> None:
    database = open_database(old)
    with database.begin(WRITE) as connection:
        migrate(connection, 1, "2")
    database.close()
    ledger = SqlLedger(old, OURS)
    assert ledger.read(EVER).open_intent == _open_one()
    ledger.record_landing(_open_one(), a_settlement(_open_one(), cost=replace(a_cost(), fee=None, impact=None)))
    assert ledger.rebalances(1)[0].measured.fee is None
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


def test_tables__made_anew_and_migrated__are_the_same(old: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    SqlLedger(old, OURS).close()
    fresh = f"sqlite:///{tmp_path}/fresh.db"
    if old.startswith("postgresql"):
        fresh = request.getfixturevalue("postgres").new_database()
    SqlLedger(fresh, OURS).close()
    assert _made(old) == _made(fresh)
    assert _differences(old) == [] == _differences(fresh)


def test_open__of_an_old_ledger_by_many_at_once__is_migrated_once(old: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        pasts = list(pool.map(lambda _: SqlLedger(old, OURS).read(EVER), range(6)))
    assert all(past == pasts[0] and past.open_intent == _open_one() for past in pasts)


def test_open__of_an_old_ledger_by_the_idle_tick__migrates_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
    assert IdleLedger(_url(tmp_path), OURS).read(EVER).open_intent == _open_one()


def test_open__of_an_old_ledger_of_another_wallet__is_refused_by_name(old: str) -> None:
    other, next_one = replace(OURS, operator=OURS.wallet), an_intent(7)
    with pytest.raises(ConfigError, match=f"{OURS}"):
        # At a file's opening; where many share a ledger, when it would send.
        SqlLedger(old, other).record_intent(next_one, a_basis(next_one))
    assert SqlLedger(old, OURS).read(EVER).open_intent == _open_one()


KILLED = """
import os, sys
from rebalancer.adapters.ledger import migrate
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import Identity
whole = migrate.migrate
def and_dies(*arguments):
    whole(*arguments)
    os.kill(os.getpid(), 9)
migrate.migrate = and_dies
SqlLedger(sys.argv[1], Identity(1, sys.argv[2], sys.argv[3]))
"""


def test_migration__killed_at_its_end__has_done_nothing(old: str) -> None:
    command = [sys.executable, "-c", KILLED, old, OURS.wallet, OURS.operator]
    done = subprocess.run(command, check=False, capture_output=True, cwd=Path(__file__).resolve().parents[2])
    assert done.returncode == -9, done.stderr
    database = open_database(old)
    assert _version(database) == 1
    database.close()
    assert SqlLedger(old, OURS).read(EVER).open_intent == _open_one()


def test_migration__with_the_file_in_use_by_an_older_keeper__waits_and_then_says_so(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as file:
        file.executescript(WRITTEN)
        file.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            SqlLedger(_url(tmp_path) + "?timeout=0.1", OURS)
        file.execute("ROLLBACK")
    assert SqlLedger(_url(tmp_path), OURS).read(EVER).open_intent == _open_one()


def test_older_keeper__that_still_runs_after_the_migration__can_record_no_intent(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
        SqlLedger(_url(tmp_path), OURS).close()
        row = "(4, 3, 'intent-4', 1, 1, 4, '0x04', '{}')"
        with pytest.raises(sqlite3.OperationalError, match="no column named previous"):
            file.execute(f"INSERT INTO intents (number, previous, id, created_at, block, nonce, tx, body) VALUES {row}")


@pytest.mark.parametrize("version", ["4", "0", "-1"])
def test_open__of_a_version_that_is_not_known__is_refused_by_name_and_left_alone(old: str, version: str) -> None:
    SqlLedger(old, OURS).close()
    database = open_database(old)
    with database.begin(WRITE) as connection:
        connection.execute(sa.text(f"UPDATE ledger_schema SET version = {version}"))
    with pytest.raises(ConfigError, match=rf"version \[{version}\], expected \[{VERSION}\]. Run the version"):
        SqlLedger(old, OURS)
    assert _version(database) == int(version)
    database.close()


def _version(database: Database) -> int:
    with database.begin(READ) as connection:
        return int(connection.execute(sa.text("SELECT version FROM ledger_schema")).scalar_one())


def test_failed_under_version_1__is_a_failure_of_which_no_block_is_known(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN + "DELETE FROM intents WHERE number > 2; DELETE FROM ticks WHERE id > 3;")
    ledger = SqlLedger(_url(tmp_path), OURS)
    past = ledger.read(EVER)
    assert (past.open_intent, past.failures, past.unfinal) == (None, 1, None)
    ledger.record_landing(an_intent(2), Failure("mined and reverted: Too little received"))
    assert ledger.read(EVER).failures == 1


def test_migration__of_a_file__leaves_a_copy_of_the_old_one_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as file:
        file.executescript(WRITTEN)
        before = list(file.iterdump())
    path.chmod(0o600)
    SqlLedger(_url(tmp_path), OURS).close()
    kept = tmp_path / "ledger.db.v1"
    with closing(sqlite3.connect(kept)) as file:
        assert list(file.iterdump()) == before
    assert kept.stat().st_mode & 0o777 == 0o600
    assert {p.name for p in tmp_path.iterdir()} <= {"ledger.db", "ledger.db.v1", "ledger.db-wal", "ledger.db-shm"}


def test_migration__where_no_copy_can_be_kept__changes_nothing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
    (tmp_path / "ledger.db.v1").mkdir()
    with pytest.raises(Unavailable, match="no copy of version 1 could be kept beside it"):
        SqlLedger(_url(tmp_path), OURS)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        assert file.execute("SELECT version FROM ledger_schema").fetchall() == [(1,)]
