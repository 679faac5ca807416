"""The idle tick's way into the ledger: the same answers as the whole one, without its import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from given_ledger import OURS, a_settlement, a_tick, an_intent

from rebalancer.adapters.ledger import idle, schema
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import ConfigError, Halt

READS_AND_RECORDS = """
import sys
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.core.model import TickRecord
ledger = IdleLedger(sys.argv[1], Identity(1, sys.argv[2], sys.argv[3]))
assert ledger.read().open_intent is None
ledger.record_tick(TickRecord(1_700_000_000, 7, "held", "within the bands", None, None, None, 1))
print("sqlalchemy" in sys.modules)
"""


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"


def test_versions__of_both_files__agree() -> None:
    assert idle.VERSION == schema.VERSION


def test_idle_tick__on_a_ledger_that_is_there__does_not_import_sqlalchemy(tmp_path: Path) -> None:
    SqlLedger(_url(tmp_path), OURS).close()
    command = [sys.executable, "-c", READS_AND_RECORDS, _url(tmp_path), OURS.wallet, OURS.operator]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "False"
    assert SqlLedger(_url(tmp_path), OURS).history(1)[0].block == 7


def test_read__with_settled_failed_and_halted_rows__equals_the_whole_ledgers(tmp_path: Path) -> None:
    whole = SqlLedger(_url(tmp_path), OURS)
    whole.record_intent(an_intent(1))
    whole.record_landing(an_intent(1), a_settlement(an_intent(1)))
    whole.record_intent(an_intent(2))
    whole.record_landing(an_intent(2), "gone")
    whole.record_tick(a_tick(block=1_234))
    whole.record_tick(a_tick("Halt", "look at this"))
    assert IdleLedger(_url(tmp_path), OURS).read() == whole.read()
    assert (whole.read().halted, whole.read().failures) == ("look at this", 1)


def test_read__while_an_intent_is_open__gives_it_whole(tmp_path: Path) -> None:
    SqlLedger(_url(tmp_path), OURS).record_intent(an_intent())
    assert IdleLedger(_url(tmp_path), OURS).read().open_intent == an_intent()


def test_open__tables_of_another_version__is_refused_by_name(tmp_path: Path) -> None:
    import sqlite3

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
    import sqlite3

    SqlLedger(_url(tmp_path), OURS).close()
    ledger = IdleLedger(_url(tmp_path), OURS)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("DROP TABLE ticks")
    with pytest.raises(ConfigError, match="ledger"):
        ledger.record_tick(a_tick())
