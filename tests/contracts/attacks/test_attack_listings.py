"""Routes and limits that would hold the door open are refused when a module is deployed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from catalogue import stopped_by
from given_attacks import DAY, GOLD, IRON, SILV, Arena, every_safe
from given_deployment import AT_DEPLOYMENT, EMPTY, next_module, refuses
from given_hostile import deploy
from given_routes import AGGREGATOR_CHECKS, AGGREGATOR_LENGTH, AGGREGATOR_SELECTOR, Kind

from rebalancer.core.model.module import NOBODY, ModulePolicy, ModuleRoute
from rebalancer.units import PPM, Address

NEVER = "never listable"
NEVER_ROUTERS = {
    "Permit2": "0x000000000022D473030F116dDEE9F6B43aC78BA3",
    "MultiSend 1.3.0": "0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761",
    "MultiSend 1.3.0 eip155": "0x998739BFdAAdde7C933B942a68053933098f9EDa",
    "MultiSendCallOnly 1.3.0": "0x40A2aCCbd92BCA938b02010E17A5b8929b49130D",
    "MultiSendCallOnly 1.3.0 eip155": "0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B",
    "CreateCall 1.3.0": "0x7cbB62EaA69F79e6873cD1ecB2392971036cFAa4",
    "CreateCall 1.3.0 eip155": "0xB19D6FFc2182150F8Eb585b79D4ABcd7C5640A9d",
    "SignMessageLib 1.3.0": "0xA65387F16B013cf2Af4605Ad8aA5ec25a2cbA3a2",
    "SignMessageLib 1.3.0 eip155": "0x98FFBBF51bb33A056B08ddf711f289936AafF717",
    "MultiSend 1.4.1": "0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526",
    "MultiSendCallOnly 1.4.1": "0x9641d764fc13c8B624c04430C7356C1C7C8102e2",
    "CreateCall 1.4.1": "0x9b35Af71d77eaf8d7e40252370304687390A1A52",
    "SignMessageLib 1.4.1": "0xd53cd0aB83D845Ac265BE939c57F53AD838012c9",
}


def _routes(arena: Arena, *routes: tuple[str, str]) -> ModulePolicy:
    return replace(
        arena.module.policy, routes=tuple(ModuleRoute(Address(router), Address(checker)) for router, checker in routes)
    )


def _never(arena: Arena) -> dict[str, str]:
    return {
        "the Safe": arena.safe,
        "the module": next_module(arena),
        "a token": arena.tokens[IRON].address,
        "a feed": arena.feeds[GOLD].address,
        "a second feed": arena.feeds[3].address,
        "a hub": arena.hub.address,
        "nobody": NOBODY,
    }


@every_safe
@stopped_by(4, NEVER, "never_router")
def test_router__that_is_part_of_the_wallet__is_refused(arena: Arena) -> None:
    checker = arena.module.policy.routes[1].checker
    for router in _never(arena).values():
        refuses(arena, "never_router", _routes(arena, (router, NOBODY)))
        refuses(arena, "never_router", _routes(arena, (arena.router.address, NOBODY), (router, checker)))


@pytest.mark.parametrize("name", NEVER_ROUTERS)
@stopped_by(5, NEVER, "never_router")
@stopped_by(22, NEVER, "never_router")
def test_router__that_makes_the_safe_do_more_than_a_swap__is_refused(arena: Arena, name: str) -> None:
    # Whether or not it is on this chain yet.
    refuses(arena, "never_router", _routes(arena, (NEVER_ROUTERS[name], NOBODY)))


@stopped_by(30, "code check", "router")
@stopped_by(30, "code check", "checker")
def test_router_or_checker__without_code__is_refused(arena: Arena) -> None:
    refuses(arena, "router", _routes(arena, (EMPTY, NOBODY)))
    refuses(arena, "router", _routes(arena, (arena.router.address, NOBODY), (arena.attacker, NOBODY)))
    refuses(arena, "checker", _routes(arena, (arena.router.address, EMPTY)))


@pytest.mark.parametrize("rule", ["routes"])
def test_policy__without_a_route__is_refused(arena: Arena, rule: str) -> None:
    refuses(arena, rule, _routes(arena))


@pytest.mark.parametrize("rule", ["hub"])
def test_hub__without_code__is_refused(arena: Arena, rule: str) -> None:
    refuses(arena, rule, replace(arena.module.policy, hubs=(EMPTY,)))
    refuses(arena, rule, replace(arena.module.policy, hubs=(arena.hub.address, NOBODY)))


def _without(*kinds: Kind) -> tuple[Any, ...]:
    return tuple(check for check in AGGREGATOR_CHECKS if check[0] not in kinds)


NEEDED = [kind for kind in Kind if kind != Kind.CONSTANT]


@pytest.mark.parametrize(
    "checks",
    [
        pytest.param((), id="nothing checked"),
        *(pytest.param(_without(kind), id=f"no {kind.name}") for kind in NEEDED),
        pytest.param(_without(Kind.TOKEN_IN, Kind.TOKEN_OUT, Kind.AMOUNT_IN), id="receiver and minimum only"),
    ],
)
@stopped_by(46, AT_DEPLOYMENT, "opaque")
def test_route__that_leaves_a_field_open__is_refused(arena: Arena, checks: tuple[Any, ...]) -> None:
    checker = deploy(arena.replica, "RouteCheck", AGGREGATOR_SELECTOR, AGGREGATOR_LENGTH, checks)
    refuses(arena, "opaque", _routes(arena, (arena.router.address, checker)))


@stopped_by(46, AT_DEPLOYMENT, "opaque")
def test_listing__without_the_sold_token__is_refused_as_it_would_sell_an_unlisted_one(arena: Arena) -> None:
    # Receiver and minimum are the Safe's, and yet: a dear unlisted token goes for the minimum of a cheap swap.
    kinds = (Kind.TOKEN_OUT, Kind.SAFE, Kind.AT_LEAST_MIN_OUT)
    checks = [check for check in AGGREGATOR_CHECKS if check[0] in (*kinds, Kind.CONSTANT)]
    checker = deploy(arena.replica, "RouteCheck", AGGREGATOR_SELECTOR, AGGREGATOR_LENGTH, checks)
    routes = (ModuleRoute(arena.router.address, NOBODY), ModuleRoute(arena.router.address, checker))
    refuses(arena, "opaque", replace(arena.module.policy, routes=routes))
    allowed = arena.again(routes=routes, allow_opaque=True)
    arena.hub.set("mint", arena.safe, 10**20)
    arena.hub.set("set_allowance", arena.safe, arena.router.address, 10**20)
    arena.router.set("set_beyond", 0, 100 * 10**6)
    allowed.settles(*allowed.outside(GOLD, SILV, 60, token_in=arena.hub.address, amount=10**20))
    assert arena.replica.read(arena.hub.address, "balanceOf(address)", arena.safe) == (0,)


def test_opaque_route__that_the_owners_have_allowed__shows_what_the_wall_is_for(arena: Arena) -> None:
    # An unlisted token, an old allowance, and an otherwise honest swap: gone. The module cannot see it.
    checker = deploy(arena.replica, "RouteCheck", AGGREGATOR_SELECTOR, 0, ())
    played = arena.again(
        routes=(ModuleRoute(arena.router.address, NOBODY), ModuleRoute(arena.router.address, checker)),
        allow_opaque=True,
    )
    arena.hub.set("mint", arena.safe, 10**20)
    arena.hub.set("set_allowance", arena.safe, arena.router.address, 10**20)
    arena.router.set("set_theft", arena.hub.address, arena.safe, 10**20, arena.attacker)
    played.settles(*played.outside(GOLD, SILV, 10_000))
    assert arena.replica.read(arena.hub.address, "balanceOf(address)", arena.attacker) == (10**20,)


LIMITS = [
    ("limit_window", {"window": 3_599, "cooldown": 0}),
    ("limit_window", {"window": 90 * DAY + 1}),
    ("limit_turnover", {"max_turnover": 0}),
    ("limit_turnover", {"max_turnover": PPM + 1}),
    ("limit_loss", {"max_loss": 100_001}),
    ("limit_shortfall", {"max_shortfall": 50_001}),
    ("limit_min_trade", {"min_trade": 0}),
    ("limit_max_trade", {"max_trade": 0}),
    ("limit_max_trade", {"max_trade": PPM + 1}),
    ("limit_tolerance", {"tolerance": 0}),
    ("limit_tolerance", {"tolerance": 20_001}),
    ("limit_cooldown", {"cooldown": DAY + 1}),
    ("limit_target_step", {"target_step": PPM + 1}),
    ("limit_grace", {"grace": DAY + 1}),
]


@pytest.mark.parametrize(("rule", "limits"), [pytest.param(r, c, id=f"{r} {c}") for r, c in LIMITS])
def test_limit__with_a_digit_too_many__is_refused(arena: Arena, rule: str, limits: dict[str, int]) -> None:
    policy = arena.module.policy
    refuses(arena, rule, replace(policy, limits=replace(policy.limits, **limits)))


@pytest.mark.parametrize(
    "limits",
    [
        {"window": 3_600, "cooldown": 3_600, "max_turnover": PPM, "max_loss": 100_000, "max_shortfall": 50_000},
        {"window": 90 * DAY, "cooldown": 90 * DAY, "max_turnover": 1, "max_loss": 0, "max_shortfall": 0},
        {"min_trade": 1, "max_trade": PPM, "tolerance": 20_000, "target_step": PPM, "grace": DAY},
        {"max_trade": 1, "tolerance": 1, "cooldown": 0},
    ],
)
def test_limit__at_its_edge__is_taken(arena: Arena, limits: dict[str, int]) -> None:
    assert vars_of(arena.again(**limits)) == vars_of(arena) | limits


def vars_of(arena: Arena) -> dict[str, Any]:
    """The limits as the module tells them."""
    limits = arena.module.onchain_policy().limits
    return {name: getattr(limits, name) for name in type(limits).__dataclass_fields__}
