"""What a tick sends, every crash point in between, and an intent that is open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, OFF_TARGET, at, past_of, ports_of, state, tick
from small_market import NOW

from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.wallets.fake import FakeWallet, landed, waiting
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Basis, Intent, Pending, Quote, QuoteRequest, Refusal, Settled, Snapshot
from rebalancer.market.routing import MoreTicks


def test_tick__live_and_off_target__is_settled_and_closed_in_the_ledger() -> None:
    ports = ports_of(state(*OFF_TARGET))
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled)
    past = past_of(ports)
    assert past.open_intent is None and past.last_settled_at == outcome.settlement.timestamp


def test_tick__not_mined_in_time__is_pending_and_the_next_tick_settles_it() -> None:
    wallet = FakeWallet(landings=[waiting, landed])
    ports = ports_of(state(*OFF_TARGET), wallet)
    first = tick(ports).outcome
    assert isinstance(first, Pending) and len(wallet.sent) == 1
    second = tick(ports)
    assert isinstance(second.outcome, Settled) and second.snapshot is None
    assert len(wallet.sent) == 1


def test_tick__sending_fails__is_pending_and_the_same_bytes_go_out_next_time() -> None:
    wallet = FakeWallet()
    ports = ports_of(state(*OFF_TARGET), wallet)
    wallet.failure = Unavailable("node.example: no answer within 10 s")
    first = tick(ports).outcome
    assert isinstance(first, Pending) and wallet.sent == []
    wallet.failure = None
    assert isinstance(tick(ports).outcome, Settled)
    assert [intent.commitment.raw for intent in wallet.sent] == [first.intent.commitment.raw]


def test_tick__killed_between_record_and_send__sends_the_same_bytes_at_the_next_start() -> None:
    class Killed(FakeWallet):
        def execute(self, intent: Intent) -> None:
            raise KeyboardInterrupt

    ports = ports_of(state(*OFF_TARGET), Killed())
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    recorded = past_of(ports).open_intent
    assert recorded is not None, "the intent must be on record before anything is sent"
    survivor = FakeWallet()
    assert isinstance(tick(replace(ports, wallet=survivor)).outcome, Settled)
    assert survivor.sent == [recorded]


def test_tick__killed_before_the_record__leaves_no_trace_and_plans_anew() -> None:
    class Killed(MemoryLedger):
        def record_intent(self, intent: Intent, basis: Basis) -> None:
            raise KeyboardInterrupt

    wallet = FakeWallet()
    ports = replace(ports_of(state(*OFF_TARGET), wallet), ledger=Killed())
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    assert wallet.sent == []
    assert isinstance(tick(replace(ports, ledger=MemoryLedger())).outcome, Settled)


def test_tick__open_intent_and_dry_run__looks_and_sends_nothing() -> None:
    wallet = FakeWallet()
    ports = ports_of(state(*OFF_TARGET), wallet)
    wallet.failure = Unavailable("no connection")
    tick(ports)
    wallet.failure = None
    assert isinstance(tick(ports, mode=DRY).outcome, Pending)
    assert wallet.sent == []


def test_tick__a_quote_that_expires_before_it_is_sent__is_not_sent() -> None:
    class Brief(FakeVenue):
        def quote(self, request: QuoteRequest, snapshot: Snapshot) -> Quote | Refusal | MoreTicks:
            found = super().quote(request, snapshot)
            return replace(found, until=NOW - 1) if isinstance(found, Quote) else found

    wallet = FakeWallet()
    ports = ports_of(state(*OFF_TARGET), wallet, (Brief(),))
    with pytest.raises(Unavailable, match="the quote of fake has expired before it could be sent"):
        tick(ports)
    assert wallet.sent == [] and past_of(ports).open_intent is None


def test_tick__a_batch_whose_time_is_over_before_it_is_signed__is_not_signed() -> None:
    wallet = FakeWallet()
    ports = at(ports_of(state(*OFF_TARGET), wallet), 3_600)
    with pytest.raises(Unavailable, match="no block comes in time, so nothing was signed"):
        tick(ports)
    assert wallet.sent == [] and past_of(ports).open_intent is None
