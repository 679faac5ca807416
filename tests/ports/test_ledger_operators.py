"""One wallet, one operator in a ledger: a new one joins when the old one is done, which is out from then on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from given_ledger import (
    EVER,
    GONE,
    OURS,
    a_basis,
    a_replacement,
    a_settlement,
    a_tick,
    an_intent,
)

from rebalancer.adapters.ledger.database import WRITE
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import HALTED, RESUMED, Identity
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import Past
from rebalancer.market.addresses import checksum_address

NEW = replace(OURS, operator=checksum_address("0x" + "77" * 20))
"""The wallet's next operator."""
REPLACED = f"wallet {OURS.wallet} is rebalanced by operator {NEW.operator} in this ledger, and this is {OURS.operator}"


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database that many may share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db?portfolios=many"
    return str(request.getfixturevalue("postgres_url"))


def _join(url: str) -> None:
    SqlLedger(url, NEW).close()


def test_open__by_a_second_operator_while_the_first_has_an_intent_open__is_refused_by_name(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_intent(an_intent(), a_basis(an_intent()))
    with pytest.raises(ConfigError, match=f"{OURS} has an intent open, so {NEW} cannot begin"):
        SqlLedger(shared, NEW)
    first.record_landing(an_intent(), a_settlement(an_intent()))
    assert SqlLedger(shared, NEW).read(EVER) == Past(None, None, None, 0, 0)
    assert first.read(EVER).last_settled_at is not None


def test_open__by_a_second_operator_while_the_first_is_halted__is_refused_by_name(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_tick(a_tick(HALTED, "the wallet lost a third", None))
    with pytest.raises(ConfigError, match=f"{OURS} is halted, so {NEW} cannot begin: the wallet lost a third"):
        SqlLedger(shared, NEW)
    first.record_resumed(a_tick(RESUMED, "looked at it", None), "the wallet lost a third")
    _join(shared)


def test_open__by_a_second_operator_while_the_firsts_may_come_late__is_refused_by_name(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_intent(an_intent(), a_basis(an_intent()))
    first.record_landing(an_intent(), GONE)
    tx = an_intent().commitment.hash
    with pytest.raises(ConfigError, match=f"{OURS} has given up {tx} unmined.*so {NEW} cannot begin"):
        SqlLedger(shared, NEW)
    first.record_tick(a_tick(HALTED, "a new operator comes", None))
    first.record_resumed(a_tick(RESUMED, "its nonce is used", None), "a new operator comes")
    _join(shared)


def test_open__by_a_second_operator_of_another_wallet__looks_at_its_own_only(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_intent(an_intent(), a_basis(an_intent()))
    other = replace(NEW, wallet=checksum_address("0x" + "66" * 20))
    assert SqlLedger(shared, other).read(EVER).open_intent is None
    # Nor does the same wallet on another chain: it is another one.
    assert SqlLedger(shared, replace(NEW, chain_id=10)).read(EVER).open_intent is None
    first.record_landing(an_intent(), a_settlement(an_intent()))
    first.record_intent(an_intent(2), a_basis(an_intent(2)))


def test_open__by_the_operator_that_was_replaced__is_refused_by_name(shared: str) -> None:
    SqlLedger(shared, OURS).close()
    _join(shared)
    with pytest.raises(ConfigError, match=REPLACED):
        SqlLedger(shared, OURS)
    with pytest.raises(ConfigError, match=REPLACED):
        IdleLedger(shared, OURS)
    _join(shared)


def test_open__by_the_operator_that_was_replaced__is_refused_by_an_idle_tick_too(tmp_path: Path) -> None:
    alone = f"sqlite:///{tmp_path}/ledger.db"
    shared = f"{alone}?portfolios=many"
    SqlLedger(shared, OURS).close()
    _join(shared)
    with pytest.raises(ConfigError, match=REPLACED):
        IdleLedger(alone, OURS)
    assert IdleLedger(alone, NEW)._connection is not None, "the new one's ticks are as cheap as before"


def test_record__by_the_operator_that_was_replaced_meanwhile__sends_nothing(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_intent(an_intent(1), a_basis(an_intent(1)))
    first.record_landing(an_intent(1), a_settlement(an_intent(1)))
    _join(shared)
    with pytest.raises(ConfigError, match=REPLACED):
        first.record_intent(an_intent(2), a_basis(an_intent(2)))
    with pytest.raises(ConfigError, match=REPLACED):
        first.record_replacement(an_intent(1), a_replacement(an_intent(1)))
    with pytest.raises(ConfigError, match=REPLACED):
        first.record_reopened(an_intent(1), "another block")
    assert first.read(EVER).open_intent is None
    second = SqlLedger(shared, NEW)
    second.record_intent(an_intent(2), a_basis(an_intent(2)))
    assert second.read(EVER).open_intent == an_intent(2)


def test_join_and_record__at_once__are_never_both_done(shared: str) -> None:
    """Ten wallets: of each, the old operator records while a new one joins."""
    for number in range(10):
        wallet = checksum_address("0x" + (1_000 + number).to_bytes(20, "big").hex())
        old, new = replace(OURS, wallet=wallet), replace(NEW, wallet=wallet)
        first, together = SqlLedger(shared, old), threading.Barrier(2)

        def record(first: SqlLedger = first, together: threading.Barrier = together) -> bool:
            together.wait()
            return _done(lambda: first.record_intent(an_intent(), a_basis(an_intent())))

        def join(new: Identity = new, together: threading.Barrier = together) -> bool:
            together.wait()
            return _done(lambda: SqlLedger(shared, new).close())

        with ThreadPoolExecutor(2) as pool:
            recorded, joined = pool.submit(record), pool.submit(join)
            assert recorded.result() != joined.result(), "one of the two, and the other is told"
        first.close()


def test_halt_and_record__at_once__is_sent_before_the_halt_or_not_at_all(postgres_url: str) -> None:
    """A halt that is on record before the intent is seen by it, whenever its question began."""
    ledger, other = SqlLedger(postgres_url, OURS), SqlLedger(postgres_url, OURS)
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
    with ThreadPoolExecutor(1) as pool:
        with other._begin(WRITE) as halting:
            other._add_tick(halting, a_tick(HALTED, "stop", None))
            recording = pool.submit(lambda: ledger.record_intent(an_intent(), a_basis(an_intent())))
            with pytest.raises(TimeoutError):
                recording.result(timeout=0.5)
        with pytest.raises(Halt, match=r"^stop$"):
            recording.result(timeout=10)
    assert ledger.read(EVER).open_intent is None


def _done(what: Callable[[], None]) -> bool:
    try:
        what()
    except ConfigError:
        return False
    return True
