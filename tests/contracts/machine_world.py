"""What the state machine plays on: five hostile tokens, their feeds, a hostile router behind two kinds of route, and
three Safes, each of another release, with a module of another policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from given_hostile import Contract, a_contract, a_safe, deploy
from given_module import LIMITS, Module, deploy_module
from machine_chain import Chain, Words, mapping_slot
from machine_slots import Search, Slots
from policy_model import Asset, Limits, Policy

from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleLimits, ModulePolicy, ModuleRoute
from rebalancer.replica.calls import selector
from rebalancer.replica.chain import Replica
from rebalancer.units import ONE, PPM, Address, Ppm, Usd

DECIMALS = (18, 8, 6, 2, 27)
DOLLARS = (2_000, 40_000, 1, 25, 3)
NAMES = ("GOLD", "SILV", "IRON", "SALT", "DUST")
FEED_DECIMALS = ((8,), (8, 18), (8,), (18,), (8,))
"""The second token is priced by the product of two feeds; the second of them says one."""
TARGETS = (300_000, 250_000, 200_000, 150_000, 100_000)
COUNT = len(DECIMALS)
PLENTY = 1 << 120
"""Base units of each token that the router has to pay with."""
HEARTBEAT = 3_600
DAY = 86_400


POLICIES: dict[str, ModuleLimits] = {
    "1.3.0": replace(LIMITS, target_step=Ppm(20_000)),
    "1.4.1": replace(
        LIMITS,
        window=3_600,
        max_turnover=Ppm(150_000),
        max_loss=Ppm(500),
        max_shortfall=Ppm(5_000),
        max_trade=Ppm(100_000),
        tolerance=Ppm(20_000),
        cooldown=0,
        target_step=Ppm(100_000),
        grace=900,
    ),
    "1.5.0": replace(
        LIMITS,
        window=7 * DAY,
        max_turnover=Ppm(PPM),
        max_loss=Ppm(100_000),
        max_shortfall=Ppm(50_000),
        min_trade=Usd(1),
        max_trade=Ppm(PPM),
        tolerance=Ppm(1),
        cooldown=7 * DAY // 100,
        target_step=Ppm(0),
    ),
}
STRICT = "1.4.1"
"""The policy that has a sequencer, a band of prices and a range for each weight as well."""
AGGREGATOR = "swap(address,address,address,uint256,uint256,uint256,address,bytes)"
AGGREGATOR_LENGTH = 4 + 9 * 32
AGGREGATOR_CHECKS = (
    *((kind, 4 + 32 * place, 32, 0) for place, kind in enumerate((1, 2, 3, 4, 5, 6, 6))),
    (6, 4 + 32 * 7, 32, 8 * 32),
    (6, 4 + 32 * 8, 32, 0),
)
"""All fields of the router's `swap` are pinned: the Safe, both tokens, amount, minimum, no fee, and an empty rest."""


@dataclass(frozen=True)
class Party:
    """One Safe and its module, and the policy as the model has it."""

    module: Module
    policy: Policy
    balance_slots: tuple[int, ...]
    allowance_slots: tuple[int, ...]
    """Of the router's allowances; the last is that of the token which is not listed."""


@dataclass(frozen=True)
class Ground:
    """What every Safe trades on."""

    tokens: tuple[Contract, ...]
    """The listed ones, and last one that is not."""
    hubs: tuple[Contract, ...]
    feeds: tuple[tuple[Contract, ...], ...]
    sequencer: Contract
    router: Contract
    checker: Address
    accomplice: Contract
    """A second module of every Safe."""


@dataclass(frozen=True)
class World:
    chain: Chain
    ground: Ground
    parties: tuple[Party, ...]
    slots: Slots
    falsehood: dict[int, int]
    """What makes a token's approve and transfer return false."""

    def feed_words(self, token: int, answers: Sequence[int]) -> Words:
        """Other answers of a token's feeds, which stay live."""
        pairs = zip(self.ground.feeds[token], answers, strict=True)
        return {feed.address: {self.slots.feed["answer"]: answer % (1 << 256)} for feed, answer in pairs}

    def dated(self, feed: Contract, updated_at: int) -> Words:
        """A round of a time of its own."""
        return {feed.address: {self.slots.feed["live"]: 0, self.slots.feed["updated_at"]: updated_at}}

    def balance_words(self, party: Party, balances: Sequence[int]) -> Words:
        slots = zip(self.ground.tokens, party.balance_slots, balances, strict=False)
        return {token.address: {slot: balance} for token, slot, balance in slots}


