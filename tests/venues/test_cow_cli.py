"""The commands of a keeper whose rebalance is an order: placed by one run, shown by `status`, settled by the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cow_server import Cow
from given_cow import a_cow_world
from given_cow_keeper import BETTER
from given_keeper import Keeper, a_keeper, a_key, bring_on_target
from given_venue_server import VenueServer

from rebalancer.adapters.venues.cow import RELAYER, SETTLEMENT
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.replica.chain import Replica


@pytest.fixture
def book(replica: Replica, signer: KeystoreSigner) -> Cow:
    """Of another Safe's world; what it is asked for is of whoever asks."""
    book = Cow(a_cow_world(replica, signer))
    book.price = BETTER
    replica.deal("USDC", SETTLEMENT, 10**11)
    return book


@pytest.fixture
def keeper(replica: Replica, book: Cow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    """Too much WETH, too little USDC."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "keys").mkdir()
    owners = (replica.actor("operator").address, replica.actor("owner").address)
    keeper = a_keeper(replica, tmp_path, a_key(replica, tmp_path / "keys"), owners)
    bring_on_target(keeper)
    # 24,000 dollars of one in the place of the other: all else is on its target.
    replica.deal("WETH", keeper.wallet, replica.balance("WETH", keeper.wallet) + 8 * 10**18)
    replica.deal("USDC", keeper.wallet, replica.balance("USDC", keeper.wallet) - 24_000 * 10**6)
    with VenueServer(book) as server:
        keeper.edit("venues:\n", f'venues:\n  cow: {{url: "{server.url}"}}\n')
        keeper.edit("patience: 90 s", "patience: 2 s")
        keeper.go_live()
        yield keeper


def test_run__where_an_order_is_best__places_it_shows_it_and_settles_it(keeper: Keeper, book: Cow) -> None:
    placed = keeper.command("run", "--live", "--json")
    assert placed.json["outcome"] == "pending" and "ordered: 0 of 1 filled" in placed.json["detail"], placed.said
    (uid,) = book.orders
    shown = keeper.command("status")
    assert shown.code == 0 and f"invalidateOrder(bytes orderUid) with {uid}" in shown.said
    assert SETTLEMENT in shown.said and f"approve(address,uint256) with {RELAYER} and 0" in shown.said
    (order,) = keeper.command("status", "--json").json["orders"]
    assert order["uid"] == uid and order["sell"]["token"] == "WETH"

    book.fill(uid, int(order["least"]["raw"]))
    done = keeper.command("run", "--live", "--json")
    assert done.json["outcome"] == "settled", done.said
    assert done.json["unfilled"] is None and keeper.settled_once()
    assert keeper.asked("SELECT venue FROM quotes") == [("cow",)]
    assert keeper.command("status", "--json").json["orders"] == []


def test_plan__where_an_order_is_best__shows_it_and_places_nothing(keeper: Keeper, book: Cow) -> None:
    said = keeper.command("plan", "--json").json
    assert said["outcome"] == "planned" and [trade["venue"] for trade in said["trades"]] == ["cow"]
    assert book.orders == {} and keeper.sent() == 0
