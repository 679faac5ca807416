"""A halt that is written at the same moment as something else: it is seen, and what is on disk later has the say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from given_ledger import EVER, OURS, a_basis, a_tick, an_intent
from sqlalchemy.engine import Connection

from rebalancer.adapters.ledger.database import WRITE
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import HALTED, RESUMED
from rebalancer.core.errors import Halt


def test_halt_and_record__at_once__is_sent_before_the_halt_or_not_at_all(postgres_url: str) -> None:
    """A halt that is on record before the intent is seen by it, whenever its question began."""
    ledger, other = SqlLedger(postgres_url, OURS), SqlLedger(postgres_url, OURS)
    other.record_tick(a_tick())
    with ThreadPoolExecutor(1) as pool:
        with ledger._acting():
            halting = pool.submit(lambda: other.record_tick(a_tick(HALTED, "stop", None)))
            with pytest.raises(TimeoutError):
                halting.result(timeout=0.5)
        halting.result(timeout=10)
    with pytest.raises(Halt, match="stop"):
        ledger.record_intent(an_intent(), a_basis(an_intent()))


def test_record_intent__begun_while_a_halt_is_being_written__halts(postgres_url: str) -> None:
    ledger, other = SqlLedger(postgres_url, OURS), SqlLedger(postgres_url, OURS)
    other.record_tick(a_tick())
    with ThreadPoolExecutor(1) as pool:
        with other._begin(WRITE) as halting:
            other._add_tick(halting, a_tick(HALTED, "stop", None))
            recording = pool.submit(lambda: ledger.record_intent(an_intent(), a_basis(an_intent())))
            with pytest.raises(TimeoutError):
                recording.result(timeout=0.5)
        with pytest.raises(Halt, match=r"^stop$"):
            recording.result(timeout=10)
    assert ledger.read(EVER).open_intent is None


def test_halt__written_while_a_person_resumes_from_an_earlier_one__stands(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is on disk later has the higher number, and has the say."""
    ledger, other = SqlLedger(postgres_url, OURS), SqlLedger(postgres_url, OURS)
    ledger.record_tick(a_tick(HALTED, "first", None))
    reads, halting = ledger._halted, []
    with ThreadPoolExecutor(1) as pool:

        def slowly(connection: Connection) -> str | None:
            halting.append(pool.submit(lambda: other.record_tick(a_tick(HALTED, "the key is stolen", None))))
            with pytest.raises(TimeoutError):
                halting[0].result(timeout=0.5)
            return reads(connection)

        monkeypatch.setattr(ledger, "_halted", slowly)
        ledger.record_resumed(a_tick(RESUMED, "looked at the first", None), "first")
        halting[0].result(timeout=10)
    assert [tick.outcome for tick in ledger.history(3)] == [HALTED, RESUMED, HALTED]
    assert ledger.read(EVER).halted == "the key is stolen"
