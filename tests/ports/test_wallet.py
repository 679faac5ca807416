"""One contract for every wallet: built from quotes, simulated, signed, sent, landed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from given_modules import a_module_desk, a_wanted_module
from given_wallet import (
    ROUTER,
    TOKENS,
    Desk,
    a_desk,
    a_signer,
    a_trade,
    an_intent_of,
)

from rebalancer.adapters.wallets import fake
from rebalancer.adapters.wallets.fake import FakeWallet
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    AccessEntry,
    Batch,
    Call,
    Fees,
    Gone,
    Intent,
    Landed,
    ModuleWallet,
    Purpose,
    Quote,
    Replacement,
    Reverted,
    Simulated,
    Snapshot,
    Waiting,
)
from rebalancer.ports import Wallet
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Wei


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Desk]]:
    """A desk for each kind of wallet, on one replica; the fake is quoted for on the Safe's."""
    with Replica.start() as replica:
        operator = replica.actor("operator")
        signer = a_signer(tmp_path_factory.mktemp("keys"), operator)
        safe = a_desk(replica, replica.create_safe([operator.address]), signer)
        module = a_module_desk(replica, a_wanted_module(replica, {"WETH": 50, "WBTC": 50}), signer)
        for desk in (safe, module):
            replica.deal("USDC", desk.wallet.address, 10**12)
        replica.mine()
        yield {"fake": safe, "safe": safe, "safe-module": module}


