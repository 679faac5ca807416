"""One landing is watched at a time: nothing new is sent before it is final, nor beside what was given up unmined."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, at, off_target_again, past_of, ports_of, state, tick
from small_market import NOW, POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, failed, gone, landed, waiting
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Failed,
    Failure,
    Held,
    Intent,
    Landing,
    Pending,
    Purpose,
    Settled,
    Settlement,
    Snapshot,
)
from rebalancer.keeper import halt, resume, run_once
from rebalancer.ports import Ports
from rebalancer.tick import dry_tick

NOT_YET = FINAL_BLOCKS - 2
"""Blocks after a settled tick, which stands a block after the landing: 63 on top of it."""


def landed_once(wallet: FakeWallet | None = None) -> tuple[Ports, FakeWallet]:
    wallet = wallet or FakeWallet()
    ports = ports_of(state(*OFF_TARGET), wallet)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled | Failed)
    return ports, wallet


def the_ledger(ports: Ports) -> MemoryLedger:
    assert isinstance(ports.ledger, MemoryLedger)
    return ports.ledger


# ---------------------------------------------------------------- until it is final


def test_tick__off_target_and_the_last_rebalance_is_not_final__holds_and_says_until_when() -> None:
    ports, wallet = landed_once()
    outcome = tick(off_target_again(ports, NOT_YET)).outcome
    assert isinstance(outcome, Held) and len(wallet.sent) == 1
    tx = wallet.sent[0].newest.hash
    assert outcome.reason.startswith("WETH is 15 points over") and outcome.reason.endswith(
        f"; the last rebalance {tx} in block 19000001 is final from block 19000065 on (64 blocks): until then nothing "
        "new is sent"
    )


def test_tick__off_target_and_the_last_rebalance_is_final_by_now__trades() -> None:
    ports, wallet = landed_once()
    assert isinstance(tick(off_target_again(ports, NOT_YET + 1)).outcome, Settled)
    assert len(wallet.sent) == 2


def test_tick__off_target_after_a_batch_that_reverted__holds_until_that_is_final() -> None:
    ports, wallet = landed_once(FakeWallet(landings=[failed, landed]))
    again = off_target_again(ports, NOT_YET)
    assert isinstance(tick(again).outcome, Held) and len(wallet.sent) == 1
    assert isinstance(tick(off_target_again(again, 1)).outcome, Settled)


def test_dry_tick__off_target_and_the_last_rebalance_is_not_final__says_the_same() -> None:
    ports, _ = landed_once()
    again = off_target_again(ports, NOT_YET)
    dry, live = dry_tick(again, POLICY, past_of(again)).outcome, tick(again).outcome
    assert isinstance(dry, Held) and dry == live == tick(again, mode=DRY).outcome


def test_tick__the_last_rebalance_is_taken_back_while_it_is_thinking__signs_nothing() -> None:
    class Slow(FakeChain):
        """Other nodes are asked, and the chain is another one afterwards."""

        def confirm(self, snapshot: Snapshot) -> None:
            wallet.reorganise(waiting)

    ports, wallet = landed_once()
    again = off_target_again(ports)
    again = replace(again, chain=Slow([again.chain.read()]))
    with pytest.raises(Unavailable, match="taken back in the meantime"):
        tick(again)
    assert len(wallet.sent) == 1 and past_of(ports).open_intent == wallet.sent[0]


def test_tick__about_to_trade_after_a_landing__has_asked_a_node_that_has_come_so_far() -> None:
    ports, wallet = landed_once()
    again = off_target_again(ports)
    block = again.chain.head().number
    checked = len(wallet.checked)
    assert isinstance(tick(again).outcome, Settled)
    (_, first), (_, before_signing) = wallet.checked[checked:]
    assert first < block == before_signing


# ---------------------------------------------------------------- what was given up


def given_up() -> tuple[Ports, FakeWallet]:
    """A keeper whose batch nobody knew long past its deadline; the wallet is off its targets still."""
    ports, wallet = landed_once(FakeWallet(landings=[gone]))
    return off_target_again(ports), wallet


def test_tick__given_up_and_nobody_knows_it__the_next_one_has_its_nonce() -> None:
    ports, wallet = given_up()
    (first,) = the_ledger(ports).intents
    wallet.reorganise(lambda intent: gone(intent) if intent == first else landed(intent))
    wallet.on_landed = ports.chain.mine  # type: ignore[attr-defined]
    assert isinstance(tick(ports).outcome, Settled)
    assert [intent.commitment.transaction.nonce for intent in wallet.sent] == [0, 0]
    assert the_ledger(ports).reopened == []


def test_tick__given_up_and_the_nonce_counts_on__sends_and_records_nothing() -> None:
    ports, wallet = given_up()
    wallet.nonce = 1
    with pytest.raises(Unavailable, match="next nonce is 1, expected 0, that of 0x.* given up unmined"):
        tick(ports)
    assert len(wallet.sent) == len(the_ledger(ports).intents) == 1


def test_tick__given_up_and_mined_all_the_same__is_settled_and_nothing_else_is_sent() -> None:
    ports, wallet = given_up()
    wallet.reorganise(landed)
    assert isinstance(tick(ports).outcome, Settled)
    ((_, why),) = the_ledger(ports).reopened
    assert why.startswith("it was given up unmined; 0x") and len(wallet.sent) == 1
    assert [type(result) for result in the_ledger(ports).landings.values()] == [Settlement]


def test_tick__given_up_and_reverted_all_the_same__is_a_failure_with_its_gas() -> None:
    ports, wallet = given_up()
    wallet.reorganise(failed)
    assert isinstance(tick(ports).outcome, Failed)
    (result,) = the_ledger(ports).landings.values()
    assert isinstance(result, Failure) and result.mined is not None and past_of(ports).failures == 1


def test_tick__given_up_and_known_again__is_open_again_and_cancelled() -> None:
    ports, wallet = given_up()
    wallet.reorganise(waiting)
    outcome = tick(at(ports, 3_600)).outcome
    assert isinstance(outcome, Pending) and past_of(ports).open_intent == outcome.intent
    assert [each.purpose for each in outcome.intent.replacements] == [Purpose.CANCEL]


def test_tick__given_up_and_another_transaction_has_its_nonce__halts() -> None:
    def taken(intent: Intent) -> Landing:
        raise Halt("operator 0xaaa: nonce 0 was used by 0xfeed")

    ports, wallet = given_up()
    wallet.reorganise(taken)
    with pytest.raises(Halt, match="used by 0xfeed"):
        tick(ports)
    assert len(wallet.sent) == 1


def test_tick__given_up_and_a_person_resumed__is_not_looked_for_any_more() -> None:
    ports, wallet = given_up()
    halt(ports.ledger, POLICY, "who used nonce 0?", NOW)
    resume(ports, POLICY, "nonce 0 was mine")
    wallet.nonce = 1
    wallet.reorganise(landed)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)
    assert [intent.commitment.transaction.nonce for intent in wallet.sent] == [0, 1]
