"""A chain that takes a block back: what landed is looked at again until it is final, and settled anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, at, past_of, ports_of, state, tick
from small_market import NOW, POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, failed, gone, in_another_block, landed, waiting
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Failed,
    Held,
    Intent,
    Landed,
    Landing,
    Pending,
    Settled,
    Settlement,
    TickRecord,
    Waiting,
)
from rebalancer.keeper import resume, run_once
from rebalancer.ports import Ports


def settled() -> tuple[Ports, FakeWallet]:
    """A keeper whose batch has settled a moment ago."""
    wallet = FakeWallet()
    ports = ports_of(state(*OFF_TARGET), wallet)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)
    return ports, wallet


def the_ledger(ports: Ports) -> MemoryLedger:
    assert isinstance(ports.ledger, MemoryLedger)
    return ports.ledger


def settlement_of(ports: Ports) -> Settlement:
    (settlement,) = the_ledger(ports).landings.values()
    assert isinstance(settlement, Settlement)
    return settlement


def reverted_in_another_block(intent: Intent) -> Landing:
    mined, reverted = in_another_block(intent), failed(intent)
    assert isinstance(mined, Landed) and isinstance(reverted, Landed)
    return Landed(replace(reverted.receipt, block=mined.receipt.block, block_hash=mined.receipt.block_hash))


def test_tick__landed_block_still_stands__goes_on() -> None:
    ports, wallet = settled()
    looks = len(wallet.looked)
    assert isinstance(tick(ports).outcome, Held)
    ((block, _),) = wallet.checked
    assert block == settlement_of(ports).block and len(wallet.looked) == looks and the_ledger(ports).reopened == []


def test_tick__landed_block_is_final__is_not_looked_at_again() -> None:
    ports, wallet = settled()
    chain = ports.chain
    assert isinstance(chain, FakeChain)
    final = chain.head().number + FINAL_BLOCKS
    chain.reorganise([replace(chain.read(), block=replace(chain.head(), number=final))])
    ports.ledger.record_tick(TickRecord(NOW, final, "held", "", None, None, None, 1))
    looks = len(wallet.looked)
    assert isinstance(tick(ports).outcome, Held) and (len(wallet.looked), wallet.checked) == (looks, [])


def test_tick__mined_again_in_another_block__is_settled_anew_with_that_block() -> None:
    ports, wallet = settled()
    before = next(iter(the_ledger(ports).landings.values()))
    wallet.reorganise(in_another_block)
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled)
    after = next(iter(the_ledger(ports).landings.values()))
    assert after == outcome.settlement and after != before
    ((_, why),) = the_ledger(ports).reopened
    assert "was in block 19000001" in why and "is in block 19000002" in why
    assert len(wallet.sent) == 1, "what is mined again is not sent again"


def test_tick__taken_out_of_the_chain__is_open_again_and_goes_out_once_more() -> None:
    ports, wallet = settled()
    wallet.reorganise(waiting)
    outcome = tick(at(ports, 30)).outcome
    assert isinstance(outcome, Pending)
    assert past_of(ports).open_intent == outcome.intent and past_of(ports).last_settled_at is None
    assert [intent.newest.raw for intent in wallet.sent] == [outcome.intent.newest.raw] * 2
    wallet.reorganise(landed)
    assert isinstance(tick(at(ports, 60)).outcome, Settled)


def test_tick__taken_out_and_reverted_in_the_new_block__is_a_failure_now() -> None:
    ports, wallet = settled()
    wallet.reorganise(reverted_in_another_block)
    assert isinstance(tick(ports).outcome, Failed)
    past = past_of(ports)
    assert (past.failures, past.last_settled_at, past.history.traded) == (1, None, 0)


def test_tick__reverted_and_settled_in_the_new_block__is_settled_now() -> None:
    wallet = FakeWallet(landings=[failed])
    ports = ports_of(state(*OFF_TARGET), wallet)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Failed)
    assert isinstance(ports.chain, FakeChain)
    wallet.reorganise(in_another_block)
    wallet.on_landed = ports.chain.mine
    assert isinstance(tick(ports).outcome, Settled)
    assert past_of(ports).failures == 0


def test_tick__taken_out_for_ever__is_failed() -> None:
    ports, wallet = settled()
    wallet.reorganise(gone)
    assert isinstance(tick(ports).outcome, Failed)
    assert past_of(ports).open_intent is None


def test_tick__taken_out_and_its_nonce_used_by_another__halts_until_a_person_closes_it() -> None:
    def used(intent: Intent) -> Landing:
        raise Halt(f"nonce {intent.commitment.transaction.nonce} was used by 0x0b (to 0x0c)")

    ports, wallet = settled()
    wallet.reorganise(used)
    with pytest.raises(Halt, match="was used by 0x0b"):
        run_once(ports, POLICY, LIVE)
    past = past_of(ports)
    assert past.open_intent is not None and past.last_settled_at is None, "what did not happen is not on record as such"
    assert resume(ports, POLICY, "cancelled by hand").closed == past.open_intent.newest.hash
    assert not isinstance(tick(ports).outcome, Failed | Pending)


def test_tick__dry_run__writes_down_what_it_sees_and_sends_nothing() -> None:
    ports, wallet = settled()
    wallet.reorganise(waiting)
    assert isinstance(tick(at(ports, 600), mode=DRY).outcome, Pending)
    assert len(wallet.sent) == 1 and past_of(ports).open_intent is not None


def test_tick__node_cannot_be_asked_about_a_landed_block__is_unavailable_and_trades_nothing() -> None:
    def nobody_there(_: Intent) -> Landing:
        raise Unavailable("node.example: is at block 19000000, expected 19000001 or later")

    ports, wallet = settled()
    wallet.reorganise(nobody_there)
    with pytest.raises(Unavailable, match="expected 19000001 or later"):
        tick(ports)
    assert the_ledger(ports).reopened == [] and past_of(ports).open_intent is None


def test_tick__looks_at_a_landed_block__of_a_node_that_has_come_so_far() -> None:
    ports, wallet = settled()
    ports = replace(ports, ledger=_without_ticks(the_ledger(ports)))
    tick(ports)
    block, last_block = wallet.checked[-1]
    assert block == settlement_of(ports).block <= last_block


def test_tick__landed_block_has_fewer_confirmations_than_are_asked_for_now__goes_on() -> None:
    ports, wallet = settled()
    settlement = settlement_of(ports)
    wallet.reorganise(lambda _: Waiting("1 of 2 confirmations", mined=True, block_hash=settlement.block_hash))
    assert isinstance(tick(ports).outcome, Held) and the_ledger(ports).reopened == []


@pytest.mark.parametrize("block_hash", [None, "0x" + "0b" * 32])
def test_tick__landed_in_a_block_that_is_not_known_to_be_the_same__is_open_again(block_hash: str | None) -> None:
    ports, wallet = settled()
    wallet.reorganise(lambda _: Waiting("1 of 2 confirmations", mined=True, block_hash=block_hash))
    assert isinstance(tick(ports).outcome, Pending) and len(the_ledger(ports).reopened) == 1


def test_tick__a_block_that_never_was_and_a_person_resumed__asks_no_node_for_it() -> None:
    def never_was(intent: Intent) -> Landing:
        mined = landed(intent)
        assert isinstance(mined, Landed)
        return Landed(replace(mined.receipt, block=10**12))

    wallet = FakeWallet(landings=[never_was])
    ports = ports_of(state(*OFF_TARGET), wallet)
    wallet.on_landed = lambda _: None  # the chain goes on from where it is
    with pytest.raises(Halt, match="that block never was"):
        run_once(ports, POLICY, LIVE)
    resume(ports, POLICY, "that node made it up")
    wallet.reorganise(landed)
    looks = len(wallet.looked)
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled) and outcome.settlement.block == 19_000_001
    assert [last_block for _, last_block in wallet.looked[looks:]] == [0, 0]


def _without_ticks(ledger: MemoryLedger) -> MemoryLedger:
    """As it is where the process was killed before the tick's own row."""
    ledger.ticks.clear()
    return ledger
