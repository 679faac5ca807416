"""One wallet, one operator in a ledger: a new one begins when the old one is done, which is out from then on."""

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
    a_failure,
    a_replacement,
    a_settlement,
    a_tick,
    an_intent,
)
from given_ports import DRY, LIVE, OFF_TARGET, off_target_again, past_of, ports_of, state
from small_market import POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.database import READ
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.opening import number_of
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import HALTED, RESUMED, Identity
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import FINAL_BLOCKS, Blocked, Failure, Past, Settled, Settlement
from rebalancer.keeper import run_once
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Wei

NEW = replace(OURS, operator=checksum_address("0x" + "77" * 20))
"""The wallet's next operator."""
REPLACED = f"wallet {OURS.wallet} is rebalanced by operator {NEW.operator} in this ledger, and this is {OURS.operator}"


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database that many may share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db?portfolios=many"
    return str(request.getfixturevalue("postgres_url"))


def _begin(url: str, who: Identity = NEW) -> None:
    """With its first intent, which has landed."""
    ledger = SqlLedger(url, who)
    ledger.record_intent(an_intent(), a_basis(an_intent()))
    ledger.record_landing(an_intent(), GONE)
    ledger.close()


def _rebalance(ledger: SqlLedger, number: int = 1) -> None:
    """Done, and final."""
    intent = an_intent(number)
    ledger.record_intent(intent, a_basis(intent))
    ledger.record_landing(intent, a_settlement(intent))
    ledger.record_tick(a_tick(block=a_settlement(intent).block + FINAL_BLOCKS))


