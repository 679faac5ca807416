"""What the owners' scripts refuse in words, held against the contract: the same deployment, the same rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from given_module import SYMBOLS, TARGETS, bytecode, policy_of, with_limits

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.adapters.wallets.module_abi import constructor_data
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModulePolicy, ModuleRoute
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import ONE, PPM, Address, Ppm, Usd
from scripts._owners.listing import KINDS, NEEDED, Check, Listing
from scripts._owners.look import Look, Refusal
from scripts._owners.refusals import NEVER_ROUTERS, why_not_deploy
from scripts._owners.sight import Sight

CONTRACT = Path(__file__).resolve().parents[2] / "contracts" / "mandate.vy"
ELSEWHERE = Address("0x00000000000000000000000000000000000000A1")
"""No contract is there."""


@dataclass(frozen=True)
class Deployment:
    """Everything that a constructor is given."""

    policy: ModulePolicy
    operator: Address
    guardian: Address
    targets: tuple[int, ...]

    def with_asset(self, place: int, **changes: object) -> Deployment:
        assets = list(self.policy.assets)
        assets[place] = replace(assets[place], **changes)  # type: ignore[arg-type]
        return self.with_policy(assets=tuple(assets))

    def with_policy(self, **changes: object) -> Deployment:
        return replace(self, policy=replace(self.policy, **changes))  # type: ignore[arg-type]

    def with_limits(self, **changes: object) -> Deployment:
        return replace(self, policy=with_limits(self.policy, **changes))

    def with_route(self, router: Address, checker: Address = NOBODY) -> Deployment:
        return self.with_policy(routes=(ModuleRoute(router, checker),))

    def asset(self, place: int) -> ModuleAsset:
        return self.policy.assets[place]


Change = Callable[[Replica, Deployment], Deployment]


def _old_feed(replica: Replica, given: Deployment) -> Deployment:
    replica.set_live("LINK/USD", False)
    replica.warp(7 * 86_400)
    return given


def _round(answer: int, ahead: int = 0) -> Change:
    def change(replica: Replica, given: Deployment) -> Deployment:
        replica.set_round("UNI/USD", answer, replica.now() + ahead)
        return given

    return change


def _dear(replica: Replica, given: Deployment) -> Deployment:
    """Two feeds that are each believed, and whose product is more than a price may be."""
    for feed in ("UNI/USD", "LINK/USD"):
        replica.set_round(feed, (1 << 96) - 1, replica.now())
    return given.with_asset(3, second_feed=FEEDS["UNI/USD"].address, second_heartbeat=3_600)


def _holding(amount: int) -> Change:
    """The Safe has so much of UNI, at 8 dollars."""

    def change(replica: Replica, given: Deployment) -> Deployment:
        replica.deal("UNI", given.policy.safe, amount)
        return given

    return change


def _route_that_leaves_open(kind: str) -> Change:
    """One whose calldata is checked for all but this."""

    def change(replica: Replica, given: Deployment) -> Deployment:
        kept = [each for each in NEEDED if each != kind]
        checks = tuple(Check(each, each, 4 + 32 * place, 32, 0) for place, each in enumerate(kept))
        check = replica.deploy(Listing("any", "f()", {}, 0, checks).init_code())
        return given.with_route(MAINNET.swap_router_02, check)

    return change


def _opaque_route(replica: Replica, given: Deployment) -> Deployment:
    listing = Listing("any", "f(address)", {}, 36, (Check("to", KINDS[0], 4, 32, 0),))
    check = replica.deploy(listing.init_code())
    return given.with_route(MAINNET.swap_router_02, check)


def _thirteen(_: Replica, given: Deployment) -> Deployment:
    return given.with_policy(assets=given.policy.assets * 2 + given.policy.assets[:3])


def _twin(replica: Replica, given: Deployment) -> Deployment:
    """Another token that writes the symbol of UNI."""
    code = replica.rpc.call("eth_getCode", LISTINGS["UNI"].token.address, "latest")
    replica.rpc.call("anvil_setCode", ELSEWHERE, code)
    for slot in range(12):
        value = replica.rpc.call("eth_getStorageAt", LISTINGS["UNI"].token.address, hex(slot), "latest")
        replica.rpc.call("anvil_setStorageAt", ELSEWHERE, f"0x{slot:064x}", value)
    return given.with_asset(1, token=ELSEWHERE)


WETH, LINK_FEED = LISTINGS["WETH"].token.address, FEEDS["LINK/USD"].address
CASES: dict[str, tuple[str, Change]] = {
    "a Safe without code": ("safe", lambda _, g: g.with_policy(safe=ELSEWHERE)),
    "one asset": ("assets", lambda _, g: g.with_policy(assets=g.policy.assets[:1])),
    "more than twelve tokens": ("assets", _thirteen),
    "a token without code": ("token", lambda _, g: g.with_asset(1, token=ELSEWHERE)),
    "the Safe as a token": ("token", lambda _, g: g.with_asset(1, token=g.policy.safe)),
    "an asset with no feed": ("feed", lambda _, g: g.with_asset(2, feed=NOBODY)),
    "a feed without code": ("feed", lambda _, g: g.with_asset(2, feed=ELSEWHERE)),
    "a feed that reverts": ("feed", lambda _, g: g.with_asset(2, feed=WETH, heartbeat=3_600)),
    "a heartbeat of nothing": ("feed", lambda _, g: g.with_asset(2, heartbeat=0)),
    "a heartbeat of weeks": ("feed", lambda _, g: g.with_asset(2, heartbeat=8 * 86_400)),
    "a second heartbeat alone": ("feed", lambda _, g: g.with_asset(2, second_heartbeat=3_600)),
    "a feed times itself": (
        "feed_twice",
        lambda _, g: g.with_asset(2, second_feed=g.asset(2).feed, second_heartbeat=3_600),
    ),
    "a least above the most": ("targets_range", lambda _, g: g.with_asset(2, least=Ppm(3), most=Ppm(2))),
    "a most above all": ("targets_range", lambda _, g: g.with_asset(2, most=Ppm(PPM + 1))),
    "a band upside down": ("band", lambda _, g: g.with_asset(2, price_low=Usd(2), price_high=Usd(1))),
    "a price outside its band": ("band", lambda _, g: g.with_asset(2, price_low=Usd(1), price_high=Usd(2))),
    "a band above all prices": ("band", lambda _, g: g.with_asset(2, price_low=Usd(1), price_high=Usd(1 << 128))),
    "a token twice": ("token_twice", lambda _, g: g.with_asset(1, token=g.asset(0).token)),
    "two tokens of one symbol": ("symbol_twice", _twin),
    "a hub without code": ("hub", lambda _, g: g.with_policy(hubs=(ELSEWHERE,))),
    "no route": ("routes", lambda _, g: g.with_policy(routes=())),
    "a router that is the Safe": ("never_router", lambda _, g: g.with_route(g.policy.safe)),
    "a router that is a token": ("never_router", lambda _, g: g.with_route(g.asset(3).token)),
    "a router that is a feed": ("never_router", lambda _, g: g.with_route(LINK_FEED)),
    "a router that is a second feed": ("never_router", lambda _, g: g.with_route(g.asset(1).second_feed)),
    "a router that is a hub": ("never_router", lambda _, g: g.with_route(g.policy.hubs[1])),
    "a router that is nobody": ("never_router", lambda _, g: g.with_route(NOBODY)),
    "a router that is Permit2": ("never_router", lambda _, g: g.with_route(next(iter(NEVER_ROUTERS)))),
    "a router without code": ("router", lambda _, g: g.with_route(ELSEWHERE)),
    "a checker without code": ("checker", lambda _, g: g.with_route(MAINNET.swap_router_02, ELSEWHERE)),
    "an opaque route": ("opaque", _opaque_route),
    **{f"a route that leaves {kind} open": ("opaque", _route_that_leaves_open(kind)) for kind in NEEDED},
    "a window of a minute": ("limit_window", lambda _, g: g.with_limits(window=60, cooldown=0)),
    "a window of a year": ("limit_window", lambda _, g: g.with_limits(window=366 * 86_400)),
    "no turnover": ("limit_turnover", lambda _, g: g.with_limits(max_turnover=Ppm(0))),
    "a loss of everything": ("limit_loss", lambda _, g: g.with_limits(max_loss=Ppm(PPM))),
    "a shortfall of 6 %": ("limit_shortfall", lambda _, g: g.with_limits(max_shortfall=Ppm(60_000))),
    "no least trade": ("limit_min_trade", lambda _, g: g.with_limits(min_trade=Usd(0))),
    "no largest trade": ("limit_max_trade", lambda _, g: g.with_limits(max_trade=Ppm(0))),
    "no tolerance": ("limit_tolerance", lambda _, g: g.with_limits(tolerance=Ppm(0))),
    "a cooldown beyond the window": ("limit_cooldown", lambda _, g: g.with_limits(cooldown=86_401)),
    "a step of more than all": ("limit_target_step", lambda _, g: g.with_limits(target_step=Ppm(PPM + 1))),
    "a grace of two days": ("limit_grace", lambda _, g: g.with_limits(grace=2 * 86_400)),
    "a sequencer that is down": ("sequencer", lambda _, g: g.with_limits(sequencer=LINK_FEED)),
    "a feed that is stale": ("heartbeat", _old_feed),
    "a feed at nothing": ("answer", _round(0)),
    "a feed below nothing": ("answer", _round(-1)),
    "a feed beyond all prices": ("answer", _round(1 << 96)),
    "two feeds beyond all prices": ("too_large", _dear),
    "more of a token than all": ("too_large", _holding(1 << 128)),
    "more worth than all": ("too_large", _holding((1 << 128) - 1)),
    "a feed from the future": ("future", _round(8 * 10**8, 3_600)),
    "an operator who is the Safe": ("operator_is_owner", lambda _, g: replace(g, operator=g.policy.safe)),
    "an operator who is an owner": (
        "operator_is_owner",
        lambda r, g: replace(g, operator=r.actor("owner").address),
    ),
    "an operator who is the guardian": ("operator_is_guardian", lambda _, g: replace(g, guardian=g.operator)),
    "a target too few": ("targets_count", lambda _, g: replace(g, targets=TARGETS[:-1])),
    "a target outside its range": ("targets_range", lambda _, g: g.with_asset(0, most=Ppm(100_000))),
    "targets above 100 %": ("targets_sum", lambda _, g: replace(g, targets=(TARGETS[0] + 1, *TARGETS[1:]))),
}


def _given(replica: Replica) -> Deployment:
    safe = replica.create_safe([replica.actor("owner").address])
    return Deployment(policy_of(safe), replica.actor("operator").address, replica.actor("guardian").address, TARGETS)


def _refusals(replica: Replica, given: Deployment) -> list[Refusal]:
    names = {LISTINGS[symbol].token.address: symbol for symbol in SYMBOLS}
    look = Look(Sight(replica.rpc), names, replica.now())
    return why_not_deploy(look, given.policy, given.operator, given.guardian, given.targets)


def _rule_of_the_contract(replica: Replica, given: Deployment) -> str | None:
    data = constructor_data(given.policy, given.operator, given.guardian, given.targets)
    try:
        replica.deploy(bytecode("RebalanceModule") + data)
    except RpcError as error:
        found = re.search(r"RebalanceModule: (\w+)", error.reason)
        return found.group(1) if found else "no reason"
    return None


def test_why_not_deploy__what_the_contract_takes__is_refused_by_neither(replica: Replica) -> None:
    given = _given(replica)
    assert _refusals(replica, given) == []
    assert _rule_of_the_contract(replica, given) is None


@pytest.mark.parametrize(("rule", "change"), CASES.values(), ids=CASES)
def test_why_not_deploy__what_the_contract_refuses__is_refused_by_its_rule_in_words(
    replica: Replica, rule: str, change: Change
) -> None:
    given = change(replica, _given(replica))
    seen = _rule_of_the_contract(replica, given)
    found = _refusals(replica, given)
    # Twelve tokens and one more do not even reach a rule: the contract's own arrays end there.
    assert seen == rule or (len(given.policy.assets) > 12 and seen in (rule, "no reason"))
    assert found and found[0].rule == rule, found
    assert len(found[0].words) > 20


def test_never_routers__in_the_scripts__are_the_contracts_own() -> None:
    source = CONTRACT.read_text()
    listed = re.search(r"NEVER_ROUTERS: constant\(address\[\d+\]\) = \[(.*?)\]", source, re.DOTALL)
    assert listed
    assert re.findall(r"0x[0-9a-fA-F]{40}", listed.group(1)) == list(NEVER_ROUTERS)


def test_sight__a_price__is_in_dollars_at_one_whole(replica: Replica) -> None:
    seen = Sight(replica.rpc).round_of(FEEDS["ETH/USD"].address)
    assert seen is not None
    assert seen.answer * ONE // 10**seen.decimals == 3_000 * ONE