def a_world(replica: Replica) -> World:
    """Everything, deployed; from here on nothing is mined by itself."""
    ground = _ground(replica)
    modules = [_module(replica, version, ground) for version in POLICIES]
    for module in modules:
        replica.transact(module.safe, module.safe, "enableModule(address)", ground.accomplice.address)
        ground.tokens[-1].set("mint", module.safe, ONE)
    chain = Chain.over(replica)
    search = Search(chain)
    slots = search.all(ground.router, ground.tokens[0], ground.feeds[0][0])
    parties = tuple(_party(module, slots, ground.router.address) for module in modules)
    return World(chain, ground, parties, slots, search.falsehood(ground.tokens[0]))


def _ground(replica: Replica) -> Ground:
    since = replica.now() - DAY
    ground = Ground(
        tokens=tuple(
            a_contract(replica, "HostileToken", name, decimals)
            for name, decimals in zip((*NAMES, "OLD"), (*DECIMALS, 18), strict=True)
        ),
        hubs=tuple(a_contract(replica, "HostileToken", name, 18) for name in ("HUBA", "HUBB")),
        feeds=tuple(
            tuple(
                a_contract(replica, "HostileFeed", each, 10**each * (1 if place else dollars), since)
                for place, each in enumerate(decimals)
            )
            for decimals, dollars in zip(FEED_DECIMALS, DOLLARS, strict=True)
        ),
        sequencer=a_contract(replica, "HostileFeed", 0, 0, since),
        router=a_contract(replica, "HostileRouter"),
        checker=deploy(replica, "RouteCheck", selector(AGGREGATOR), AGGREGATOR_LENGTH, AGGREGATOR_CHECKS),
        accomplice=a_contract(replica, "HostilePool", NOBODY, NOBODY),
    )
    for token in ground.tokens:
        token.set("mint", ground.router.address, PLENTY)
    return ground


def _module(replica: Replica, version: str, ground: Ground) -> Module:
    safe, strict = a_safe(replica, [replica.actor("owner")], version), version == STRICT
    limits = replace(POLICIES[version], sequencer=ground.sequencer.address if strict else NOBODY)
    routes = tuple(ModuleRoute(ground.router.address, checker) for checker in (NOBODY, ground.checker))
    assets = tuple(_asset(place, ground, strict) for place in range(COUNT))
    policy = ModulePolicy(safe, assets, tuple(hub.address for hub in ground.hubs), routes, limits)
    return deploy_module(replica, policy, TARGETS)


def _asset(place: int, ground: Ground, strict: bool) -> ModuleAsset:
    feeds, target, price = ground.feeds[place], TARGETS[place], DOLLARS[place] * ONE
    second = feeds[1].address if len(feeds) > 1 else NOBODY
    return ModuleAsset(
        token=ground.tokens[place].address,
        feed=feeds[0].address,
        heartbeat=HEARTBEAT,
        second_feed=second,
        second_heartbeat=HEARTBEAT if len(feeds) > 1 else 0,
        least=Ppm(target - 90_000 if strict else 0),
        most=Ppm(target + 30_000 if strict else PPM),
        price_low=Usd(price // 2 if strict else 0),
        price_high=Usd(price * 2 if strict else 0),
    )


def _party(module: Module, slots: Slots, router: Address) -> Party:
    limits = module.policy.limits
    names = Limits.__dataclass_fields__
    assets = zip(DECIMALS, module.policy.assets, strict=True)
    policy = Policy(
        assets=tuple(Asset(d, int(a.least), int(a.most), int(a.price_low), int(a.price_high)) for d, a in assets),
        limits=Limits(**{name: int(getattr(limits, name)) for name in names}),
        routes=len(module.policy.routes),
    )
    safe, spender = int(module.safe, 16), int(router, 16)
    balances = tuple(mapping_slot(slots.token["balances"], safe) for _ in range(COUNT + 1))
    allowances = tuple(mapping_slot(slots.token["allowances"], safe, spender) for _ in range(COUNT + 1))
    return Party(module, policy, balances, allowances)
