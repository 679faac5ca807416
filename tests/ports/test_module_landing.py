"""From the simulated batch of a RebalanceModule to its end: void where somebody has acted, mined, or reverted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_modules import (
    OWNERS,
    a_filled_desk,
    balances,
    module,
    owners_do,
    receipt_of,
    simulated,
    three_trades,
)
from given_wallet import (
    ROUTER,
    USDT,
    WETH,
    Desk,
    a_desk,
    a_trade,
)

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    Quote,
    QuoteRequest,
)
from rebalancer.replica.chain import Replica
from rebalancer.units import Amount

NODES = ("with eth_simulateV1", "without")


@pytest.fixture
def desk(replica: Replica, signer: KeystoreSigner) -> Desk:
    return a_filled_desk(replica, signer)


# ---------------------------------------------------------------- commit


@pytest.mark.parametrize("what", OWNERS)
def test_commit__after_the_owners_have_acted__is_void(desk: Desk, what: str) -> None:
    batch, simulation, snapshot = simulated(desk)
    owners_do(desk, what)
    with pytest.raises(Unavailable, match="changed since block .* what was planned is void"):
        desk.wallet.commit(batch, simulation, snapshot)
    assert desk.replica.rpc.call("eth_getTransactionCount", desk.wallet.operator, "pending") == "0x0"


def test_commit__after_the_guardian_has_dropped_the_operator__is_void(desk: Desk) -> None:
    batch, simulation, snapshot = simulated(desk)
    desk.replica.transact(desk.replica.actor("guardian").address, module(desk), "drop_operator()")
    with pytest.raises(Unavailable, match="changed since block .* what was planned is void"):
        desk.wallet.commit(batch, simulation, snapshot)


def test_commit__after_the_operators_key_has_rebalanced_elsewhere__is_void(desk: Desk) -> None:
    other = desk.intent(three_trades(desk)[:1])
    batch, simulation, snapshot = simulated(desk)
    desk.wallet.execute(other)
    assert receipt_of(desk, other).reason is None
    with pytest.raises(Unavailable, match="1 of its transactions were mined since block"):
        desk.wallet.commit(batch, simulation, snapshot)


def test_commit__while_the_meters_leak_and_nobody_acts__signs(desk: Desk) -> None:
    first = desk.intent(three_trades(desk)[:1])
    desk.wallet.execute(first)
    assert receipt_of(desk, first).reason is None
    batch, simulation, snapshot = simulated(desk)
    desk.replica.warp(60)
    later = desk.reader.read()
    assert later.wallet != snapshot.wallet, "the meters leave more than before"
    assert desk.wallet.commit(batch, simulation, snapshot).transaction.call == batch.call


def test_commit__asks_for_the_counts_and_then_safe_and_module_in_one_request(desk: Desk) -> None:
    batch, simulation, snapshot = simulated(desk)
    rpc = Rpc(desk.replica.url)
    desk.on(rpc).wallet.commit(batch, simulation, snapshot)
    assert rpc.requests == 1


# ---------------------------------------------------------------- land


def test_land__paused_after_it_was_signed__failed_with_the_modules_reason_and_moved_nothing(desk: Desk) -> None:
    intent = desk.intent(three_trades(desk))
    before = balances(desk)
    owners_do(desk, "pause")
    desk.wallet.execute(intent)
    desk.replica.mine()
    receipt = receipt_of(desk, intent)
    assert receipt.reason is not None and balances(desk) == before
    assert receipt.reason.startswith("mined and reverted with ")
    # Told on the block before the one that it failed in: there the module was paused already.
    assert receipt.reason.endswith("RebalanceModule: paused (the guardian or the owners have paused the module)")
    assert [change.raw for change in receipt.changes] == [0] * len(intent.expected)


def test_land__the_price_fell_below_the_floor__failed_at_the_router(desk: Desk) -> None:
    intent = desk.intent([a_trade(desk, "USDT", 50_000 * 10**6, "WETH", slippage_bps=20)])
    attacker = desk.replica.actor("attacker").address
    desk.replica.deal("USDT", attacker, 40_000_000 * 10**6)
    desk.replica.transact(attacker, USDT.address, "approve(address,uint256)", ROUTER, 2**200)
    for _ in range(4):
        raid = replace(a_trade(desk, "USDT", 8_000_000 * 10**6, "WETH"), floor=Amount(WETH, 1))
        quote = desk.venue.quote(QuoteRequest(raid, attacker, attacker, 2**40), desk.reader.read())
        assert isinstance(quote, Quote)
        desk.replica.send(attacker, quote.call.to, "0x" + quote.call.data.hex())
    desk.wallet.execute(intent)
    reason = receipt_of(desk, intent).reason
    assert reason is not None and "RebalanceModule: execution (a router refuses a swap" in reason


def test_land__sent_through_the_safe_by_an_earlier_configuration__is_told_by_the_safe(
    desk: Desk, replica: Replica, signer: KeystoreSigner
) -> None:
    # The kind of wallet was changed while a batch was open: the intent says whom it was sent to.
    old = a_desk(replica, replica.create_safe([signer.address], salt=7), signer)
    replica.deal("USDT", old.wallet.address, 100_000 * 10**6)
    intent = old.intent([a_trade(old, "USDT", 10**10, "WETH")])
    old.wallet.execute(intent)
    replica.mine()
    receipt = receipt_of(desk, intent)
    assert receipt.reason is None and receipt.changes == intent.expected