def _refused(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        _begin(url)
    assert SqlLedger(url, NEW).read(EVER).open_intent is None


def test_record_intent__of_a_second_operator_while_the_first_has_one_open__is_refused_by_name(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_intent(an_intent(), a_basis(an_intent()))
    _refused(shared, f"{OURS} has an intent open, so {NEW} cannot begin")
    first.record_landing(an_intent(), a_settlement(an_intent()))
    first.record_tick(a_tick(block=a_settlement(an_intent()).block + FINAL_BLOCKS))
    _begin(shared)
    assert first.read(EVER).last_settled_at is not None


def test_record_intent__of_a_second_operator_while_the_first_is_halted__is_refused_by_name(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    _rebalance(first)
    first.record_tick(a_tick(HALTED, "the wallet lost a third", None))
    _refused(shared, f"{OURS} is halted, so {NEW} cannot begin: the wallet lost a third")
    first.record_resumed(a_tick(RESUMED, "looked at it", None), "the wallet lost a third")
    _begin(shared)


def test_record_intent__of_a_second_operator_while_the_firsts_may_come_late__is_refused_by_name(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_intent(an_intent(), a_basis(an_intent()))
    first.record_landing(an_intent(), GONE)
    tx = an_intent().commitment.hash
    _refused(shared, f"{OURS} has given up {tx} unmined.*so {NEW} cannot begin")
    first.record_tick(a_tick(HALTED, "a new operator comes", None))
    first.record_resumed(a_tick(RESUMED, "its nonce is used", None), "a new operator comes")
    _begin(shared)


@pytest.mark.parametrize("result", [a_settlement(an_intent()), a_failure(an_intent())], ids=["settled", "failed"])
def test_record_intent__of_a_second_operator_while_the_firsts_is_not_final__is_refused_until_it_has_read_on(
    shared: str, result: Settlement | Failure
) -> None:
    first, tx = SqlLedger(shared, OURS), an_intent().commitment.hash
    first.record_intent(an_intent(), a_basis(an_intent()))
    first.record_landing(an_intent(), result)
    final = an_intent().block + 2 + FINAL_BLOCKS
    first.record_tick(a_tick(block=final - 1))
    _refused(shared, f"{tx} of {OURS} is final from block {final} on, so {NEW} cannot begin yet.*dry is enough")
    # What others have read says nothing of it: only the keeper that sent it looks whether it was taken back.
    SqlLedger(shared, NEW).record_tick(a_tick(block=final + 1))
    _refused(shared, f"is final from block {final} on")
    first.record_tick(a_tick(block=final))
    _begin(shared)


def test_change_of_the_operator__after_a_rebalance__needs_a_dry_tick_of_the_former_one(shared: str) -> None:
    """As the refusal says; though the former operator has no coin any more, and may not act on the wallet."""
    seen = state(*OFF_TARGET)
    first = replace(ports_of(seen), ledger=SqlLedger(shared, OURS))
    assert isinstance(run_once(first, POLICY, LIVE).outcome, Settled)
    later = off_target_again(first)
    at_once = replace(ports_of(seen), ledger=SqlLedger(shared, NEW))
    with pytest.raises(ConfigError, match=f"of {OURS} is final from block .* so {NEW} cannot begin yet"):
        run_once(at_once, POLICY, LIVE)
    drained = replace(later.chain.read(), operator_balance=Wei(0))
    former = replace(later, chain=FakeChain([drained]))
    assert isinstance(run_once(former, POLICY, DRY).outcome, Blocked)
    assert past_of(former).unfinal is None
    assert isinstance(run_once(at_once, POLICY, LIVE).outcome, Settled)


def test_record_intent__of_a_second_operator__looks_at_the_one_who_acts_only(shared: str) -> None:
    third = replace(OURS, operator=checksum_address("0x" + "55" * 20))
    first = SqlLedger(shared, OURS)
    _rebalance(first)
    second = SqlLedger(shared, NEW)
    _rebalance(second)
    first.record_tick(a_tick(HALTED, "of a keeper that is out", None))
    looked = SqlLedger(shared, replace(OURS, operator=checksum_address("0x" + "44" * 20)))
    looked.record_tick(a_tick(HALTED, "of one who never acted", None))
    _begin(shared, third)
    with pytest.raises(ConfigError, match=f"is rebalanced by operator {third.operator}"):
        second.record_intent(an_intent(2), a_basis(an_intent(2)))


def test_record_intent__of_a_second_operator_of_another_wallet__looks_at_its_own_only(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    first.record_intent(an_intent(), a_basis(an_intent()))
    other = replace(NEW, wallet=checksum_address("0x" + "66" * 20))
    _begin(shared, other)
    # Nor does the same wallet on another chain: it is another one.
    _begin(shared, replace(NEW, chain_id=10))
    first.record_landing(an_intent(), a_settlement(an_intent()))
    first.record_intent(an_intent(2), a_basis(an_intent(2)))


def test_open__with_another_operators_file__takes_nobodys_place(shared: str) -> None:
    """A `check` before the change, or a mistyped operator."""
    first = SqlLedger(shared, OURS)
    _rebalance(first)
    looking = SqlLedger(shared, NEW)
    assert looking.read(EVER) == Past(None, None, None, 0, 0)
    assert looking.history(5) == ()
    with first._begin(READ) as connection:
        assert number_of(connection, NEW) == 0, "who only looks has not even joined"
    _rebalance(first, 2)
    # Nor does a dry run, whose ticks are kept.
    looking.record_tick(a_tick())
    assert SqlLedger(shared, NEW).history(5) == (a_tick(),)
    _rebalance(first, 3)
    _rebalance(SqlLedger(shared, OURS), 4)


def test_open__with_another_operators_file__takes_nobodys_place_in_an_idle_tick_either(tmp_path: Path) -> None:
    alone = f"sqlite:///{tmp_path}/ledger.db"
    shared = f"{alone}?portfolios=many"
    SqlLedger(shared, OURS).record_tick(a_tick())
    SqlLedger(shared, NEW).record_tick(a_tick(block=7))
    assert IdleLedger(alone, OURS)._connection is not None
    assert IdleLedger(alone, OURS).history(5) == (a_tick(),)


def test_read__of_one_who_had_not_joined__sees_what_its_other_process_has_recorded_since(shared: str) -> None:
    ledger = SqlLedger(shared, OURS)
    assert ledger.read(EVER).halted is None
    SqlLedger(shared, OURS).record_tick(a_tick(HALTED, "stop", None))
    assert ledger.read(EVER).halted == "stop"
    assert len(ledger.history(5)) == 1


def test_open__by_the_operator_that_was_replaced__is_refused_by_name(shared: str) -> None:
    _rebalance(SqlLedger(shared, OURS))
    _begin(shared)
    with pytest.raises(ConfigError, match=REPLACED):
        SqlLedger(shared, OURS)
    with pytest.raises(ConfigError, match=REPLACED):
        IdleLedger(shared, OURS)
    SqlLedger(shared, NEW).close()


def test_open__by_the_operator_that_was_replaced__is_refused_by_an_idle_tick_too(tmp_path: Path) -> None:
    alone = f"sqlite:///{tmp_path}/ledger.db"
    shared = f"{alone}?portfolios=many"
    _rebalance(SqlLedger(shared, OURS))
    _begin(shared)
    with pytest.raises(ConfigError, match=REPLACED):
        IdleLedger(alone, OURS)
    assert IdleLedger(alone, NEW)._connection is not None, "the new one's ticks are as cheap as before"


def test_record__by_the_operator_that_was_replaced_meanwhile__sends_nothing(shared: str) -> None:
    first = SqlLedger(shared, OURS)
    _rebalance(first)
    _begin(shared)
    with pytest.raises(ConfigError, match=REPLACED):
        first.record_intent(an_intent(2), a_basis(an_intent(2)))
    with pytest.raises(ConfigError, match=REPLACED):
        first.record_replacement(an_intent(1), a_replacement(an_intent(1)))
    with pytest.raises(ConfigError, match=REPLACED):
        first.record_reopened(an_intent(1), "another block")
    assert first.read(EVER).open_intent is None
    # What it has seen is still kept, and stops nobody.
    first.record_tick(a_tick(HALTED, "not mine any more", None))
    second = SqlLedger(shared, NEW)
    second.record_intent(an_intent(2), a_basis(an_intent(2)))
    assert second.read(EVER).open_intent == an_intent(2)


@pytest.mark.parametrize("known", [True, False], ids=["one at work", "both new"])
def test_two_operators__that_record_at_once__are_never_both_let(shared: str, known: bool) -> None:
    """Of ten wallets."""
    for number in range(10):
        wallet = checksum_address("0x" + (1_000 + number).to_bytes(20, "big").hex())
        old, new, together = replace(OURS, wallet=wallet), replace(NEW, wallet=wallet), threading.Barrier(2)
        if known:
            _rebalance(SqlLedger(shared, old))

        def record(who: Identity, together: threading.Barrier = together) -> bool:
            ledger = SqlLedger(shared, who)
            together.wait()
            done = _done(lambda: ledger.record_intent(an_intent(2), a_basis(an_intent(2))))
            ledger.close()
            return done

        with ThreadPoolExecutor(2) as pool:
            one, other = pool.submit(record, old), pool.submit(record, new)
            assert one.result() != other.result(), "one of the two, and the other is told"


def _done(what: Callable[[], None]) -> bool:
    try:
        what()
    except ConfigError:
        return False
    return True
