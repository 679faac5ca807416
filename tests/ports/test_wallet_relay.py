"""Sending through a private relay: nothing reaches the public unless that was asked for, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from given_relay import PrivateRelay
from given_unmined import a_desk_of, an_intent_on, mined_for, not_mining, receipt_of, replaced
from given_wallet import LIMITS, Desk, nodes_of

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.sending import Relay, Sender
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Intent, Purpose, Waiting
from rebalancer.replica.chain import Replica

Through = Callable[[str, bool], Desk]


@pytest.fixture
def relay(replica: Replica) -> Iterator[PrivateRelay]:
    relay = PrivateRelay(replica)
    yield relay
    relay.close()


@pytest.fixture
def public(replica: Replica, signer: KeystoreSigner) -> Iterator[Desk]:
    """Without a relay."""
    desk = a_desk_of("safe", replica, signer)
    with not_mining(replica):
        yield desk


@pytest.fixture
def through(public: Desk) -> Through:
    """The same desk with a relay at an URL, and with or without public nodes to fall back to."""

    def make(url: str, fallback: bool) -> Desk:
        rpc = Rpc(public.replica.url)
        sender = Sender(nodes_of(public.replica, rpc), 1, public.signer, LIMITS, Relay(Rpc(url), fallback))
        return replace(public, wallet=SafeWallet(rpc, public.wallet.address, MAINNET, sender, Patience(poll=0.02)))

    return make


@pytest.fixture
def desk(through: Through, relay: PrivateRelay) -> Desk:
    return through(relay.url, False)


def _is_public(desk: Desk, intent: Intent) -> bool:
    return desk.replica.rpc.call("eth_getTransactionByHash", intent.newest.hash) is not None


def test_execute__through_a_relay__is_hidden_until_it_is_mined(desk: Desk, relay: PrivateRelay) -> None:
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    assert relay.held == ["0x" + intent.commitment.raw.hex()] and not _is_public(desk, intent)
    landing = desk.wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting) and not landing.mined
    assert landing.reason.endswith("(nor can it: it was sent to 127.0.0.1, which keeps it to itself)")
    relay.include()
    assert receipt_of(desk, intent).reason is None and mined_for(desk) == 1


def test_execute__again_through_a_relay__is_no_alarm_before_and_after_it_is_mined(
    desk: Desk, relay: PrivateRelay
) -> None:
    intent = an_intent_on(desk)
    for _ in range(2):
        desk.wallet.execute(intent)
    relay.include()
    relay.refusal = "nonce too low: next nonce 1, tx nonce 0"
    desk.wallet.execute(intent)
    assert mined_for(desk) == 1 and set(relay.asked) == {"eth_sendRawTransaction"}


@pytest.mark.parametrize("fallback", [False, True])
def test_execute__refused_by_the_relay__reaches_the_public_only_where_that_is_allowed(
    through: Through, relay: PrivateRelay, fallback: bool
) -> None:
    desk = through(relay.url, fallback)
    intent = an_intent_on(desk)
    relay.refusal = "bundle simulation failed"
    if fallback:
        desk.wallet.execute(intent)
    else:
        with pytest.raises(Unavailable, match="bundle simulation failed.*was not taken") as raised:
            desk.wallet.execute(intent)
        assert "the-relays-key" not in str(raised.value)
    assert _is_public(desk, intent) is fallback


@pytest.mark.parametrize("fallback", [False, True])
def test_execute__with_a_relay_that_does_not_answer__reaches_the_public_only_where_that_is_allowed(
    through: Through, relay: PrivateRelay, fallback: bool
) -> None:
    desk = through(relay.url, fallback)
    relay.close()
    intent = an_intent_on(desk)
    if fallback:
        desk.wallet.execute(intent)
    else:
        with pytest.raises(Unavailable, match="no connection") as raised:
            desk.wallet.execute(intent)
        assert "the-relays-key" not in str(raised.value)
    assert _is_public(desk, intent) is fallback


def test_execute__the_relay_took_it_and_the_public_is_allowed__stays_with_the_relay(
    through: Through, relay: PrivateRelay
) -> None:
    desk = through(relay.url, True)
    intent = an_intent_on(desk)
    for _ in range(2):
        desk.wallet.execute(intent)
    assert not _is_public(desk, intent)


def test_execute__answered_with_another_hash_by_the_relay__halts(desk: Desk, relay: PrivateRelay) -> None:
    intent = an_intent_on(desk)
    relay.answer = "0x" + "00" * 32
    with pytest.raises(Halt, match=f"sent {intent.newest.hash}, was answered '0x0000"):
        desk.wallet.execute(intent)


def test_commit__while_the_relay_hides_another_batch__signs_with_its_nonce_so_that_one_can_happen(
    desk: Desk, relay: PrivateRelay
) -> None:
    # That a batch is open is the ledger's to know. Were it lost, the nonce would still allow one of the two only.
    hidden = an_intent_on(desk)
    desk.wallet.execute(hidden)
    second = an_intent_on(desk, seconds=599)
    assert second.commitment.transaction.nonce == hidden.commitment.transaction.nonce == 0
    relay.include()
    with pytest.raises(Halt, match=f"nonce 0 was used by {hidden.commitment.hash}"):
        desk.wallet.land(second, 0, 0)


def test_raised_and_cancelled__through_a_relay__never_reach_the_public(desk: Desk, relay: PrivateRelay) -> None:
    intent = an_intent_on(desk)
    for purpose in (Purpose.RAISE, Purpose.CANCEL):
        desk.wallet.execute(intent)
        intent = replaced(desk, intent, purpose)
    desk.wallet.execute(intent)
    assert relay.held == ["0x" + each.raw.hex() for each in intent.transactions] and not _is_public(desk, intent)
    relay.include()
    receipt = receipt_of(desk, intent)
    assert receipt.reason is not None and receipt.reason.startswith("cancelled: ")
