"""Transactions that are not mined: raised, cancelled, dropped, sent again. One of a nonce happens, whichever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_modules import balances, owners_do
from given_unmined import an_intent_on, higher, mined_for, raid, receipt_of, replaced
from given_wallet import Desk

from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Call, Fees, Gone, Intent, Purpose, Waiting
from rebalancer.units import Wei

LONG = 3_600
"""Seconds, after which nobody believes any more that a batch is on its way."""
only_the_module = pytest.mark.parametrize("kind", ["safe-module"], indirect=True)


@pytest.fixture
def intent(desk: Desk) -> Intent:
    """Sent, and not mined."""
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    return intent


# ---------------------------------------------------------------- raised


def test_replace__to_raise__signs_the_very_same_call_list_and_limit_and_sends_nothing(
    desk: Desk, intent: Intent
) -> None:
    fees = higher(intent.commitment.transaction.fees)
    signed = desk.wallet.replace(intent, Purpose.RAISE, fees)
    assert signed.transaction == replace(intent.commitment.transaction, fees=fees)
    assert desk.replica.rpc.call("eth_getTransactionByHash", signed.hash) is None


def test_raised__and_mined__settles_as_the_dearer_one_and_happens_once(desk: Desk, intent: Intent) -> None:
    raised = replaced(desk, intent, Purpose.RAISE)
    desk.wallet.execute(raised)
    assert desk.wallet.land(raised, 0, 0) == Waiting(f"{raised.newest.hash} waits to be mined, with nonce 0")
    before = balances(desk)
    desk.replica.mine()
    receipt = receipt_of(desk, raised)
    assert (receipt.tx, receipt.reason, receipt.changes) == (raised.newest.hash, None, intent.expected)
    after = balances(desk)
    assert {c.token.symbol: c.raw for c in receipt.changes} == {s: after[s] - before[s] for s in after}
    assert mined_for(desk) == 1


def test_raised__the_first_is_mined_instead__settles_as_the_first(desk: Desk, intent: Intent) -> None:
    raised = replaced(desk, intent, Purpose.RAISE)
    desk.replica.mine()
    desk.wallet.execute(raised)  # too late, and no alarm: another of its transactions has been mined
    receipt = receipt_of(desk, raised)
    assert (receipt.tx, receipt.reason) == (intent.commitment.hash, None)
    assert mined_for(desk) == 1


def test_raised__recorded_and_never_sent__the_first_settles(desk: Desk, intent: Intent) -> None:
    raised = replaced(desk, intent, Purpose.RAISE)
    desk.replica.mine()
    assert receipt_of(desk, raised).tx == intent.commitment.hash


def test_raised__twice__the_last_settles(desk: Desk, intent: Intent) -> None:
    for _ in range(2):
        intent = replaced(desk, intent, Purpose.RAISE)
        desk.wallet.execute(intent)
    desk.replica.mine()
    assert receipt_of(desk, intent).tx == intent.newest.hash and mined_for(desk) == 1


def test_raised__by_too_little__is_not_taken_and_the_first_stays(desk: Desk, intent: Intent) -> None:
    fees = intent.commitment.transaction.fees
    cheaper = replaced(desk, intent, Purpose.RAISE, Fees(fees.max_fee, Wei(fees.tip - 1)))
    with pytest.raises(Unavailable, match=r"(?i)underpriced.*was not taken"):
        desk.wallet.execute(cheaper)
    assert desk.wallet.land(cheaper, 0, 0) == Waiting(f"{intent.commitment.hash} waits to be mined, with nonce 0")
    desk.replica.mine()
    assert receipt_of(desk, cheaper).tx == intent.commitment.hash


def test_raised__after_the_base_fee_has_jumped__is_mined_where_the_first_was_not(desk: Desk, intent: Intent) -> None:
    first = intent.commitment.transaction.fees
    fee = 3 * first.max_fee
    desk.replica.set_base_fee(fee)
    block = desk.wallet.gas_now()
    assert (block.base_fee, block.number) == (fee, desk.reader.head().number)
    assert isinstance(desk.wallet.land(intent, 0, 0), Waiting)
    raised = replaced(desk, intent, Purpose.RAISE, higher(first, times=10))
    assert raised.newest.transaction.fees.max_fee > fee
    desk.wallet.execute(raised)
    desk.replica.mine()
    assert receipt_of(desk, raised).tx == raised.newest.hash


def test_replace__without_the_coin_for_it__is_unavailable_and_signs_nothing(desk: Desk, intent: Intent) -> None:
    desk.replica.deal("ETH", desk.wallet.operator, 10**12)
    for purpose in (Purpose.RAISE, Purpose.CANCEL):
        with pytest.raises(Unavailable, match=r"holds 1000000000000 wei.*send it native coin"):
            desk.wallet.replace(intent, purpose, higher(intent.commitment.transaction.fees))


# ---------------------------------------------------------------- cancelled


def test_replace__to_cancel__signs_nothing_to_oneself(desk: Desk, intent: Intent) -> None:
    fees = higher(intent.commitment.transaction.fees)
    transaction = desk.wallet.replace(intent, Purpose.CANCEL, fees).transaction
    assert (transaction.call, transaction.gas, transaction.access_list) == (Call(desk.wallet.operator, b""), 21_000, ())
    assert (transaction.nonce, transaction.chain_id, transaction.fees) == (0, 1, fees)


def test_cancelled__and_mined__moved_nothing_but_the_gas_of_a_transfer(desk: Desk, intent: Intent) -> None:
    before = balances(desk)
    cancelled = replaced(desk, intent, Purpose.CANCEL)
    desk.wallet.execute(cancelled)
    waiting = desk.wallet.land(cancelled, 0, 0)
    assert waiting == Waiting(f"the cancellation {cancelled.newest.hash} waits to be mined, with nonce 0")
    desk.replica.mine()
    receipt = receipt_of(desk, cancelled)
    assert receipt.reason is not None and receipt.reason.startswith(f"cancelled: {cancelled.newest.hash} has used up")
    assert (receipt.tx, receipt.gas_used) == (cancelled.newest.hash, 21_000)
    assert {change.raw for change in receipt.changes} == {0} and balances(desk) == before
    with pytest.raises(Unavailable, match=r"(?i)nonce too low.*was not taken"):
        desk.wallet.execute(intent)  # the batch comes too late for ever
    desk.replica.mine()
    assert mined_for(desk) == 1 and balances(desk) == before


def test_cancelled__the_batch_is_mined_instead__settles(desk: Desk, intent: Intent) -> None:
    cancelled = replaced(desk, intent, Purpose.CANCEL)
    desk.replica.mine()
    desk.wallet.execute(cancelled)
    receipt = receipt_of(desk, cancelled)
    assert (receipt.tx, receipt.reason, receipt.changes) == (intent.commitment.hash, None, intent.expected)


def test_cancelled__past_its_deadline__the_batch_burns_no_gas(desk: Desk) -> None:
    intent = an_intent_on(desk, seconds=60)
    desk.wallet.execute(intent)
    cancelled = replaced(desk, intent, Purpose.CANCEL)
    desk.wallet.execute(cancelled)
    desk.replica.warp(LONG)
    assert receipt_of(desk, cancelled).gas_used == 21_000


def test_cancelled__dropped_by_everybody__is_gone_long_after(desk: Desk, intent: Intent) -> None:
    cancelled = replaced(desk, intent, Purpose.CANCEL)
    desk.wallet.execute(cancelled)
    desk.replica.rpc.call("anvil_dropAllTransactions")
    assert isinstance(desk.wallet.land(cancelled, 0, 0), Waiting)
    desk.replica.warp(LONG)
    assert isinstance(desk.wallet.land(cancelled, 0, 0), Gone)


def test_replace__to_raise_what_is_being_cancelled__halts(desk: Desk, intent: Intent) -> None:
    cancelled = replaced(desk, intent, Purpose.CANCEL)
    with pytest.raises(Halt, match="is being cancelled"):
        desk.wallet.replace(cancelled, Purpose.RAISE, higher(cancelled.newest.transaction.fees))


# ---------------------------------------------------------------- dropped


def test_dropped__sent_again__is_the_same_transaction_and_settles(desk: Desk, intent: Intent) -> None:
    desk.replica.rpc.call("anvil_dropTransaction", intent.commitment.hash)
    waiting = desk.wallet.land(intent, 0, 0)
    assert isinstance(waiting, Waiting) and f"does not know {intent.commitment.hash}" in waiting.reason
    desk.wallet.execute(intent)
    desk.replica.mine()
    assert receipt_of(desk, intent).tx == intent.commitment.hash and mined_for(desk) == 1


def test_dropped__after_it_was_raised__the_dearer_one_goes_out_again(desk: Desk, intent: Intent) -> None:
    raised = replaced(desk, intent, Purpose.RAISE)
    desk.wallet.execute(raised)
    desk.replica.rpc.call("anvil_dropAllTransactions")
    desk.wallet.execute(raised)
    desk.replica.mine()
    assert receipt_of(desk, raised).tx == raised.newest.hash


# ---------------------------------------------------------------- rehearsed


@pytest.mark.parametrize("node", ["with eth_simulateV1", "without"])
def test_rehearse__of_a_batch_that_would_succeed__has_nothing_to_say(desk: Desk, node: str) -> None:
    intent = an_intent_on(desk)
    wallet = desk.wallet if node.startswith("with ") else desk.on_an_older_node().wallet
    assert wallet.rehearse(intent) is None


@pytest.mark.parametrize("node", ["with eth_simulateV1", "without"])
def test_rehearse__after_the_price_fell_below_the_floor__says_so(desk: Desk, kind: str, node: str) -> None:
    intent = an_intent_on(desk, slippage_bps=20)
    desk.replica.rpc.call("evm_setAutomine", True)
    raid(desk)
    wallet = desk.wallet if node.startswith("with ") else desk.on_an_older_node().wallet
    said = wallet.rehearse(intent)
    expected = {"safe": "Too little received", "safe-module": "RebalanceModule: execution"}
    assert said is not None and expected[kind] in said


def test_rehearse__past_the_deadline__says_so(desk: Desk, kind: str) -> None:
    intent = an_intent_on(desk, seconds=60)
    desk.replica.warp(60)
    said = desk.wallet.rehearse(intent)
    expected = {"safe": "Transaction too old", "safe-module": "RebalanceModule: deadline (it came too late)"}
    assert said is not None and expected[kind] in said


def test_rehearse__with_too_low_a_limit_of_gas__says_so(desk: Desk) -> None:
    intent = an_intent_on(desk)
    poor = replace(intent.commitment.transaction, gas=intent.commitment.transaction.gas // 3)
    said = desk.wallet.rehearse(replace(intent, commitment=replace(intent.commitment, transaction=poor)))
    assert said == f"its gas limit of {poor.gas} is too low now: it succeeds with more"


@only_the_module
def test_rehearse__after_the_owners_have_paused_the_module__says_so(desk: Desk) -> None:
    intent = an_intent_on(desk)
    desk.replica.rpc.call("evm_setAutomine", True)
    owners_do(desk, "pause")
    said = desk.wallet.rehearse(intent)
    assert said == "RebalanceModule: paused (the guardian or the owners have paused the module)"


@only_the_module
def test_rehearse__after_another_rebalance__says_that_it_came_before(desk: Desk, intent: Intent) -> None:
    desk.replica.mine()
    assert receipt_of(desk, intent).reason is None
    said = desk.wallet.rehearse(intent)
    assert said == "RebalanceModule: nonce (another rebalance came before it)"
