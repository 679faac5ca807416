"""The ledger's file: it survives the process, and a file that is none is named and left alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from given_ledger import EVER, OURS, a_basis, a_tick, an_intent, file_url
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from rebalancer.adapters.ledger import schema
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.core.errors import ConfigError, Halt, Unavailable


def _change(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "ledger.db") as connection:
        connection.execute(statement)
    connection.close()


def test_file__as_opened__waits_for_the_disk(tmp_path: Path) -> None:
    ledger = SqlLedger(file_url(tmp_path), OURS)
    with ledger._database.engine.connect() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]


def test_record_intent__killed_right_after__is_on_disk(tmp_path: Path) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[2]);"
        "from given_ledger import OURS, a_basis, an_intent; from rebalancer.adapters.ledger.sql import SqlLedger;"
        "SqlLedger(sys.argv[1], OURS).record_intent(an_intent(), a_basis(an_intent())); os.kill(os.getpid(), 9)"
    )
    here = Path(__file__).resolve().parent
    environment = {**os.environ, "PYTHONPATH": str(here.parent.parent)}
    done = subprocess.run([sys.executable, "-c", program, file_url(tmp_path), str(here)], env=environment, check=False)
    assert done.returncode == -9
    assert SqlLedger(file_url(tmp_path), OURS).read(EVER).open_intent == an_intent()


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_database__asked_for_a_second_open_intent__refuses_by_itself(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = file_url(tmp_path) if where == "sqlite" else request.getfixturevalue("postgres_url")
    ledger = SqlLedger(url, OURS)
    ledger.record_intent(an_intent(1), a_basis(an_intent(1)))
    columns = "INSERT INTO turns (portfolio, turn, kind, number, previous, previous_kind, previous_number) VALUES "
    wrong = {
        "the first turn again": "(1, 1, 'intent', 1, NULL, NULL, NULL)",
        "a second intent after an open one": "(1, 2, 'intent', 2, 1, 'intent', 1)",
        "the same, and says that it landed": "(1, 2, 'intent', 2, 1, 'landing', 1)",
        "a turn left out": "(1, 3, 'intent', 2, 2, 'landing', 1)",
        "from nowhere": "(1, 2, 'intent', 2, NULL, NULL, NULL)",
        "a landing of another": "(1, 2, 'landing', 2, 1, 'intent', 1)",
        "a reopening of what is open": "(1, 2, 'reopening', 1, 1, 'intent', 1)",
        "of a portfolio that is not there": "(2, 1, 'intent', 1, NULL, NULL, NULL)",
    }
    for what, row in wrong.items():
        with ledger._database.engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
            connection.execution_options(begin="BEGIN IMMEDIATE").exec_driver_sql(columns + row)
            pytest.fail(f"taken: {what}")
    with ledger._database.engine.connect() as connection:
        right = "(1, 2, 'landing', 1, 1, 'intent', 1)"
        connection.execution_options(begin="BEGIN IMMEDIATE").exec_driver_sql(columns + right)


def test_record_intent__by_many_at_once__is_taken_from_one(tmp_path: Path) -> None:
    SqlLedger(file_url(tmp_path), OURS).close()

    def attempt(number: int) -> bool:
        try:
            SqlLedger(file_url(tmp_path), OURS).record_intent(an_intent(number), a_basis(an_intent(number)))
        except Unavailable:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(attempt, range(1, 17)))
    assert sum(taken) == 1


def test_open__by_many_at_once__makes_one_ledger(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        pasts = list(pool.map(lambda _: SqlLedger(file_url(tmp_path), OURS).read(EVER), range(16)))
    assert len({past.last_block for past in pasts}) == 1


def test_open__in_a_missing_folder__names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder .*missing; make it"):
        SqlLedger(f"sqlite:///{tmp_path}/missing/ledger.db", OURS)


def test_open__of_a_folder__is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(ConfigError, match="unable to open"):
        SqlLedger(file_url(tmp_path), OURS)


def test_open__of_what_is_no_database__halts_as_at_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("wallet: safe\n" * 100)
    with pytest.raises(Halt, match="the file is damaged: file is not a database"):
        SqlLedger(file_url(tmp_path), OURS)


def test_open__of_somebody_elses_database__is_a_config_error_and_adds_nothing(tmp_path: Path) -> None:
    _change(tmp_path, "CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(ConfigError, match=r"holds other tables \(recipes\)"):
        SqlLedger(file_url(tmp_path), OURS)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_open__of_another_version__is_a_config_error(tmp_path: Path) -> None:
    SqlLedger(file_url(tmp_path), OURS).close()
    _change(tmp_path, "UPDATE ledger_schema SET version = 7")
    with pytest.raises(ConfigError, match=rf"version \[7\], expected \[{schema.VERSION}\]"):
        SqlLedger(file_url(tmp_path), OURS)


OTHERS = {
    "chain": replace(OURS, chain_id=8453),
    "wallet": replace(OURS, wallet=OURS.operator),
    "operator": replace(OURS, operator=OURS.wallet),
}


@pytest.mark.parametrize("kind", [SqlLedger, IdleLedger])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_open__of_another_portfolio__is_a_config_error_that_names_both(
    tmp_path: Path, kind: type[SqlLedger | IdleLedger], other: Identity
) -> None:
    SqlLedger(file_url(tmp_path), OURS).record_intent(an_intent(), a_basis(an_intent()))
    with pytest.raises(ConfigError) as caught:
        kind(file_url(tmp_path), other)
    assert f"is the memory of {OURS}, expected {other}" in str(caught.value)
    assert kind(file_url(tmp_path), OURS).read(EVER).open_intent == an_intent()


def test_open__of_two_portfolios_at_once__is_the_ledger_of_one(tmp_path: Path) -> None:
    def attempt(identity: Identity) -> bool:
        try:
            SqlLedger(file_url(tmp_path), identity)
        except ConfigError:
            return False
        return True

    both = [OURS, OTHERS["wallet"]] * 4
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(attempt, both))
    assert {identity for identity, ours in zip(both, opened, strict=True) if ours} in ({OURS}, {OTHERS["wallet"]})


def test_read__of_a_damaged_file__halts(tmp_path: Path) -> None:
    ledger = SqlLedger(file_url(tmp_path), OURS)
    for number in range(200):
        ledger.record_tick(a_tick(detail=f"tick {number} " * 50))
    ledger.close()
    file = tmp_path / "ledger.db"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(Halt, match="damaged"):
        SqlLedger(file_url(tmp_path), OURS).read(EVER)


@pytest.mark.parametrize(
    "change",
    [
        "intents SET tx = '0xother'",
        'intents SET body = replace(body, \'"raw":"73\', \'"raw":"74\')',
        'attempts SET body = replace(body, \'"raw":"73\', \'"raw":"74\')',
        "attempts SET body = replace(body, '\"nonce\":1', '\"nonce\":2')",
    ],
)
def test_read__of_an_intent_that_contradicts_itself__halts(tmp_path: Path, change: str) -> None:
    ledger = SqlLedger(file_url(tmp_path), OURS)
    ledger.record_intent(an_intent(), a_basis(an_intent()))
    ledger.close()
    _change(tmp_path, f"UPDATE {change}")
    with pytest.raises(Halt, match="but its bytes are"):
        SqlLedger(file_url(tmp_path), OURS).read(EVER)


def test_record_tick__while_another_writer_does_not_let_go__is_unavailable(tmp_path: Path) -> None:
    ledger = SqlLedger(file_url(tmp_path) + "?timeout=0.1", OURS)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        ledger.record_tick(a_tick())
    assert ledger.read(EVER).last_block == 0, "a reader does not wait for the writer"
    other.close()


def test_tables__for_postgresql__number_rows_with_64_bits() -> None:
    made = str(CreateTable(schema.ticks).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "id BIGSERIAL" in made
