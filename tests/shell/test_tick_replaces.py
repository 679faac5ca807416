"""An intent that is not mined: sent again, raised, cancelled or left, and what is on record before each step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, OFF_TARGET, at, off_target_again, past_of, ports_of, state, tick
from small_market import NOW, POLICY

from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, failed, gone, landed, landed_first, waiting
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Block,
    Failed,
    Failure,
    Intent,
    Landing,
    Pending,
    Purpose,
    Replacement,
    Replacing,
    Settled,
    Settlement,
    TickRecord,
    Waiting,
)
from rebalancer.keeper import halt
from rebalancer.ports import Ports
from rebalancer.units import Wei

AFTER = POLICY.replacing.after
DEADLINE = POLICY.limits.deadline
LEFT = replace(POLICY, replacing=Replacing(AFTER, cancel=False))
A_TICK = TickRecord(NOW, None, "held", "", None, None, None, 1)


def sent(*then: object) -> tuple[Ports, FakeWallet]:
    """A keeper whose batch is out and not mined; `then` is what later looks see."""
    wallet = FakeWallet(landings=[waiting, *then])  # type: ignore[list-item]
    ports = ports_of(state(*OFF_TARGET), wallet)
    assert isinstance(tick(ports).outcome, Pending)
    return ports, wallet


def open_intent(ports: Ports) -> Intent:
    intent = past_of(ports).open_intent
    assert intent is not None
    return intent


def purposes(ports: Ports) -> list[Purpose]:
    return [each.purpose for each in open_intent(ports).replacements]


def test_tick__not_mined_for_a_moment__sends_the_same_bytes_again() -> None:
    ports, wallet = sent()
    outcome = tick(at(ports, AFTER - 1)).outcome
    assert isinstance(outcome, Pending) and "after 3 min it is looked at again" in outcome.reason
    assert [intent.newest.raw for intent in wallet.sent] == [open_intent(ports).commitment.raw] * 2


def test_tick__not_mined_for_long__raises_both_fees_of_the_very_same_call() -> None:
    ports, wallet = sent()
    report = tick(at(ports, AFTER))
    assert isinstance(report.outcome, Pending) and "its fees are raised" in report.outcome.reason
    assert report.why is not None and "unmined for 3 min" in report.why
    first, second = open_intent(ports).transactions
    assert purposes(ports) == [Purpose.RAISE] and wallet.sent[-1].newest == second
    assert second.transaction == replace(first.transaction, fees=second.transaction.fees)
    before, now = first.transaction.fees, second.transaction.fees
    assert now.max_fee * 8 >= before.max_fee * 9 and now.tip * 8 >= before.tip * 9
    assert open_intent(ports).replacements[0].at == NOW + AFTER


def test_tick__raised_and_then_mined__settles_as_one_intent() -> None:
    ports, _ = sent(waiting, landed)
    raised = tick(at(ports, AFTER)).outcome
    assert isinstance(raised, Settled)
    intent = past_of(ports)
    assert intent.open_intent is None and isinstance(ports.ledger, MemoryLedger)
    (only,) = ports.ledger.intents
    assert raised.settlement.tx == only.newest.hash != only.commitment.hash and raised.settlement.intent == only.id


def test_tick__raised_and_the_first_one_is_mined__settles_that_one() -> None:
    ports, _ = sent(waiting, landed_first)
    outcome = tick(at(ports, AFTER)).outcome
    assert isinstance(outcome, Settled) and isinstance(ports.ledger, MemoryLedger)
    assert outcome.settlement.tx == ports.ledger.intents[0].commitment.hash


def test_tick__raised_twice__each_is_a_step_above_the_one_before() -> None:
    ports, _ = sent()
    tick(at(ports, AFTER))
    tick(at(ports, 2 * AFTER))
    fees = [signed.transaction.fees.max_fee for signed in open_intent(ports).transactions]
    assert len(fees) == 3 and fees == sorted(set(fees))


def test_tick__killed_between_the_record_of_a_raise_and_its_sending__sends_those_bytes_next_time() -> None:
    class Killed(FakeWallet):
        def execute(self, intent: Intent) -> None:
            if intent.replacements:
                raise KeyboardInterrupt
            super().execute(intent)

    wallet = Killed(landings=[waiting])
    ports = ports_of(state(*OFF_TARGET), wallet)
    tick(ports)
    with pytest.raises(KeyboardInterrupt):
        tick(at(ports, AFTER))
    recorded = open_intent(ports)
    assert len(recorded.transactions) == 2, "a replacement must be on record before it is sent"
    survivor = FakeWallet(landings=[waiting])
    tick(at(replace(ports, wallet=survivor), AFTER + 1))
    assert [intent.newest for intent in survivor.sent] == [recorded.newest]


def test_tick__ledger_does_not_take_a_replacement__sends_nothing() -> None:
    class Full(MemoryLedger):
        def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
            raise Unavailable("ledger: cannot be used now: database or disk is full")

    wallet = FakeWallet(landings=[waiting])
    ports = replace(ports_of(state(*OFF_TARGET), wallet), ledger=Full())
    tick(ports)
    with pytest.raises(Unavailable, match="disk is full"):
        tick(at(ports, AFTER))
    assert [len(intent.transactions) for intent in wallet.sent] == [1]


@pytest.mark.parametrize("seconds", [1, AFTER, DEADLINE + 1], ids=["the same bytes", "a raise", "a cancellation"])
def test_tick__a_person_halts_while_an_open_intent_is_looked_at__nothing_more_is_sent(seconds: int) -> None:
    class Slow(FakeWallet):
        def gas_now(self) -> Block:
            halt(ports.ledger, POLICY, "stop it", NOW)
            return super().gas_now()

    wallet = Slow(landings=[waiting])
    ports = ports_of(state(*OFF_TARGET), wallet)
    tick(ports)
    with pytest.raises(Halt, match="^by a person: stop it$"):
        tick(at(ports, seconds))
    assert len(wallet.sent) == 1 and purposes(ports) == []


def test_tick__call_that_would_fail_now__is_not_raised_but_cancelled() -> None:
    ports, wallet = sent()
    wallet.refusal = "Too little received"
    outcome = tick(at(ports, AFTER)).outcome
    assert isinstance(outcome, Pending) and "it would fail now: Too little received" in outcome.reason
    assert purposes(ports) == [Purpose.CANCEL]
    nothing = open_intent(ports).newest.transaction
    assert (nothing.call.to, nothing.call.data, nothing.gas) == (wallet.operator, b"", 21_000)
    assert nothing.nonce == open_intent(ports).commitment.transaction.nonce


def test_tick__call_that_would_fail_now_and_nothing_is_to_be_cancelled__is_left() -> None:
    ports, wallet = sent()
    wallet.refusal = "Too little received"
    outcome = tick(at(ports, AFTER), LEFT).outcome
    assert isinstance(outcome, Pending) and "left to the network" in outcome.reason
    assert purposes(ports) == [] and len(wallet.sent) == 1


def test_tick__past_its_deadline__is_cancelled_and_the_cancellation_is_a_failure_with_its_gas() -> None:
    ports, wallet = sent(waiting, landed)
    outcome = tick(at(ports, DEADLINE + 1)).outcome
    assert isinstance(outcome, Failed) and "cancelled" in outcome.reason
    assert isinstance(ports.ledger, MemoryLedger)
    (intent,) = ports.ledger.intents
    result = ports.ledger.landings[intent.id]
    assert isinstance(result, Failure) and result.mined is not None
    assert (result.mined.tx, result.mined.gas_used) == (intent.newest.hash, 21_000)
    assert intent.cancelled and outcome.tx == intent.newest.hash


def test_tick__past_its_deadline_and_nothing_is_to_be_cancelled__is_left_and_not_sent_again() -> None:
    ports, wallet = sent()
    assert isinstance(tick(at(ports, DEADLINE + 1), LEFT).outcome, Pending)
    assert len(wallet.sent) == 1 and purposes(ports) == []


def test_tick__raised_a_moment_before_it_was_void__is_not_offered_again() -> None:
    ports, wallet = sent()
    tick(at(ports, DEADLINE - 60))
    assert isinstance(tick(at(ports, DEADLINE + 1)).outcome, Pending)
    assert [len(intent.transactions) for intent in wallet.sent] == [1, 2]
    assert purposes(ports) == [Purpose.RAISE]


def test_tick__cancelled_and_the_batch_is_mined_all_the_same__settles() -> None:
    ports, _ = sent(waiting, landed_first)
    assert isinstance(tick(at(ports, DEADLINE + 1)).outcome, Settled)


def test_tick__cancellation_that_is_not_mined__is_raised_too() -> None:
    ports, wallet = sent()
    tick(at(ports, DEADLINE + 1))
    tick(at(ports, DEADLINE + 2))
    assert [intent.newest for intent in wallet.sent[1:]] == [open_intent(ports).newest] * 2, "the same one again"
    tick(at(ports, DEADLINE + 1 + AFTER))
    assert purposes(ports) == [Purpose.CANCEL, Purpose.CANCEL]


def test_tick__gas_dearer_than_the_limit__waits_with_what_is_out() -> None:
    ports, wallet = sent()
    wallet.newest = replace(wallet.newest, base_fee=Wei(POLICY.limits.max_gas_price + 1))
    outcome = tick(at(ports, AFTER)).outcome
    assert isinstance(outcome, Pending) and "max_gas_price is 100 gwei" in outcome.reason
    assert purposes(ports) == []


def test_tick__operator_cannot_pay_for_a_raise__is_unavailable_and_the_intent_stays_open() -> None:
    ports, wallet = sent()
    wallet.poor = Unavailable("operator 0xaaa: holds 1 wei, the transaction may need 9; send it native coin")
    with pytest.raises(Unavailable, match="send it native coin"):
        tick(at(ports, AFTER))
    assert purposes(ports) == [] and len(wallet.sent) == 1


def test_tick__nonce_is_used_as_far_as_the_node_tells__nothing_further_is_signed() -> None:
    def confirming(intent: Intent) -> Landing:
        return Waiting("mined in block 19000001, 1 of 2 confirmations", mined=True)

    ports, wallet = sent(confirming)
    outcome = tick(at(ports, AFTER)).outcome
    assert isinstance(outcome, Pending) and "1 of 2 confirmations" in outcome.reason
    assert len(wallet.sent) == 1 and purposes(ports) == []


@pytest.mark.parametrize("policy", [POLICY, LEFT], ids=["cancel", "leave"])
@pytest.mark.parametrize("seconds", [1, AFTER, DEADLINE + 1])
def test_tick__open_intent_and_dry_run__looks_and_signs_and_sends_nothing(policy: object, seconds: int) -> None:
    ports, wallet = sent()
    assert isinstance(tick(at(ports, seconds), policy, DRY).outcome, Pending)  # type: ignore[arg-type]
    assert len(wallet.sent) == 1 and purposes(ports) == []


@pytest.mark.parametrize(("seen", "kind"), [(landed, Settled), (failed, Failed), (gone, Failed)])
def test_tick__open_intent_and_dry_run__records_what_became_of_it(seen: object, kind: type) -> None:
    ports, wallet = sent(seen)
    assert isinstance(tick(at(ports, 60), mode=DRY).outcome, kind)
    assert past_of(ports).open_intent is None and len(wallet.sent) == 1


def test_tick__open_intent_whose_nonce_another_took__halts_and_names_it() -> None:
    def taken(intent: Intent) -> Landing:
        raise Halt("operator 0xaaa: nonce 0 was used by 0xfeed (to 0xdead, in block 19000001)")

    ports, wallet = sent(taken)
    with pytest.raises(Halt, match="used by 0xfeed"):
        tick(at(ports, AFTER))
    assert open_intent(ports).replacements == () and len(wallet.sent) == 1


def test_tick__every_look_for_an_intent__names_the_last_block_seen() -> None:
    ports, wallet = sent()
    ports.ledger.record_tick(replace(A_TICK, block=19_000_123))
    tick(at(ports, AFTER))
    assert wallet.looked[1:] == [(0, 19_000_123)] * 2


def test_tick__clock_that_went_back__waits_and_replaces_nothing() -> None:
    ports, wallet = sent()
    assert isinstance(tick(at(ports, -86_400)).outcome, Pending)
    assert purposes(ports) == [] and len(wallet.sent) == 2


def test_tick__clock_that_jumped_ahead__cancels_at_most_and_never_trades_twice() -> None:
    ports, _ = sent(waiting, landed_first)
    outcome = tick(at(ports, 10 * 86_400)).outcome
    assert isinstance(outcome, Settled) and isinstance(ports.ledger, MemoryLedger)
    assert [type(result) for result in ports.ledger.landings.values()] == [Settlement]
    assert len({signed.transaction.nonce for signed in ports.ledger.intents[0].transactions}) == 1


def test_tick__after_a_cancellation__plans_anew_with_the_next_nonce() -> None:
    ports, _ = sent(waiting, landed)
    tick(at(ports, DEADLINE + 1))
    again = off_target_again(ports)
    outcome = tick(at(again, DEADLINE + 60)).outcome
    assert isinstance(outcome, Settled) and isinstance(ports.ledger, MemoryLedger)
    assert [intent.commitment.transaction.nonce for intent in ports.ledger.intents] == [0, 1]
