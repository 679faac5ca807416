"""A new arena: the tokens, their feeds, the router and the Safe, as they are before any attack."""

from __future__ import annotations

from collections.abc import Sequence

from given_attacks import DECIMALS, DOLLARS, HELD, IRON, LIMITS, TARGETS, Arena
from given_hostile import Contract, a_contract, a_safe, deploy
from given_module import deploy_module
from given_routes import AGGREGATOR_CHECKS, AGGREGATOR_LENGTH, AGGREGATOR_SELECTOR

from rebalancer.core.model.module import NOBODY, ModuleAsset, ModulePolicy, ModuleRoute
from rebalancer.replica.chain import Replica
from rebalancer.units import ONE, PPM, Address, Ppm, Usd


def an_arena(replica: Replica, version: str) -> Arena:
    """A new one, on a Safe of that release."""
    tokens = tuple(
        a_contract(replica, "HostileToken", f"{name}{version}", decimals)
        for name, decimals in zip(("GOLD", "SILV", "IRON"), DECIMALS, strict=True)
    )
    hub = a_contract(replica, "HostileToken", f"HUB{version}", 18)
    since = replica.now() - 1
    # Gold 2,000, silver 1, iron 100 times 0.5.
    feeds = tuple(
        a_contract(replica, "HostileFeed", decimals, answer, since)
        for decimals, answer in ((8, 2_000 * 10**8), (8, 10**8), (8, 100 * 10**8), (18, 5 * 10**17))
    )
    router, accomplice = a_contract(replica, "HostileRouter"), a_contract(replica, "HostilePool", NOBODY, NOBODY)
    checker = deploy(replica, "RouteCheck", AGGREGATOR_SELECTOR, AGGREGATOR_LENGTH, AGGREGATOR_CHECKS)
    safe = a_safe(replica, [replica.actor("owner"), replica.actor("second_owner")], version)
    for token, dollars, held in zip(tokens, DOLLARS, HELD, strict=True):
        unit = 10 ** int(token.read("decimals"))
        token.set("mint", safe, held * unit)
        token.set("mint", router.address, 10_000_000 * unit // dollars)
    policy = ModulePolicy(
        safe=safe,
        assets=tuple(_asset(place, token.address, feeds) for place, token in enumerate(tokens)),
        hubs=(hub.address,),
        routes=(ModuleRoute(router.address, NOBODY), ModuleRoute(router.address, checker)),
        limits=LIMITS,
    )
    module = deploy_module(replica, policy, TARGETS)
    attacker = replica.actor("attacker").address
    prices = tuple(dollars * ONE for dollars in DOLLARS)
    return Arena(replica, module, tokens, feeds, hub, router, accomplice, attacker, prices)


def _asset(place: int, token: Address, feeds: Sequence[Contract]) -> ModuleAsset:
    second = place == IRON
    return ModuleAsset(
        token=token,
        feed=feeds[place].address,
        heartbeat=3_600,
        second_feed=feeds[3].address if second else NOBODY,
        second_heartbeat=86_400 if second else 0,
        least=Ppm(0),
        most=Ppm(PPM),
        price_low=Usd(0),
        price_high=Usd(0),
    )
