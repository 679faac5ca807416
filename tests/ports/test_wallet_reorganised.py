"""Blocks that are replaced under a batch: what was mined is believed only in the block that stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from given_unmined import a_desk_of, an_intent_on, mined_for, not_mining, receipt_of, replaced
from given_wallet import USDC, Desk, a_trade

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.unmined import INDEX_SECONDS
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Landed, Purpose, Waiting
from rebalancer.replica.chain import Replica


@pytest.fixture
def patient(replica: Replica, signer: KeystoreSigner, kind: str) -> Iterator[Desk]:
    """Who waits for three confirmations."""
    desk = a_desk_of(kind, replica, signer, confirmations=3)
    with not_mining(replica):
        yield desk


def _reorganise(desk: Desk, depth: int, *raw: bytes) -> None:
    """Replace so many blocks by others, the first of which holds the transactions."""
    desk.replica.rpc.call("anvil_reorg", depth, [["0x" + each.hex(), 0] for each in raw])


def _parent_of_latest(desk: Desk, steps: int) -> str:
    """The hash of the block so many below the newest."""
    number = int(desk.replica.rpc.call("eth_blockNumber"), 16) - steps
    return str(desk.replica.rpc.call("eth_getBlockByNumber", hex(number), False)["hash"])


def test_land__mined_again_in_another_block__tells_that_block(desk: Desk) -> None:
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    desk.replica.mine(2)
    before = receipt_of(desk, intent)
    _reorganise(desk, 2, intent.commitment.raw)
    after = receipt_of(desk, intent)
    assert (after.tx, after.block, after.changes) == (before.tx, before.block, before.changes)
    assert after.block_hash != before.block_hash
    block = desk.replica.rpc.call("eth_getBlockByNumber", hex(after.block), False)
    assert after.block_hash == block["hash"]


def test_land__taken_back_and_unknown__waits_and_the_same_bytes_settle_it(desk: Desk) -> None:
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    desk.replica.mine(2)
    before = receipt_of(desk, intent)
    _reorganise(desk, 2)
    assert mined_for(desk) == 0
    landing = desk.wallet.land(intent, 0, before.block)
    assert isinstance(landing, Waiting) and not landing.mined and "does not know" in landing.reason
    desk.wallet.execute(intent)
    desk.replica.mine()
    after = receipt_of(desk, intent)
    assert (after.tx, after.reason, after.changes) == (before.tx, None, before.changes)
    assert after.block > before.block and mined_for(desk) == 1


def test_land__taken_back_below_the_last_block_that_was_read__is_not_believed(desk: Desk) -> None:
    intent = an_intent_on(desk)
    mark = desk.replica.rpc.call("evm_snapshot")
    desk.wallet.execute(intent)
    desk.replica.mine(3)
    block = receipt_of(desk, intent).block
    desk.replica.rpc.call("evm_revert", mark)
    with pytest.raises(Unavailable, match=f"behind block {block} that was read before"):
        desk.wallet.land(intent, 0, block)
    desk.replica.mine(5)
    assert isinstance(desk.wallet.land(intent, 0, block), Waiting)


def test_land__taken_back_before_it_was_deep_enough__was_never_landed(patient: Desk) -> None:
    desk = patient
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    for depth in (1, 2):
        desk.replica.mine()
        landing = desk.wallet.land(intent, 0, 0)
        assert isinstance(landing, Waiting) and landing.mined
        assert landing.reason.endswith(f"{depth} of 3 confirmations")
        assert landing.block_hash == _parent_of_latest(desk, depth - 1)
    _reorganise(desk, 2)
    landing = desk.wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting) and not landing.mined
    desk.wallet.execute(intent)
    desk.replica.mine(3)
    assert isinstance(desk.wallet.land(intent, 0, 0), Landed)


def test_land__another_of_its_transactions_is_mined_instead__tells_that_one(desk: Desk) -> None:
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    raised = replaced(desk, intent, Purpose.RAISE)
    desk.replica.mine(2)
    assert receipt_of(desk, raised).tx == intent.commitment.hash
    _reorganise(desk, 2, raised.newest.raw)
    receipt = receipt_of(desk, raised)
    assert (receipt.tx, receipt.reason, receipt.changes) == (raised.newest.hash, None, intent.expected)


def test_land__another_transaction_of_the_key_is_mined_instead__halts_and_names_it(desk: Desk) -> None:
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    desk.replica.mine(2)
    assert receipt_of(desk, intent).reason is None
    _reorganise(desk, 2)
    desk.replica.rpc.call("evm_setAutomine", True)
    other = desk.replica.send(desk.wallet.operator, USDC.address, "0x06fdde03")
    number = int(other["blockNumber"], 16)
    said = f"nonce 0 was used by {other['transactionHash']} .to {USDC.address.lower()}, in block {number}."
    with pytest.raises(Halt, match=f"(?i){said}.*{intent.commitment.hash} can never be mined"):
        desk.wallet.land(intent, 0, 0)


def test_land__another_transaction_of_the_key_is_mined_and_taken_back_for_ours__tells_ours(patient: Desk) -> None:
    desk = patient
    intent = an_intent_on(desk)
    desk.replica.rpc.call("eth_sendTransaction", {"from": desk.wallet.operator, "to": USDC.address, "nonce": "0x0"})
    desk.replica.mine(2)
    landing = desk.wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting) and landing.mined and landing.reason.endswith(", 2 of 3 confirmations")
    _reorganise(desk, 2, intent.commitment.raw)
    desk.replica.mine()
    assert receipt_of(desk, intent).reason is None and mined_for(desk) == 1


def test_land__an_earlier_batch_was_taken_back_for_good__halts_long_past_the_deadline(desk: Desk) -> None:
    first = an_intent_on(desk)
    desk.wallet.execute(first)
    desk.replica.mine()
    assert receipt_of(desk, first).reason is None
    second = desk.intent([a_trade(desk, "USDT", 10_000 * 10**6, "WBTC")])
    _reorganise(desk, 1)
    desk.replica.warp(600)
    assert isinstance(desk.wallet.land(second, 0, 0), Waiting)
    # The replica's clock runs on meanwhile: a minute more than the rule asks for.
    desk.replica.warp(INDEX_SECONDS + 60)
    said = f"its next nonce is 0, and the nonce of {second.commitment.hash} is 1, long past .* was taken back"
    with pytest.raises(Halt, match=said):
        desk.wallet.land(second, 0, 0)


def test_land__an_earlier_batch_was_taken_back_with_its_block__says_what_it_waits_for(desk: Desk) -> None:
    first = an_intent_on(desk)
    desk.wallet.execute(first)
    desk.replica.mine()
    assert receipt_of(desk, first).reason is None
    second = desk.intent([a_trade(desk, "USDT", 10_000 * 10**6, "WBTC")])
    desk.wallet.execute(second)
    _reorganise(desk, 1)
    landing = desk.wallet.land(second, 0, 0)
    assert isinstance(landing, Waiting) and "the operator's next nonce is 0" in landing.reason