@pytest.fixture(params=["fake", "safe", "safe-module"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk(running: dict[str, Desk], kind: str) -> Iterator[Desk]:
    with running[kind].replica.scratch():
        yield running[kind]


@pytest.fixture
def wallet(kind: str, desk: Desk) -> Wallet:
    return FakeWallet() if kind == "fake" else desk.wallet


@pytest.fixture
def door(wallet: Wallet, snapshot: Snapshot, kind: str) -> Address:
    """Where a batch is sent: to the wallet itself, or to its module."""
    if kind != "safe-module":
        return wallet.address
    assert isinstance(snapshot.wallet, ModuleWallet)
    return snapshot.wallet.module


@pytest.fixture
def snapshot(desk: Desk) -> Snapshot:
    return desk.reader.read()


@pytest.fixture
def quotes(desk: Desk, snapshot: Snapshot) -> tuple[Quote, ...]:
    trades = [a_trade(desk, "USDC", 10**10, buy) for buy in ("WETH", "WBTC")]
    return desk.quotes(trades, snapshot, snapshot.block.timestamp + 600)


@pytest.fixture
def batch(wallet: Wallet, snapshot: Snapshot, quotes: tuple[Quote, ...]) -> Batch:
    return wallet.build(quotes, snapshot, snapshot.block.timestamp + 600)


@pytest.fixture
def simulation(wallet: Wallet, batch: Batch, snapshot: Snapshot) -> Simulated:
    simulation = wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    return simulation


@pytest.fixture
def intent(wallet: Wallet, batch: Batch, simulation: Simulated, snapshot: Snapshot) -> Intent:
    return an_intent_of(batch, simulation, snapshot, wallet.commit(batch, simulation, snapshot))


def test_build__of_quotes__is_one_call_from_the_operator(
    wallet: Wallet, batch: Batch, snapshot: Snapshot, quotes: tuple[Quote, ...], door: Address
) -> None:
    assert (batch.quotes, batch.operator, batch.call.to) == (quotes, wallet.operator, door)
    assert batch == wallet.build(quotes, snapshot, snapshot.block.timestamp + 600)


def test_simulate__of_a_good_batch__measures_every_token_and_allowance(simulation: Simulated) -> None:
    assert [change.token for change in simulation.changes] == list(TOKENS)
    moved = {change.token.symbol: change.raw for change in simulation.changes}
    assert moved["USDC"] == -2 * 10**10
    assert moved["WETH"] > 0 and moved["WBTC"] > 0 and moved["DAI"] == 0
    assert {(a.spender, a.amount.token.symbol, a.amount.raw) for a in simulation.allowances} == {(ROUTER, "USDC", 0)}
    assert simulation.gas > 0


def test_commit__of_a_simulated_batch__signs_its_call_and_sends_nothing(
    wallet: Wallet, intent: Intent, batch: Batch, door: Address
) -> None:
    assert intent.commitment.transaction.call == batch.call and batch.call.to == door
    assert isinstance(wallet.land(intent, 0, 0), Waiting)


def test_commit__of_a_simulated_batch__signs_the_access_list_that_it_was_simulated_with(
    wallet: Wallet, batch: Batch, simulation: Simulated, snapshot: Snapshot
) -> None:
    entries = (AccessEntry(ROUTER, (0, 1)),)
    for access_list in (entries, ()):
        commitment = wallet.commit(batch, replace(simulation, access_list=access_list), snapshot)
        assert commitment.transaction.access_list == access_list


def test_land__after_it_was_sent__is_mined_as_simulated(wallet: Wallet, intent: Intent) -> None:
    wallet.execute(intent)
    landing = wallet.land(intent, 10, 0)
    assert isinstance(landing, Landed)
    assert (landing.receipt.tx, landing.receipt.reason) == (intent.commitment.hash, None)
    assert landing.receipt.changes == intent.expected
    assert landing.receipt.block == intent.block + 1


def test_execute__twice__changes_nothing(wallet: Wallet, intent: Intent) -> None:
    wallet.execute(intent)
    first = wallet.land(intent, 10, 0)
    wallet.execute(intent)
    assert wallet.land(intent, 10, 0) == first


def _with(wallet: Wallet, intent: Intent, purpose: Purpose) -> Intent:
    fees = intent.commitment.transaction.fees
    signed = wallet.replace(intent, purpose, Fees(Wei(2 * fees.max_fee), Wei(2 * fees.tip + 1)))
    return replace(intent, replacements=(Replacement(purpose, intent.created_at + 180, signed),))


def test_replace__of_either_purpose__has_the_nonce_and_the_fees_and_sends_nothing(
    wallet: Wallet, intent: Intent
) -> None:
    first = intent.commitment.transaction
    raised, cancelled = (
        _with(wallet, intent, purpose).newest.transaction for purpose in (Purpose.RAISE, Purpose.CANCEL)
    )
    fees = Fees(Wei(2 * first.fees.max_fee), Wei(2 * first.fees.tip + 1))
    assert raised == replace(first, fees=fees)
    nothing = Call(wallet.operator, b"")
    assert cancelled == replace(first, fees=fees, call=nothing, gas=21_000, access_list=())
    assert isinstance(wallet.land(intent, 0, 0), Waiting)


def test_raised__and_sent__lands_as_the_dearer_one(wallet: Wallet, intent: Intent) -> None:
    raised = _with(wallet, intent, Purpose.RAISE)
    wallet.execute(raised)
    landing = wallet.land(raised, 10, 0)
    assert isinstance(landing, Landed)
    assert (landing.receipt.tx, landing.receipt.reason) == (raised.newest.hash, None)
    assert landing.receipt.changes == intent.expected


def test_cancelled__and_sent__lands_as_a_failure_that_moved_nothing(wallet: Wallet, intent: Intent) -> None:
    cancelled = _with(wallet, intent, Purpose.CANCEL)
    wallet.execute(cancelled)
    landing = wallet.land(cancelled, 10, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.tx == cancelled.newest.hash and landing.receipt.gas_used == 21_000
    assert landing.receipt.reason is not None and landing.receipt.reason.startswith("cancelled")
    assert {change.raw for change in landing.receipt.changes} == {0}


def test_rehearse__of_a_batch_that_was_just_simulated__has_nothing_to_say(wallet: Wallet, intent: Intent) -> None:
    assert wallet.rehearse(intent) is None


def test_gas_now__is_a_block_with_a_price(wallet: Wallet) -> None:
    block = wallet.gas_now()
    assert block.number > 0 and block.base_fee > 0 and block.tip >= 0


# ---------------------------------------------------------------- what only the fake can be told

only_the_fake = pytest.mark.parametrize("kind", ["fake"], indirect=True)


@only_the_fake
def test_fake__told_to_revert__reverts_once(snapshot: Snapshot, quotes: tuple[Quote, ...]) -> None:
    wallet = FakeWallet(simulations=[Reverted("USDC.approve: Pausable: paused")])
    batch = wallet.build(quotes, snapshot, 1)
    assert wallet.simulate(batch, snapshot) == Reverted("USDC.approve: Pausable: paused")
    assert isinstance(wallet.simulate(batch, snapshot), Simulated)


@only_the_fake
def test_fake__told_how_to_land__plays_it_and_stays(snapshot: Snapshot, quotes: tuple[Quote, ...]) -> None:
    wallet = FakeWallet(landings=[fake.waiting, fake.gone, fake.failed])
    batch = wallet.build(quotes, snapshot, 1)
    simulation = wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    intent = an_intent_of(batch, simulation, snapshot, wallet.commit(batch, simulation, snapshot))
    assert isinstance(wallet.land(intent, 0, 0), Waiting)
    assert isinstance(wallet.land(intent, 0, 0), Gone)
    for _ in range(2):
        landing = wallet.land(intent, 0, 0)
        assert isinstance(landing, Landed)
        assert landing.receipt.reason is not None
        assert {change.raw for change in landing.receipt.changes} == {0}


@only_the_fake
def test_fake__told_to_fail__raises_and_sends_nothing(snapshot: Snapshot, quotes: tuple[Quote, ...]) -> None:
    wallet = FakeWallet()
    batch = wallet.build(quotes, snapshot, 1)
    simulation = wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    intent = an_intent_of(batch, simulation, snapshot, wallet.commit(batch, simulation, snapshot))
    wallet.failure = Unavailable("node.example: no connection")
    with pytest.raises(Unavailable):
        wallet.execute(intent)
    assert not wallet.sent
