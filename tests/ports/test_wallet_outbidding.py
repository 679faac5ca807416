"""What takes the place of a batch that was given up pays more than what may be out of that, or is not signed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_doubtful_nodes import simulated
from given_ledger import an_intent
from given_unmined import an_intent_on, higher, only_the_safe, receipt_of, replaced
from given_wallet import LIMITS, Desk, an_intent_of

from rebalancer.adapters.wallets.fake import FakeWallet
from rebalancer.adapters.wallets.outbidding import outbid
from rebalancer.core.cost import fees_for, stepped_up
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Fees, Gone, Intent, Purpose, Replacement
from rebalancer.units import Wei

GWEI = 10**9


def given_up(desk: Desk, steps: int = 6) -> Intent:
    """Sent, cancelled so many steps higher, and forgotten by the node long past its deadline."""
    intent = an_intent_on(desk, 300)
    desk.wallet.execute(intent)
    intent = replaced(desk, intent, Purpose.CANCEL, higher(intent.newest.transaction.fees, steps))
    desk.wallet.execute(intent)
    desk.replica.rpc.call("anvil_dropAllTransactions")
    desk.replica.warp(2_000)
    assert isinstance(desk.wallet.land(intent, 0, 0), Gone)
    return intent


def test_commit__in_place_of_what_was_given_up__is_taken_where_that_is_still_out(desk: Desk) -> None:
    old = given_up(desk)
    batch, simulation, snapshot = simulated(desk)
    new = an_intent_of(batch, simulation, snapshot, desk.wallet.commit(batch, simulation, snapshot, old))
    fees = new.commitment.transaction.fees
    assert new.commitment.transaction.nonce == old.commitment.transaction.nonce
    assert fees == stepped_up(old.newest.transaction.fees) and fees.max_fee <= LIMITS.max_gas_price
    desk.replica.rpc.call("eth_sendRawTransaction", "0x" + old.newest.raw.hex())
    desk.wallet.execute(new)
    desk.replica.mine(2)
    receipt = receipt_of(desk, new)
    assert (receipt.tx, receipt.reason) == (new.commitment.hash, None)


def test_commit__to_take_its_place_costs_more_than_is_allowed__is_unavailable_in_words(desk: Desk) -> None:
    old = given_up(desk)
    batch, simulation, snapshot = simulated(desk)
    dear = Fees(Wei(90 * GWEI), Wei(GWEI))
    signed = replace(old.newest, transaction=replace(old.newest.transaction, fees=dear))
    old = replace(old, replacements=(*old.replacements, Replacement(Purpose.CANCEL, 0, signed)))
    said = f"nonce 0 is still held by .*{old.newest.hash}.* 101.25 gwei .*max_gas_price is 100 gwei. Nothing was signed"
    with pytest.raises(Unavailable, match=said):
        desk.wallet.commit(batch, simulation, snapshot, old)


@only_the_safe
def test_commit__the_operator_affords_the_fees_of_now_but_not_those__is_unavailable(desk: Desk) -> None:
    old = given_up(desk)
    batch, simulation, snapshot = simulated(desk)
    plain = desk.wallet.commit(batch, simulation, snapshot).transaction
    poor = replace(snapshot, operator_balance=Wei(plain.gas * plain.fees.max_fee))
    assert desk.wallet.commit(batch, simulation, poor).transaction == plain
    needed = plain.gas * stepped_up(old.newest.transaction.fees).max_fee
    with pytest.raises(Unavailable, match=f"holds {poor.operator_balance} wei, the transaction may need {needed}"):
        desk.wallet.commit(batch, simulation, poor, old)


@only_the_safe
def test_commit__the_nonce_was_used_meanwhile__has_nothing_to_outbid(desk: Desk) -> None:
    old = given_up(desk)
    desk.replica.rpc.call("eth_sendTransaction", {"from": desk.wallet.operator, "to": desk.wallet.operator})
    desk.replica.mine()
    batch, simulation, snapshot = simulated(desk)
    transaction = desk.wallet.commit(batch, simulation, snapshot, old).transaction
    assert (transaction.nonce, transaction.fees) == (1, fees_for(snapshot.block, LIMITS))


@only_the_safe
def test_fake__in_place_of_what_was_given_up__pays_more_up_to_its_limit(desk: Desk) -> None:
    wallet, old = FakeWallet(), given_up(desk)
    batch, simulation, snapshot = simulated(desk)
    step = stepped_up(old.newest.transaction.fees)
    assert wallet.commit(batch, simulation, snapshot, old).transaction.fees == step
    wallet.max_gas_price = Wei(step.max_fee - 1)
    with pytest.raises(Unavailable, match="nonce 0 is still held"):
        wallet.commit(batch, simulation, snapshot, old)
    wallet.nonce = 1
    assert wallet.commit(batch, simulation, snapshot, old).transaction.fees.max_fee < step.max_fee


# ---------------------------------------------------------------- the fees


def an_intent_at(*fees: tuple[int, int]) -> Intent:
    """With transactions at these (max fee, tip), in wei."""
    intent = an_intent(7)
    first, *more = (
        replace(intent.commitment, transaction=replace(intent.commitment.transaction, fees=Fees(Wei(most), Wei(tip))))
        for most, tip in fees
    )
    return replace(intent, commitment=first, replacements=tuple(Replacement(Purpose.RAISE, 0, each) for each in more))


@pytest.mark.parametrize(
    ("out", "fresh", "expected"),
    [
        ([(80, 8)], (50, 5), (90, 9)),
        ([(80, 8)], (95, 5), (95, 9)),
        ([(80, 8)], (50, 12), (90, 12)),
        ([(80, 1), (40, 8), (16, 2)], (50, 5), (90, 9)),
        ([(81, 7)], (50, 5), (92, 8)),
        ([(96, 8)], (50, 5), (108, 9)),
    ],
)
def test_outbid__each_fee__is_a_step_above_the_highest_out_or_the_fresh_one(
    out: list[tuple[int, int]], fresh: tuple[int, int], expected: tuple[int, int]
) -> None:
    intent = an_intent_at(*out)
    nonce = intent.commitment.transaction.nonce
    fees = Fees(Wei(fresh[0]), Wei(fresh[1]))
    assert outbid(fees, nonce, intent, Wei(108)) == Fees(Wei(expected[0]), Wei(expected[1]))
    assert outbid(fees, nonce + 1, intent, Wei(108)) == outbid(fees, nonce, None, Wei(108)) == fees


def test_outbid__above_the_limit__is_unavailable() -> None:
    intent = an_intent_at((97, 8))
    with pytest.raises(Unavailable, match="max_gas_price is"):
        outbid(Fees(Wei(50), Wei(5)), intent.commitment.transaction.nonce, intent, Wei(109))
    assert outbid(Fees(Wei(50), Wei(5)), intent.commitment.transaction.nonce, intent, Wei(110)).max_fee == 110
