"""A tick on paper of a keeper that asks Odos as well: what its calldata does to the later state is what has arrived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from given_keeper import Keeper
from given_shallow_keeper import a_shallow_keeper
from given_venue_server import VenueServer
from given_venue_world import a_venue_world
from odos_server import Odos as OdosServer

from rebalancer.adapters.venues.odos import ROUTER
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.replica.chain import Replica


@pytest.fixture
def keeper(
    replica: Replica, signer: KeystoreSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Keeper]:
    """Its own router knows nothing of the deep pools, and Odos does. It is not live, and cannot be."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    keeper = a_shallow_keeper(replica, tmp_path)
    keeper.edit("patience: 90 s", "patience: 1 s")
    with VenueServer(OdosServer(a_venue_world(replica, signer, {ROUTER: "OdosRouter"}))) as server:
        keeper.edit("venues:\n", f'venues:\n  odos: {{url: "{server.url}"}}\n')
        yield keeper


def test_run__on_paper_where_odos_pays_more__is_filled_by_its_calldata_and_sends_nothing(keeper: Keeper) -> None:
    before = {symbol: keeper.replica.balance(symbol, keeper.wallet) for symbol in ("WETH", "WBTC", "USDC")}
    done = keeper.command("run", "--paper", "--json")
    keeper.replica.warp(2)
    if done.json["outcome"] == "pending":
        done = keeper.command("run", "--paper", "--json")
    assert done.json["outcome"] == "settled", done.said
    assert keeper.asked("SELECT DISTINCT venue FROM quotes") == [("odos",)]
    moved = {one["token"]: int(one["raw"]) for one in done.json["changes"]}
    assert moved["WETH"] < 0 and moved["WBTC"] < 0 and moved["USDC"] > 10**9
    assert keeper.sent() == 0
    assert before == {symbol: keeper.replica.balance(symbol, keeper.wallet) for symbol in before}
