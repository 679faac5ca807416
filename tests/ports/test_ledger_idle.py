"""The idle tick's way into the ledger: the same answers as the whole one, without its import."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from given_ledger import (
    EVER,
    GONE,
    OURS,
    a_basis,
    a_cost,
    a_failure,
    a_replacement,
    a_settlement,
    a_tick,
    a_valued_tick,
    an_intent,
)

from rebalancer.adapters.ledger import idle, schema
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import Horizon

READS_AND_RECORDS = """
import sys
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.core.model import Horizon, TickRecord
ledger = IdleLedger(sys.argv[1], Identity(1, sys.argv[2], sys.argv[3]))
past = ledger.read(Horizon(0, 0, 0))
assert past.open_intent is None and past.unfinal is not None
ledger.record_tick(TickRecord(1_700_000_000, 7, "held", "within the bands", None, None, None, 1))
print("sqlalchemy" in sys.modules)
"""


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"


def test_versions__of_both_files__agree() -> None:
    assert idle.VERSION == schema.VERSION


def test_idle_tick__on_a_ledger_that_is_there__does_not_import_sqlalchemy(tmp_path: Path) -> None:
    whole = SqlLedger(_url(tmp_path), OURS)
    whole.record_intent(an_intent(), a_basis(an_intent()))
    whole.record_landing(an_intent(), a_settlement(an_intent()))
    whole.close()
    command = [sys.executable, "-c", READS_AND_RECORDS, _url(tmp_path), OURS.wallet, OURS.operator]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "False"
    assert SqlLedger(_url(tmp_path), OURS).history(1)[0].block == 7


def test_read__with_all_kinds_of_rows__equals_the_whole_ledgers(tmp_path: Path) -> None:
    whole = SqlLedger(_url(tmp_path), OURS)
    whole.record_tick(a_valued_tick(1_700_000_000, 10**9))
    for number, result in ((1, a_settlement(an_intent(1), cost=a_cost())), (2, GONE), (3, a_failure(an_intent(3)))):
        whole.record_intent(an_intent(number), a_basis(an_intent(number)))
        whole.record_landing(an_intent(number), result)
    whole.record_reopened(an_intent(3), "another block")
    whole.record_landing(an_intent(3), GONE)
    whole.record_tick(a_tick(block=1_234))
    whole.record_tick(a_tick("Halt", "look at this"))
    past = whole.read(EVER)
    assert IdleLedger(_url(tmp_path), OURS).read(EVER) == past
    assert (past.halted, past.failures, past.history.traded) == ("look at this", 2, a_cost().traded)


def test_read__while_an_intent_is_open__gives_it_whole(tmp_path: Path) -> None:
    whole = SqlLedger(_url(tmp_path), OURS)
    whole.record_intent(an_intent(), a_basis(an_intent()))
    replaced = whole.record_replacement(an_intent(), a_replacement(an_intent()))
    assert IdleLedger(_url(tmp_path), OURS).read(EVER).open_intent == replaced


def test_open__tables_of_another_version__is_refused_by_name(tmp_path: Path) -> None:
    SqlLedger(_url(tmp_path), OURS).close()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE ledger_schema SET version = 99")
    with pytest.raises(ConfigError, match="99"):
        IdleLedger(_url(tmp_path), OURS)


def test_open__file_that_is_no_database__is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises((ConfigError, Halt), match="ledger"):
        IdleLedger(_url(tmp_path), OURS)


def test_record_tick__file_may_not_be_written__is_an_error_with_a_name(tmp_path: Path) -> None:
    SqlLedger(_url(tmp_path), OURS).close()
    ledger = IdleLedger(_url(tmp_path), OURS)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("DROP TABLE ticks")
    with pytest.raises(ConfigError, match="ledger"):
        ledger.record_tick(a_tick())


def test_record_tick__with_a_number_of_more_than_64_bits__halts_and_adds_nothing(tmp_path: Path) -> None:
    ledger = IdleLedger(_url(tmp_path), OURS)
    with pytest.raises(Halt, match="does not fit into 64 bits"):
        ledger.record_tick(a_tick(block=2**64))
    assert ledger.history(1) == ()


def test_read__after_a_year_of_ticks__goes_through_few_of_them(tmp_path: Path) -> None:
    whole = SqlLedger(_url(tmp_path), OURS)
    for number in range(1, 21):
        whole.record_intent(an_intent(number), a_basis(an_intent(number)))
        whole.record_landing(an_intent(number), a_settlement(an_intent(number)))
    whole.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO ticks (portfolio, at, block, outcome, detail, value, requests, index_e9)"
            " VALUES (1, ?, ?, 'held', 'within the bands', '1', 1, 1000000000)",
            ((1_700_000_000 + 300 * number, 2_000 + 25 * number) for number in range(105_000)),
        )
    ledger = IdleLedger(_url(tmp_path), OURS)
    assert ledger._connection is not None
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger._connection.set_progress_handler(step, 1_000)
    day = 1_700_000_000 + 300 * 105_000 - 86_400
    past = ledger.read(Horizon(peak=day, day=day, month=day - 29 * 86_400))
    assert past.last_block == 2_000 + 25 * 104_999
    assert steps < 50, "fifty thousand instructions of SQLite; every tick once would be a million"
