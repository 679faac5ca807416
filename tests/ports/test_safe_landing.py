"""What becomes of a sent batch: mined, reverted, waiting, void, or pushed aside by another transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from given_wallet import ROUTER, USDC, USDT, WETH, Desk, a_desk, a_trade

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.unmined import INDEX_SECONDS
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Call, Gone, Intent, Landed, Quote, QuoteRequest, Receipt, Waiting
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount


@pytest.fixture
def replica(running: Replica) -> Iterator[Replica]:
    """Nothing is mined unless the test says so."""
    with running.scratch():
        running.rpc.call("evm_setAutomine", False)
        yield running
        running.rpc.call("anvil_dropAllTransactions")
        running.rpc.call("evm_setAutomine", True)


@pytest.fixture
def desk(running: Replica, replica: Replica, signer: KeystoreSigner) -> Desk:
    return _desk(replica, signer)


def _desk(replica: Replica, signer: KeystoreSigner, confirmations: int = 1) -> Desk:
    replica.rpc.call("evm_setAutomine", True)
    safe = replica.create_safe([signer.address])
    replica.rpc.call("evm_setAutomine", False)
    replica.deal("USDT", safe, 100_000 * 10**6)
    return a_desk(replica, safe, signer, Patience(confirmations, poll=0.02))


def _intent(desk: Desk, seconds: int = 600, slippage_bps: int = 100) -> Intent:
    return desk.intent([a_trade(desk, "USDT", 50_000 * 10**6, "WETH", slippage_bps)], seconds)


def _receipt(desk: Desk, intent: Intent) -> Receipt:
    landing = desk.wallet.land(intent, 10, 0)
    assert isinstance(landing, Landed), landing
    return landing.receipt


def test_land__before_anything_was_sent__waits(desk: Desk) -> None:
    intent = _intent(desk)
    landing = desk.wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting)
    assert f"does not know {intent.commitment.hash}" in landing.reason


def test_land__sent_and_not_mined__waits(desk: Desk) -> None:
    intent = _intent(desk)
    desk.wallet.execute(intent)
    landing = desk.wallet.land(intent, 0, 0)
    assert landing == Waiting(f"{intent.commitment.hash} waits to be mined, with nonce 0")


def test_land__mined__tells_block_gas_and_changes(desk: Desk) -> None:
    intent = _intent(desk)
    desk.wallet.execute(intent)
    desk.replica.mine()
    receipt = _receipt(desk, intent)
    block = desk.replica.rpc.call("eth_getBlockByNumber", "latest", False)
    assert (receipt.block, receipt.block_hash) == (int(block["number"], 16), block["hash"])
    assert receipt.timestamp == int(block["timestamp"], 16)
    assert (receipt.tx, receipt.reason, receipt.changes) == (intent.commitment.hash, None, intent.expected)
    assert receipt.gas_price == int(block["baseFeePerGas"], 16) + intent.commitment.transaction.fees.tip


def test_land__mined_while_it_waits__sees_it(desk: Desk) -> None:
    intent = _intent(desk)
    desk.wallet.execute(intent)
    timer = threading.Timer(0.2, desk.replica.rpc.call, ("evm_mine",))
    timer.start()
    landing = desk.wallet.land(intent, 10, 0)
    timer.join()
    assert isinstance(landing, Landed)


def test_land__mined_less_deep_than_asked__waits_for_the_rest(replica: Replica, signer: KeystoreSigner) -> None:
    desk = _desk(replica, signer, confirmations=3)
    intent = _intent(desk)
    desk.wallet.execute(intent)
    desk.replica.mine(2)
    landing = desk.wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting)
    assert landing.reason.endswith("2 of 3 confirmations")
    desk.replica.mine()
    assert _receipt(desk, intent).reason is None


def test_execute__repeated__sends_one_transaction(desk: Desk) -> None:
    intent = _intent(desk)
    desk.wallet.execute(intent)
    desk.wallet.execute(intent)
    desk.replica.mine()
    desk.wallet.execute(intent)
    desk.replica.mine()
    assert int(desk.replica.rpc.call("eth_getTransactionCount", desk.wallet.operator, "latest"), 16) == 1
    assert _receipt(desk, intent).reason is None


def test_execute__refused_by_the_node__is_unavailable_and_says_why(desk: Desk) -> None:
    intent = _intent(desk)
    desk.replica.deal("ETH", desk.wallet.operator, 0)
    with pytest.raises(Unavailable, match=r"(?i)insufficient funds.*was not taken"):
        desk.wallet.execute(intent)


def test_land__mined_after_the_deadline__failed_and_moved_nothing(desk: Desk) -> None:
    intent = _intent(desk, seconds=60)
    desk.wallet.execute(intent)
    before = desk.replica.balance("USDT", desk.wallet.address)
    desk.replica.warp(3_600)
    receipt = _receipt(desk, intent)
    assert receipt.reason is not None
    assert "mined and reverted" in receipt.reason
    assert "Transaction too old" in receipt.reason
    assert [change.raw for change in receipt.changes] == [0] * len(intent.expected)
    assert desk.replica.balance("USDT", desk.wallet.address) == before


def test_land__the_price_fell_below_the_floor__failed_with_the_reason(desk: Desk) -> None:
    intent = _intent(desk, slippage_bps=20)
    attacker = desk.replica.actor("attacker").address
    desk.replica.deal("USDT", attacker, 40_000_000 * 10**6)
    desk.replica.rpc.call("evm_setAutomine", True)
    desk.replica.transact(attacker, USDT.address, "approve(address,uint256)", ROUTER, 2**200)
    for _ in range(4):
        raid = _raid(desk, attacker)
        desk.replica.send(attacker, raid.to, "0x" + raid.data.hex())
    desk.wallet.execute(intent)
    receipt = _receipt(desk, intent)
    assert receipt.reason is not None
    assert receipt.reason.endswith("Too little received")


def _raid(desk: Desk, attacker: Address) -> Call:
    """Buy WETH for eight million USDT, at any price."""
    trade = replace(a_trade(desk, "USDT", 8_000_000 * 10**6, "WETH"), floor=Amount(WETH, 1))
    quote = desk.venue.quote(QuoteRequest(trade, attacker, attacker, 2**40), desk.reader.read())
    assert isinstance(quote, Quote), quote
    return quote.call


def test_land__never_sent_and_past_its_deadline__is_gone(desk: Desk) -> None:
    intent = _intent(desk, seconds=60)
    desk.replica.warp(61 + INDEX_SECONDS)
    landing = desk.wallet.land(intent, 0, 0)
    assert isinstance(landing, Gone)
    assert f"was not mined by its deadline {intent.deadline}" in landing.reason


@pytest.mark.parametrize("seconds", [0, 1])
def test_land__long_past_its_deadline_to_the_second__is_not_gone_before(desk: Desk, seconds: int) -> None:
    intent = _intent(desk, seconds=600)
    desk.replica.rpc.call("evm_setNextBlockTimestamp", intent.deadline + INDEX_SECONDS + seconds)
    desk.replica.rpc.call("evm_mine")
    assert isinstance(desk.wallet.land(intent, 0, 0), Gone if seconds else Waiting)


def test_land__signed_with_a_nonce_that_was_used_long_before__waits_and_halts_after_the_deadline(desk: Desk) -> None:
    intent = _intent(desk)
    desk.replica.rpc.call("evm_setAutomine", True)
    desk.replica.send(desk.wallet.operator, USDC.address, "0x06fdde03")
    desk.replica.mine(5)
    stale = replace(intent, block=desk.reader.head().number)
    desk.replica.mine()
    assert isinstance(desk.wallet.land(stale, 0, 0), Waiting)
    desk.replica.warp(3_600)
    with pytest.raises(Halt, match="says that nonce 0 is used .*explorer"):
        desk.wallet.land(stale, 0, 0)


def test_land__the_nonce_was_used_by_another_transaction__halts_and_names_it(desk: Desk) -> None:
    intent = _intent(desk)
    desk.replica.mine(5)
    desk.replica.rpc.call("evm_setAutomine", True)
    other = desk.replica.send(desk.wallet.operator, USDC.address, "0x06fdde03")
    desk.replica.mine(7)
    with pytest.raises(Halt, match=rf"nonce 0 was used by {other['transactionHash']} .*{intent.commitment.hash}"):
        desk.wallet.land(intent, 0, 0)
