"""What a tick sends, every crash point in between, and an intent that is open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ports_of, state
from small_market import NOW, POLICY

from rebalancer.adapters.clock import FixedClock
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, landed, waiting
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Intent, Pending, Settled
from rebalancer.tick import run_tick


def test_tick__live_and_off_target__is_settled_and_closed_in_the_ledger() -> None:
    ports = ports_of(state(*OFF_TARGET))
    outcome = run_tick(ports, POLICY, LIVE).outcome
    assert isinstance(outcome, Settled)
    past = ports.ledger.read()
    assert past.open_intent is None and past.last_settled_at == outcome.settlement.timestamp


def test_tick__not_mined_in_time__is_pending_and_the_next_tick_settles_it() -> None:
    wallet = FakeWallet(landings=[waiting, landed])
    ports = ports_of(state(*OFF_TARGET), wallet)
    first = run_tick(ports, POLICY, LIVE).outcome
    assert isinstance(first, Pending) and len(wallet.sent) == 1
    second = run_tick(ports, POLICY, LIVE)
    assert isinstance(second.outcome, Settled) and second.snapshot is None
    assert len(wallet.sent) == 1


def test_tick__sending_fails__is_pending_and_the_same_bytes_go_out_next_time() -> None:
    wallet = FakeWallet()
    ports = ports_of(state(*OFF_TARGET), wallet)
    wallet.failure = Unavailable("node.example: no answer within 10 s")
    first = run_tick(ports, POLICY, LIVE).outcome
    assert isinstance(first, Pending) and wallet.sent == []
    wallet.failure = None
    assert isinstance(run_tick(ports, POLICY, LIVE).outcome, Settled)
    assert [intent.commitment.raw for intent in wallet.sent] == [first.intent.commitment.raw]


def test_tick__killed_between_record_and_send__sends_the_same_bytes_at_the_next_start() -> None:
    class Killed(FakeWallet):
        def execute(self, intent: Intent) -> None:
            raise KeyboardInterrupt

    ports = ports_of(state(*OFF_TARGET), Killed())
    with pytest.raises(KeyboardInterrupt):
        run_tick(ports, POLICY, LIVE)
    recorded = ports.ledger.read().open_intent
    assert recorded is not None, "the intent must be on record before anything is sent"
    survivor = FakeWallet()
    assert isinstance(run_tick(replace(ports, wallet=survivor), POLICY, LIVE).outcome, Settled)
    assert survivor.sent == [recorded]


def test_tick__killed_before_the_record__leaves_no_trace_and_plans_anew() -> None:
    class Killed(MemoryLedger):
        def record_intent(self, intent: Intent) -> None:
            raise KeyboardInterrupt

    wallet = FakeWallet()
    ports = replace(ports_of(state(*OFF_TARGET), wallet), ledger=Killed())
    with pytest.raises(KeyboardInterrupt):
        run_tick(ports, POLICY, LIVE)
    assert wallet.sent == []
    assert isinstance(run_tick(replace(ports, ledger=MemoryLedger()), POLICY, LIVE).outcome, Settled)


def test_tick__open_intent_and_dry_run__looks_and_sends_nothing() -> None:
    wallet = FakeWallet()
    ports = ports_of(state(*OFF_TARGET), wallet)
    wallet.failure = Unavailable("no connection")
    run_tick(ports, POLICY, LIVE)
    wallet.failure = None
    assert isinstance(run_tick(ports, POLICY, DRY).outcome, Pending)
    assert wallet.sent == []


def test_tick__open_intent_past_its_deadline__is_not_sent_again() -> None:
    wallet = FakeWallet(landings=[waiting])
    ports = ports_of(state(*OFF_TARGET), wallet)
    run_tick(ports, POLICY, LIVE)
    late = replace(ports, clock=FixedClock(NOW + POLICY.limits.deadline))
    assert isinstance(run_tick(late, POLICY, LIVE).outcome, Pending)
    assert len(wallet.sent) == 1
