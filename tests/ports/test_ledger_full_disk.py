"""A disk without space, and one that fails: the record is refused by name, and nothing that was there is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from given_ledger import EVER, OURS, a_basis, a_replacement, a_settlement, a_tick, an_intent

from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Intent

HERE = Path(__file__).resolve().parent


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"


def _filled(ledger: SqlLedger) -> None:
    """From now on SQLite finds no room for a single page more: its own error of a full disk."""
    ledger._database.engine.dispose()

    def fill(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(ledger._database.engine, "connect", fill)


def _large(number: int = 1) -> Intent:
    """Calldata that needs pages of its own."""
    intent = an_intent(number)
    transaction = intent.commitment.transaction
    call = replace(transaction.call, data=bytes(20_000))
    return replace(intent, commitment=replace(intent.commitment, transaction=replace(transaction, call=call)))


def test_record_intent__on_a_full_disk__is_unavailable_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    ledger = SqlLedger(_url(tmp_path), OURS)
    ledger.record_intent(an_intent(1), a_basis(an_intent(1)))
    ledger.record_landing(an_intent(1), a_settlement(an_intent(1)))
    before = ledger.read(EVER)
    _filled(ledger)
    with pytest.raises(Unavailable, match=r"cannot be used now.*full.*free some space"):
        ledger.record_intent(_large(2), a_basis(_large(2)))
    ledger.close()
    again = SqlLedger(_url(tmp_path), OURS)
    assert again.read(EVER) == before
    again.record_intent(_large(2), a_basis(_large(2)))
    assert again.read(EVER).open_intent == _large(2)


def test_record_replacement_and_landing__on_a_full_disk__leave_the_intent_open(tmp_path: Path) -> None:
    ledger = SqlLedger(_url(tmp_path), OURS)
    intent = _large()
    ledger.record_intent(intent, a_basis(intent))
    _filled(ledger)
    raised = a_replacement(intent)
    with pytest.raises(Unavailable, match="full"):
        ledger.record_replacement(intent, raised)
    failed = replace(a_settlement(intent), tx="0x" + "00" * 40_000)
    with pytest.raises(Unavailable, match="full"):
        ledger.record_landing(intent, failed)
    ledger.close()
    assert SqlLedger(_url(tmp_path), OURS).read(EVER).open_intent == intent


ROUNDS = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from given_ledger import EVER, OURS, a_basis, a_settlement, an_intent
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.core.errors import Unavailable
ledger = IdleLedger(sys.argv[1], OURS)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
for number in range(1, 500):
    try:
        ledger.record_intent(an_intent(number), a_basis(an_intent(number)))
        print("open", number, flush=True)
        ledger.record_landing(an_intent(number), a_settlement(an_intent(number)))
        print("landed", number, flush=True)
    except Unavailable as error:
        print("refused", error, flush=True)
        break
"""


def test_rounds__until_the_file_system_gives_no_more__lose_nothing_that_was_said_to_be_there(tmp_path: Path) -> None:
    IdleLedger(_url(tmp_path), OURS).close()
    command = [sys.executable, "-c", ROUNDS, _url(tmp_path), str(HERE), "400000"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    *said, last = done.stdout.splitlines()
    assert last.startswith("refused ledger sqlite"), done.stdout[-500:]
    word, number = said[-1].split()
    past = IdleLedger(_url(tmp_path), OURS).read(EVER)
    if word == "open":
        assert past.open_intent == an_intent(int(number))
    else:
        assert past.open_intent is None and past.unfinal is not None
        assert past.unfinal[0] == an_intent(int(number))


def test_record_tick__on_a_file_that_may_not_grow__is_unavailable_and_can_be_repeated(tmp_path: Path) -> None:
    ledger = IdleLedger(_url(tmp_path), OURS)
    ledger.close()
    ledger = IdleLedger(_url(tmp_path), OURS)
    record = a_tick(detail="x" * 20_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(Unavailable, match="cannot be used now"):
            ledger.record_tick(record)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ledger.record_tick(record)
    assert ledger.history(5) == (record,)
    assert ledger.read(EVER).recent == (record,)
