"""A tick of a keeper that asks Odos as well: the whole rebalance goes through it where that pays more, and settles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from given_bends import argument, bends
from given_keeper import Keeper
from given_shallow_keeper import a_shallow_keeper
from given_venue_server import VenueServer
from given_venue_world import a_venue_world
from odos_server import Odos as OdosServer

from rebalancer.adapters.venues.odos import ROUTER
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.replica.chain import Replica


@pytest.fixture
def odos(replica: Replica, signer: KeystoreSigner) -> OdosServer:
    return OdosServer(a_venue_world(replica, signer, {ROUTER: "OdosRouter"}))


@pytest.fixture
def keeper(
    replica: Replica, odos: OdosServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Keeper, VenueServer]]:
    """Too much WETH and WBTC, too little USDC. Its own router knows nothing of the deep pools, and Odos does."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    keeper = a_shallow_keeper(replica, tmp_path)
    with VenueServer(odos) as server:
        keeper.edit("venues:\n", f'venues:\n  odos: {{url: "{server.url}"}}\n')
        keeper.go_live()
        yield keeper, server


def _venues(keeper: Keeper) -> set[str]:
    return {venue for (venue,) in keeper.asked("SELECT venue FROM quotes")}


def test_tick__where_odos_pays_more_for_the_whole__settles_through_it_in_one_call(
    keeper: tuple[Keeper, VenueServer],
) -> None:
    ours, server = keeper
    done = ours.command("run", "--live", "--json")
    assert done.json["outcome"] == "settled", done.said
    assert _venues(ours) == {"odos"}
    assert ours.settled_once()
    assert [question.path for question in server.asked] == ["/sor/quote/v3", "/sor/assemble"]
    assert len(server.asked[0].body()["inputTokens"]) == 2, "both in one swap"
    for symbol in ("WETH", "WBTC"):
        allowance = ours.replica.read(
            ours.replica.token(symbol).address, "allowance(address,address)", ours.wallet, ROUTER
        )
        assert allowance[0] == 0


def test_tick__where_odos_pays_somebody_else__goes_by_the_own_router(keeper: tuple[Keeper, VenueServer]) -> None:
    ours, server = keeper
    bends(server, argument("odos for all", (1, 0, 3), "0x00000000000000000000000000000000000000AA"))
    done = ours.command("run", "--live", "--json")
    assert done.json["outcome"] == "settled", done.said
    assert _venues(ours) == {"uniswap"}


def test_tick__where_odos_says_more_than_the_pools_pay__goes_by_the_own_router(
    keeper: tuple[Keeper, VenueServer], odos: OdosServer
) -> None:
    ours, _ = keeper
    odos.price = 10_400
    done = ours.command("run", "--live", "--json")
    assert done.json["outcome"] == "settled", done.said
    assert _venues(ours) == {"uniswap"}
