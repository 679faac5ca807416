"""How an older ledger becomes one of this version: once, whole or not at all, and never one that is not known."""

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
from given_ledger import EVER, OURS, a_basis, an_intent, file_url
from given_old_ledger import OPEN_ONE, WRITTEN

from rebalancer.adapters.ledger.database import READ, WRITE, Database, open_database
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.schema import VERSION
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import ConfigError, Unavailable


def test_open__of_an_old_ledger_by_many_at_once__is_migrated_once(old_ledger: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        pasts = list(pool.map(lambda _: SqlLedger(old_ledger, OURS).read(EVER), range(6)))
    assert all(past == pasts[0] and past.open_intent == OPEN_ONE for past in pasts)


def test_open__of_an_old_ledger_by_the_idle_tick__migrates_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
    assert IdleLedger(file_url(tmp_path), OURS).read(EVER).open_intent == OPEN_ONE


def test_open__of_an_old_ledger_of_another_wallet__is_refused_by_name(old_ledger: str) -> None:
    other, next_one = replace(OURS, operator=OURS.wallet), an_intent(7)
    with pytest.raises(ConfigError, match=f"{OURS}"):
        # At a file's opening; where many share a ledger, when it would send.
        SqlLedger(old_ledger, other).record_intent(next_one, a_basis(next_one))
    assert SqlLedger(old_ledger, OURS).read(EVER).open_intent == OPEN_ONE


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


def test_migration__killed_at_its_end__has_done_nothing(old_ledger: str) -> None:
    command = [sys.executable, "-c", KILLED, old_ledger, OURS.wallet, OURS.operator]
    done = subprocess.run(command, check=False, capture_output=True, cwd=Path(__file__).resolve().parents[2])
    assert done.returncode == -9, done.stderr
    database = open_database(old_ledger)
    assert _version(database) == 1
    database.close()
    assert SqlLedger(old_ledger, OURS).read(EVER).open_intent == OPEN_ONE


def test_migration__with_the_file_in_use_by_an_older_keeper__waits_and_then_says_so(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as file:
        file.executescript(WRITTEN)
        file.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            SqlLedger(file_url(tmp_path) + "?timeout=0.1", OURS)
        file.execute("ROLLBACK")
    assert SqlLedger(file_url(tmp_path), OURS).read(EVER).open_intent == OPEN_ONE


def test_older_keeper__that_still_runs_after_the_migration__can_record_no_intent(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.executescript(WRITTEN)
        SqlLedger(file_url(tmp_path), OURS).close()
        row = "(4, 3, 'intent-4', 1, 1, 4, '0x04', '{}')"
        with pytest.raises(sqlite3.OperationalError, match="no column named previous"):
            file.execute(f"INSERT INTO intents (number, previous, id, created_at, block, nonce, tx, body) VALUES {row}")


@pytest.mark.parametrize("version", [str(VERSION + 1), "0", "-1"])
def test_open__of_a_version_that_is_not_known__is_refused_by_name_and_left_alone(old_ledger: str, version: str) -> None:
    SqlLedger(old_ledger, OURS).close()
    database = open_database(old_ledger)
    with database.begin(WRITE) as connection:
        connection.execute(sa.text(f"UPDATE ledger_schema SET version = {version}"))
    with pytest.raises(ConfigError, match=rf"version \[{version}\], expected \[{VERSION}\]. Run the version"):
        SqlLedger(old_ledger, OURS)
    assert _version(database) == int(version)
    database.close()


def _version(database: Database) -> int:
    with database.begin(READ) as connection:
        return int(connection.execute(sa.text("SELECT version FROM ledger_schema")).scalar_one())


def test_migration__of_a_file__leaves_a_copy_of_the_old_one_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as file:
        file.executescript(WRITTEN)
        before = list(file.iterdump())
    path.chmod(0o600)
    SqlLedger(file_url(tmp_path), OURS).close()
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
        SqlLedger(file_url(tmp_path), OURS)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        assert file.execute("SELECT version FROM ledger_schema").fetchall() == [(1,)]
