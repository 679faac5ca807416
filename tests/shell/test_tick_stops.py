"""What stops a tick: batches that fail, a halt, and a node behind what was read before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_ports import OFF_TARGET, ON_TARGET, off_target_again, past_of, ports_of, state, tick
from small_market import NOW, POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.wallets.fake import FakeWallet, failed, gone, landed
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import RESUMED, Failed, Held, Intent, Landing, Settled, TickRecord
from rebalancer.keeper import resume


def ending(how: Callable[[Intent], Landing]) -> FakeWallet:
    return FakeWallet(landings=[how])


@pytest.mark.parametrize("ending_of", [failed, gone], ids=["reverted", "void"])
def test_tick__batch_does_not_happen__is_failed_and_closed(ending_of: Callable[[Intent], Landing]) -> None:
    ports = ports_of(state(*OFF_TARGET), ending(ending_of))
    assert isinstance(tick(ports).outcome, Failed)
    past = past_of(ports)
    assert past.open_intent is None and past.last_settled_at is None


@pytest.mark.parametrize("ending_of", [failed, gone], ids=["reverted", "void"])
def test_tick__after_three_failures_in_a_row__halts_before_it_reads(ending_of: Callable[[Intent], Landing]) -> None:
    wallet = ending(ending_of)
    ports = ports_of(state(*OFF_TARGET), wallet)
    for _ in range(POLICY.over_time.failures):
        assert isinstance(tick(ports).outcome, Failed)
        ports = off_target_again(ports)
    with pytest.raises(Halt, match="3 batches failed since the last rebalance, .*then resume"):
        tick(ports)
    assert len(wallet.sent) == 3
    assert isinstance(ports.chain, FakeChain) and ports.chain.reads == 0


def test_tick__a_batch_settled_in_between__counts_the_failures_anew() -> None:
    wallet = FakeWallet(landings=[failed, failed, landed, failed, failed, landed])
    ports = ports_of(state(*OFF_TARGET), wallet)
    words = []
    for _ in range(6):
        ports = off_target_again(ports)
        words.append(type(tick(ports).outcome).__name__)
    assert words == ["Failed", "Failed", "Settled"] * 2


def test_tick__a_person_resumed_after_three_failures__acts_again() -> None:
    ports = ports_of(state(*OFF_TARGET), FakeWallet(landings=[failed, failed, failed, landed]))
    for _ in range(3):
        assert isinstance(tick(ports).outcome, Failed)
        ports = off_target_again(ports)
    ports.ledger.record_tick(TickRecord(NOW, None, RESUMED, "another pool was added", *[None] * 3, 0))
    assert isinstance(tick(ports).outcome, Settled)


def test_tick__halted_before__raises_halt_and_reads_nothing() -> None:
    ports = ports_of(state(*OFF_TARGET))
    ports.ledger.record_tick(TickRecord(NOW, None, "Halt", "nonce 7 was used by another transaction", *[None] * 3, 1))
    with pytest.raises(Halt, match="nonce 7"):
        tick(ports)
    assert isinstance(ports.chain, FakeChain) and ports.chain.reads == 0


def test_tick__node_behind_what_was_read_before__is_unavailable() -> None:
    snapshot = state(*OFF_TARGET)
    ports = ports_of(snapshot)
    ahead = snapshot.block.number + 3
    ports.ledger.record_tick(TickRecord(NOW, ahead, "held", "", None, None, None, 1))
    with pytest.raises(Unavailable, match=str(ahead)):
        tick(ports)


def test_tick__node_far_behind__halts_until_a_person_resumes() -> None:
    ports = ports_of(state(*ON_TARGET))
    never_was = TickRecord(NOW, 10**12, "held", "", None, None, None, 1)
    ports.ledger.record_tick(never_was)
    with pytest.raises(Halt, match="that block never was"):
        tick(ports)
    ports.ledger.record_tick(replace(never_was, block=None, outcome="Halt", detail="far behind"))
    resume(ports, POLICY, "that node made it up")
    assert isinstance(tick(ports).outcome, Held)
