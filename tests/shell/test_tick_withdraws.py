"""Orders that stand open are taken back where the market has left them behind: once, on record before, by no halted
keeper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_orders_ports import DyingLedger, cheaper, ordering, wallet_of, with_chain, with_wallet
from given_ports import DRY, at, past_of, tick
from small_market import NOW, POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, ordered, over
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Batch,
    End,
    Failed,
    Intent,
    Landing,
    Pending,
    Purpose,
    Reverted,
    Settled,
    Simulation,
    Snapshot,
)
from rebalancer.keeper import halt
from rebalancer.ports import Ports


def opened(*landings: Callable[[Intent], Landing], ledger: MemoryLedger | None = None) -> Ports:
    """Two orders stand open, and what they are for has become cheaper by a twentieth."""
    ports = ordering(FakeWallet(landings=[ordered, *landings]))
    ports = replace(ports, ledger=ledger or ports.ledger)
    assert isinstance(tick(ports).outcome, Pending)
    return cheaper(ports, 5)


def test_tick__orders_left_behind_by_the_market__are_withdrawn_with_a_nonce_of_their_own() -> None:
    ports = opened(ordered, ordered, over(End.CANCELLED, End.CANCELLED))
    report = tick(ports)
    assert isinstance(report.outcome, Pending) and report.why is not None
    assert report.why.startswith("withdrawn: ") and report.why.count("is below today's floor of") == 2
    intent = past_of(ports).open_intent
    assert intent is not None and [each.purpose for each in intent.replacements] == [Purpose.WITHDRAW]
    (withdrawal,) = intent.withdrawals
    assert withdrawal.signed.transaction.nonce == intent.commitment.transaction.nonce + 1
    assert intent.transactions == (intent.commitment,) and intent.newest == intent.commitment
    assert [each.withdrawals for each in wallet_of(ports).withdrawn] == [(withdrawal,)]
    outcome = tick(ports).outcome
    assert isinstance(outcome, Failed) and f"was withdrawn with {withdrawal.signed.hash}" in outcome.reason


def test_tick__orders_that_are_still_good__stay() -> None:
    ports = ordering(FakeWallet(landings=[ordered]))
    tick(ports)
    still = tick(ports)
    assert isinstance(still.outcome, Pending) and still.why is None
    assert wallet_of(ports).withdrawn == []


def test_tick__dry_while_orders_are_open__looks_and_withdraws_nothing() -> None:
    ports = opened(ordered)
    assert isinstance(tick(ports, mode=DRY).outcome, Pending)
    assert wallet_of(ports).withdrawn == [] and past_of(ports).open_intent is not None


def test_tick__a_withdrawal_would_fail__says_so_and_signs_nothing() -> None:
    class Failing(FakeWallet):
        def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
            return Reverted("GS026")

    ports = with_wallet(opened(ordered), Failing(landings=[ordered]))
    outcome = tick(ports).outcome
    assert isinstance(outcome, Pending) and "to be withdrawn, since" in outcome.reason and "GS026" in outcome.reason
    assert wallet_of(ports).withdrawn == []


def test_tick__killed_before_the_withdrawal_is_sent__sends_the_same_bytes_at_the_next_start() -> None:
    ports = opened(ordered, ledger=DyingLedger())
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    recorded = past_of(ports).open_intent
    assert recorded is not None and len(recorded.withdrawals) == 1 and wallet_of(ports).withdrawn == []
    survivor = FakeWallet(landings=[ordered, over(End.FILLED, End.CANCELLED)])
    outcome = tick(with_wallet(ports, survivor)).outcome
    assert isinstance(outcome, Settled), "one of them was filled before"
    assert survivor.withdrawn == [recorded] and survivor.sent == []


def test_tick__a_withdrawal_that_is_not_mined__is_raised_like_any_other() -> None:
    ports = opened(ordered)
    tick(ports)
    later = at(ports, POLICY.replacing.after + 1)
    wallet = wallet_of(ports)
    wallet.newest = replace(wallet.newest, timestamp=NOW + POLICY.replacing.after + 1)
    report = tick(later)
    assert report.why is not None and "its fees are raised" in report.why
    intent = past_of(ports).open_intent
    assert intent is not None
    first, second = (each.signed.transaction for each in intent.withdrawals)
    assert first.nonce == second.nonce and second.fees.max_fee > first.fees.max_fee and first.call == second.call
    assert len(wallet.withdrawn) == 2 and len(wallet.sent) == 1


def test_tick__sending_a_withdrawal_fails__is_pending_and_sent_again() -> None:
    ports = opened(ordered)
    wallet_of(ports).failure = Unavailable("no connection")
    outcome = tick(ports).outcome
    assert isinstance(outcome, Pending) and "sending the withdrawal was not confirmed" in outcome.reason
    wallet_of(ports).failure = None
    tick(ports)
    intent = past_of(ports).open_intent
    assert intent is not None and wallet_of(ports).withdrawn == [intent]


def test_tick__a_person_has_halted_the_keeper__signs_no_withdrawal() -> None:
    ports = opened(ordered)
    halt(ports.ledger, POLICY, "holidays", NOW)
    with pytest.raises(Halt, match="holidays"):
        tick(ports)
    assert wallet_of(ports).withdrawn == []


def test_tick__a_person_halts_it_while_it_looks__signs_no_withdrawal() -> None:
    ports = opened(ordered)

    class Halting(FakeChain):
        def confirm(self, snapshot: Snapshot) -> None:
            halt(ports.ledger, POLICY, "at once", NOW)

    chain = Halting([ports.chain.read()])
    with pytest.raises(Halt, match="at once"):
        tick(replace(ports, chain=chain))
    intent = past_of(ports).open_intent
    assert intent is not None and intent.withdrawals == () and wallet_of(ports).withdrawn == []


def test_tick__gas_is_too_dear_to_withdraw__waits_and_says_so() -> None:
    ports = opened(ordered)
    dear = ports.chain.read()
    dear = replace(dear, block=replace(dear.block, base_fee=POLICY.limits.max_gas_price))
    outcome = tick(with_chain(ports, dear)).outcome
    assert isinstance(outcome, Pending) and "not yet: max_gas_price" in outcome.reason
    assert wallet_of(ports).withdrawn == []
