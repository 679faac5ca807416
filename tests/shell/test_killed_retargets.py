"""Killed, delayed or replaced while it sets the targets of a module: the same transaction settles, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import LIVE, at, past_of, tick
from given_retargeting import (
    MORE_ETHER,
    a_module,
    chain_of,
    intents_of,
    keeper,
    moved_to,
    targets_now,
    wallet_of,
    wanted,
)
from small_market import NOW, POLICY

from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.wallets.fake import FakeWallet, failed, gone, landed, waiting
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Basis,
    Batch,
    Failed,
    Held,
    Intent,
    Landing,
    Pending,
    Purpose,
    Settled,
    Simulation,
    Snapshot,
)
from rebalancer.core.retarget import retargeting_batch
from rebalancer.keeper import run_once

AFTER = POLICY.replacing.after


def test_tick__killed_before_the_record__leaves_no_trace_and_decides_anew() -> None:
    class Killed(MemoryLedger):
        def record_intent(self, intent: Intent, basis: Basis) -> None:
            raise KeyboardInterrupt

    ports = replace(keeper(*MORE_ETHER), ledger=Killed())
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    assert wallet_of(ports).sent == []
    again = replace(ports, ledger=MemoryLedger())
    assert isinstance(tick(again).outcome, Settled) and targets_now(again) == list(MORE_ETHER)


def test_tick__killed_between_record_and_send__sends_the_same_bytes_next_time() -> None:
    class Killed(FakeWallet):
        def execute(self, intent: Intent) -> None:
            raise KeyboardInterrupt

    ports = keeper(*MORE_ETHER, wallet=Killed())
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    recorded = past_of(ports).open_intent
    assert recorded is not None and recorded.targets == wanted(*MORE_ETHER)
    survivor = FakeWallet()
    survivor.on_landed = lambda _: chain_of(ports).reorganise([moved_to(chain_of(ports).read(), recorded.targets)])
    outcome = tick(replace(ports, wallet=survivor)).outcome
    assert isinstance(outcome, Settled) and outcome.targets == recorded.targets and survivor.sent == [recorded]


def test_tick__killed_once_it_is_sent__settles_the_same_transaction_next_time() -> None:
    class Killed(FakeWallet):
        alive = False

        def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
            if not self.alive:
                raise KeyboardInterrupt
            return super().land(intent, patience, last_block)

    wallet = Killed()
    ports = keeper(*MORE_ETHER, wallet=wallet)
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    wallet.alive = True
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled) and len(intents_of(ports)) == 1 == len(wallet.sent)


def test_tick__settled_and_killed_before_it_looked__looks_next_time() -> None:
    ports = keeper(*MORE_ETHER)
    chain = chain_of(ports)

    class Killed(type(chain)):  # type: ignore[misc]
        reads_left = 1

        def read(self, last_block: int = 0) -> Snapshot:
            if self.reads_left == 0:
                raise KeyboardInterrupt
            self.reads_left -= 1
            return super().read(last_block)  # type: ignore[no-any-return]

    mortal = Killed([chain.read()])
    dying = replace(ports, chain=mortal)
    wallet_of(ports).on_landed = mortal.mine
    with pytest.raises(KeyboardInterrupt):
        tick(dying)
    assert past_of(dying).unchecked is not None
    mortal.reads_left = 9
    chain_of(ports).reorganise([moved_to(mortal.read(), wanted(*MORE_ETHER))])
    assert isinstance(tick(ports).outcome, Held)


def test_tick__sending_fails__is_pending_and_the_same_bytes_go_out_next_time() -> None:
    ports = keeper(*MORE_ETHER)
    wallet_of(ports).failure = Unavailable("node.example: no answer within 10 s")
    first = tick(ports).outcome
    assert isinstance(first, Pending) and wallet_of(ports).sent == []
    wallet_of(ports).failure = None
    assert isinstance(tick(ports).outcome, Settled)
    assert [intent.commitment.raw for intent in wallet_of(ports).sent] == [first.intent.commitment.raw]


def test_tick__open_and_other_targets_wanted_by_now__finishes_the_open_ones_first() -> None:
    ports = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[waiting, landed]))
    assert isinstance(tick(ports).outcome, Pending)
    later = replace(ports, targets=FixedTargets(wanted(20, 50, 20, 10)))
    outcome = tick(later).outcome
    assert isinstance(outcome, Settled) and outcome.targets == wanted(*MORE_ETHER)


def test_tick__unmined_for_long__raises_the_fees_of_the_very_same_call() -> None:
    ports = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[waiting, waiting, waiting, landed]))
    tick(ports)
    assert isinstance(tick(at(ports, AFTER)).outcome, Pending)
    intent = past_of(ports).open_intent
    assert intent is not None and [each.purpose for each in intent.replacements] == [Purpose.RAISE]
    first, second = (each.transaction for each in intent.transactions)
    assert second.call == first.call and second.nonce == first.nonce
    outcome = tick(at(ports, AFTER + 1)).outcome
    assert isinstance(outcome, Settled) and targets_now(ports) == list(MORE_ETHER)


def test_tick__unmined_past_its_deadline__is_cancelled_and_decided_anew() -> None:
    ports = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[waiting, waiting, landed]))
    tick(ports)
    late = at(ports, POLICY.limits.deadline + 1)
    report = tick(late)
    assert report.why is not None and "mined now, it would set what was wanted long ago: cancelled at" in report.why
    assert isinstance(report.outcome, Failed) and targets_now(ports) == [30, 40, 20, 10]
    chain_of(ports).deepen(FINAL_BLOCKS)
    assert isinstance(tick(late).outcome, Settled) and targets_now(ports) == list(MORE_ETHER)


def test_tick__mined_and_reverted__failed_and_costs_its_gas() -> None:
    ports = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[failed]))
    assert isinstance(tick(ports).outcome, Failed)
    past = past_of(ports)
    assert past.failures == 1 and past.history.gas_of_month > 0 and targets_now(ports) == [30, 40, 20, 10]


def test_tick__given_up_and_mined_all_the_same__is_opened_again_and_settles_once() -> None:
    ports = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[waiting, gone, landed]))
    tick(ports)
    assert isinstance(tick(ports).outcome, Failed)
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled) and len(intents_of(ports)) == 1 and targets_now(ports) == list(MORE_ETHER)


def test_tick__given_up_unmined__what_is_sent_next_has_the_same_nonce() -> None:
    ports = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[waiting, gone, gone, landed]))
    tick(ports)
    assert isinstance(tick(ports).outcome, Failed)
    assert isinstance(tick(ports).outcome, Settled)
    first, second = (intent.commitment.transaction for intent in intents_of(ports))
    assert first.nonce == second.nonce and second.fees.max_fee > first.fees.max_fee


def test_tick__its_block_is_replaced__is_opened_again_and_settles_once_more() -> None:
    ports = keeper(*MORE_ETHER)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)
    shown = wallet_of(ports).on_landed
    chain_of(ports).reorganise([replace(chain_of(ports).read(), wallet=a_module())])
    wallet_of(ports).reorganise(waiting, waiting, waiting, landed)
    wallet_of(ports).on_landed = shown
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Pending)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled) and targets_now(ports) == list(MORE_ETHER)
    assert len(intents_of(ports)) == 1


def test_tick__another_keeper_has_sent_meanwhile__signs_nothing() -> None:
    other = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[waiting]))
    ledger = MemoryLedger()

    class Slow(FakeWallet):
        def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
            if not intents_of(replace(other, ledger=ledger)):
                assert isinstance(tick(replace(other, ledger=ledger)).outcome, Pending)
            return super().simulate(batch, snapshot)

    ports = replace(keeper(*MORE_ETHER, wallet=Slow()), ledger=ledger)
    with pytest.raises(Unavailable, match="another keeper has sent 0x"):
        tick(ports)
    assert wallet_of(ports).sent == [] and len(ledger.intents) == 1


def test_retargeting_batch__of_the_tick__is_given_up_after_the_configured_deadline() -> None:
    ports = keeper(*MORE_ETHER)
    tick(ports)
    (intent,) = intents_of(ports)
    assert intent.deadline == NOW + POLICY.limits.deadline
    expected = retargeting_batch(a_module(), wanted(*MORE_ETHER), ports.wallet.operator, intent.deadline)
    assert intent.commitment.transaction.call == expected.call
