"""Ticks of a keeper on a RebalanceModule that asks venues as well: what pays more goes through them, and settles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from given_keeper import Keeper, a_key
from given_module_venues import KYBER, LISTED, Listed, deployed
from given_modules import a_module_keeper
from given_shallow_keeper import push_off_target
from given_venue_server import KEY, VenueServer
from given_venue_world import VenueWorld, a_venue_world

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model.module import ModuleRoute
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

FORMER = Address("0x00000000000000000000000000000000000000AA")
EVERY = pytest.mark.parametrize("listed", (*LISTED, KYBER), ids=lambda one: one.name)


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    """Another Safe's, for the servers to look around in."""
    return a_venue_world(replica, signer, {})


@contextmanager
def a_keeper_that_asks(folder: Path, world: VenueWorld, listed: tuple[Listed, ...]) -> Iterator[Keeper]:
    """Too much WETH and WBTC, too little USDC. Its own router knows nothing of the deep pools; the venues do."""
    replica = world.replica
    (folder / "keys").mkdir()
    routes = {"routes": written(deployed(replica, *listed))}
    if KYBER in listed:
        routes["allow_opaque"] = "true"
    keeper = a_module_keeper(replica, folder, a_key(replica, folder / "keys"), **routes)
    push_off_target(keeper)
    with ExitStack() as stack:
        for one in listed:
            server = stack.enter_context(VenueServer(one.answer(world)))
            keeper.edit("venues:\n", f"venues:\n{one.section(server.url)}")
        keeper.go_live()
        yield keeper


def written(routes: tuple[ModuleRoute, ...]) -> str:
    """As the section `module` has them."""
    return "[" + ", ".join(f'{{router: "{route.router}", checker: "{route.checker}"}}' for route in routes) + "]"


def venues(keeper: Keeper) -> set[str]:
    """Who made the trades that were sent."""
    return {venue for (venue,) in keeper.asked("SELECT venue FROM quotes")}


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("VENUE_KEY", KEY)


@EVERY
def test_tick__where_a_listed_venue_pays_more__settles_through_the_module_and_its_route(
    world: VenueWorld, tmp_path: Path, listed: Listed
) -> None:
    with a_keeper_that_asks(tmp_path, world, (listed,)) as keeper:
        done = keeper.command("run", "--live", "--json")
        assert done.json["outcome"] == "settled", done.said
        assert listed.name in venues(keeper)
        assert keeper.settled_once()
    for symbol in ("WETH", "WBTC"):
        token = world.replica.token(symbol).address
        assert world.replica.read(token, "allowance(address,address)", keeper.wallet, listed.router) == (0,)


def test_tick__with_all_listed_venues__settles_by_who_nets_the_most_of_them(world: VenueWorld, tmp_path: Path) -> None:
    with a_keeper_that_asks(tmp_path, world, LISTED) as keeper:
        done = keeper.command("run", "--live", "--json")
    assert done.json["outcome"] == "settled", done.said
    # One of each pair: the pools are the same to all, and this router uses the least gas.
    assert venues(keeper) == {"one_inch"}
    assert keeper.settled_once()


def test_tick__with_a_settler_that_the_checker_does_not_pin__goes_by_the_own_router_and_says_why(
    world: VenueWorld, tmp_path: Path
) -> None:
    (zero_x,) = (one for one in LISTED if one.name == "zero_x")
    # 0x's present one is genuine; the owners have looked at the one before.
    with a_keeper_that_asks(tmp_path, world, (replace(zero_x, given={"SETTLER": FORMER}),)) as keeper:
        done = keeper.command("run", "--live", "--json")
    assert done.json["outcome"] == "settled", done.said
    assert venues(keeper) == {"uniswap"}
    reasons = [why for (why,) in keeper.asked("SELECT refused FROM answers WHERE venue = 'zero_x'")]
    assert any("RouteCheck: constant: bytes 4 to 35 are" in why for why in reasons), reasons


def test_quotes__of_a_module__show_who_nets_most_and_what_its_checkers_refuse(
    world: VenueWorld, tmp_path: Path
) -> None:
    (zero_x,) = (one for one in LISTED if one.name == "zero_x")
    with a_keeper_that_asks(tmp_path, world, (replace(zero_x, given={"SETTLER": FORMER}), LISTED[1])) as keeper:
        done = keeper.command("quotes")
        assert done.code == 0, done.said
        assert keeper.sent() == 0
    assert "one_inch" in done.out and "RouteCheck: constant" in done.out


def test_check__of_venues_that_the_policy_lists__says_what_looks_at_their_calldata(
    world: VenueWorld, tmp_path: Path
) -> None:
    with a_keeper_that_asks(tmp_path, world, (*LISTED, KYBER)) as keeper:
        done = keeper.command("check", "--json")
    rows = {row["check"]: row for row in done.json["checks"]}
    assert all(rows[f"route {place}"]["ok"] for place in range(1, 6)), done.said
    assert "function 0x2213bc0b, 10 fields" in rows["route 1"]["seen"]
    assert "OPAQUE, which the policy allows" in rows["route 5"]["seen"]


def test_check__of_a_venue_that_the_policy_does_not_list__is_refused_in_words(
    world: VenueWorld, tmp_path: Path
) -> None:
    with a_keeper_that_asks(tmp_path, world, LISTED[1:2]) as keeper:
        keeper.edit("venues:\n", "venues:\n  odos: {}\n")
        done = keeper.command("check")
    assert done.code == 2
    assert f"venues: odos ({LISTED[3].router}) is no router of `module.routes`" in done.said
    assert "ape run deploy_check" in done.said


def test_check__of_a_checker_that_is_another_contract__says_not_to_use_it(world: VenueWorld, tmp_path: Path) -> None:
    with a_keeper_that_asks(tmp_path, world, LISTED[1:3]) as keeper:
        first, second = (line.split('checker: "')[1][:42] for line in keeper.config.read_text().split("{router")[1:3])
        world.replica.rpc.call("anvil_setCode", first, "0x600160005260206000f3")
        code = world.replica.rpc.call("eth_getCode", second, "latest")
        world.replica.rpc.call("anvil_setCode", second, code + "00")
        done = keeper.command("check", "--json")
    rows = {row["check"]: row for row in done.json["checks"]}
    assert not rows["route 1"]["ok"] and "does not say what it checks" in rows["route 1"]["seen"]
    assert not rows["route 2"]["ok"] and "do not use it" in rows["route 2"]["seen"]
    assert done.code == 4
