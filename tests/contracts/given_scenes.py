"""Random wallets of a RebalanceModule on the replica, as the keeper reads them, with routers of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from given_hostile import a_contract
from given_module import FEEDS, LISTINGS, SYMBOLS, Module, asset, deploy_module, policy_of, with_limits
from given_orders import BEYOND, Scene, honest

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NOBODY, Block, ModuleAsset, ModuleRoute, ModuleWallet, SafeState, Snapshot
from rebalancer.core.module_books import books_of
from rebalancer.core.price import MOST_ANSWER, Feed, FeedAnswer, FeedPrice, feed_price
from rebalancer.replica.chain import Replica
from rebalancer.units import ONE, PPM, Amount, Price, Usd, Wei

SCENES = 24
HOUR = 3_600
DOLLARS = {"ETH/USD": 2_500, "BTC/USD": 60_000, "WBTC/BTC": 1, "USDC/USD": 1, "LINK/USD": 14, "UNI/USD": 8}
FAULTS = {
    "paused": "paused",
    "below zero": "answer",
    "nothing": "answer",
    "nothing, and old": "heartbeat",
    "below zero, and old": "answer",
    "future": "future",
    "old": "heartbeat",
    "band": "band",
    "much too large": "band",
    "too large a price": "too_large",
    "too large a balance": "too_large",
    "beyond all answers": "answer",
    "beyond all answers, and old": "answer",
}
"""What makes the module refuse every order, and by which rule."""
WITHOUT_BANDS = ("too large a price", "beyond all answers")
"""The faults of the module that has no price bands; the others are of the one that has."""
LIMITS = {
    "max_turnover": 100_000,
    "max_loss": 200,
    "max_shortfall": 5_000,
    "max_trade": 150_000,
    "tolerance": 2_500,
    "cooldown": 600,
}


def modules(replica: Replica) -> tuple[Module, Module]:
    """On one Safe: a module that allows any weight and price, and one with ranges and price bands."""
    routers = [a_contract(replica, "HostileRouter") for _ in BEYOND]
    for router, beyond in zip(routers, BEYOND, strict=True):
        router.set("set_beyond", 0, beyond)
        for symbol in SYMBOLS:
            replica.deal(symbol, router.address, 10**30)
    safe = replica.create_safe([replica.actor("owner").address])
    wide = with_limits(policy_of(safe), **LIMITS)
    wide = replace(wide, routes=tuple(ModuleRoute(router.address, NOBODY) for router in routers))
    narrow = replace(wide, assets=tuple(banded(symbol) for symbol in SYMBOLS))
    return deploy_module(replica, wide), deploy_module(replica, narrow)


def banded(symbol: str) -> ModuleAsset:
    worth = ONE
    for feed in LISTINGS[symbol].feeds:
        worth *= DOLLARS[feed]
    return replace(asset(symbol, 50_000, 500_000), price_low=Usd(worth * 6 // 10), price_high=Usd(worth * 16 // 10))


def scenes(replica: Replica, random: Random) -> Iterator[tuple[Module, Snapshot, Scene]]:
    """Wallets with random prices, balances and targets; in half of them the module has just rebalanced."""
    both = modules(replica)
    for number in range(SCENES):
        with replica.scratch():
            module, tight = both[number % 2], number % 2 == 1
            furnish(replica, module, random, tight)
            early = 0
            if number % 4 > 1:
                rebalance_once(module, seen(replica, module, random, 0)[1])
                early = module.policy.limits.cooldown
            yield module, *seen(replica, module, random, early)
    for fault in FAULTS:
        with replica.scratch():
            module = both[fault not in WITHOUT_BANDS]
            furnish(replica, module, random, tight=True)
            _, sound = seen(replica, module, random, 0)
            break_down(replica, module, fault)
            snapshot, broken = seen(replica, module, random, 0)
            # No order can be made with a price that is none.
            yield module, snapshot, replace(broken, books=sound.books, worth=sound.worth)


def furnish(replica: Replica, module: Module, random: Random, tight: bool) -> None:
    now = replica.now()
    for name, dollars in DOLLARS.items():
        answer = int(dollars * 10**8 * random.uniform(0.75, 1.25))
        replica.set_round(name, answer, now - random.randint(0, 600))
    targets, weights = shares(random), shares(random)
    if not tight:
        # A token to be rid of, and little of it left.
        gone = random.randrange(len(SYMBOLS))
        targets[gone - 1], targets[gone], weights[gone] = targets[gone - 1] + targets[gone], 0, 30_000
    module.by_safe("set_targets(uint256[])", targets)
    for symbol, weight in zip(SYMBOLS, weights, strict=True):
        dollars = weight * random.randint(100_000, 2_000_000) // PPM
        worth = 1.0
        for feed in LISTINGS[symbol].feeds:
            worth *= DOLLARS[feed]
        replica.deal(symbol, module.safe, int(dollars / worth * 10 ** LISTINGS[symbol].token.decimals))


def shares(random: Random) -> list[int]:
    """Of each token, in PPM: between a fifteenth and a half."""
    parts = [random.uniform(1, 3) for _ in SYMBOLS]
    listed = [int(part * PPM / sum(parts)) for part in parts]
    listed[0] += PPM - sum(listed)
    return listed


def rebalance_once(module: Module, scene: Scene) -> None:
    """A good order that takes something of both meters."""
    while True:
        order = honest(scene, most=0.04, short=0.001)
        if order is not None:
            try:
                module.rebalance(order.swaps)
            except RpcError:
                continue
            return


def break_down(replica: Replica, module: Module, fault: str) -> None:
    """What makes the module refuse every order."""
    now = replica.now()
    if fault == "paused":
        module.by_safe("pause()")
    elif fault == "too large a balance":
        replica.deal("LINK", module.safe, 1 << 128)
    else:
        if fault == "beyond all answers":
            # Its product with the other feed is small enough for a price.
            replica.set_round("BTC/USD", 1, now)
        name, answer, written = {
            "below zero": ("LINK/USD", -1, now),
            "nothing": ("LINK/USD", 0, now),
            "nothing, and old": ("LINK/USD", 0, now - 2 * HOUR),
            "below zero, and old": ("LINK/USD", -1, now - 2 * HOUR),
            "future": ("UNI/USD", 10**9, now + 2 * HOUR),
            "old": ("ETH/USD", 2_500 * 10**8, now - 2 * HOUR),
            "band": ("WBTC/BTC", 10**8 // 3, now),
            "much too large": ("UNI/USD", 1 << 95, now),
            "too large a price": ("UNI/USD", 1 << 95, now),
            "beyond all answers": ("WBTC/BTC", 2**96, now),
            "beyond all answers, and old": ("UNI/USD", 2**96 + 1, now - 2 * HOUR),
        }[fault]
        replica.set_round(name, answer, written)


def seen(replica: Replica, module: Module, random: Random, early: int) -> tuple[Snapshot, Scene]:
    """What the keeper reads of it, and the scene: orders are for `early` seconds from now, or up to half an hour on."""
    now = replica.now()
    tokens = [LISTINGS[symbol].token for symbol in SYMBOLS]
    balances = tuple(Amount(token, replica.balance(token.symbol, module.safe)) for token in tokens)
    prices = tuple(price_of(replica, symbol, now) for symbol in SYMBOLS)
    safe = SafeState("1.4.1", 0, 1, (module.owner,), (module.address,))
    wallet = ModuleWallet(safe, module.address, module.policy, module.state())
    block = Block(1, "0x" + "00" * 32, now, Wei(0))
    snapshot = Snapshot(block, balances, prices, prices[0], (), (), wallet, Wei(ONE))
    attacker = replica.actor("attacker").address
    books = books_of(snapshot, wallet)
    return snapshot, Scene(wallet, books, random, now + early, now + early + HOUR // 2, attacker, books.worth)


def price_of(replica: Replica, symbol: str, now: int) -> Price:
    """As the keeper makes it of the feeds; of answers that it does not take, what they come to.

    One beyond all is negative then: to the contract the two are one, and a price alone cannot show it.
    """
    token = LISTINGS[symbol].token
    feeds = [Feed(FEEDS[name].address, 8, FEEDS[name].heartbeat, 600) for name in LISTINGS[symbol].feeds]
    returns = ("uint80", "int256", "uint256", "uint256", "uint80")
    rounds = [replica.read(feed.address, "latestRoundData()", returns=returns) for feed in feeds]
    oldest = min(written for *_, written, _ in rounds)
    answers = tuple(FeedAnswer(f, r[1], r[3], r[0]) for f, r in zip(feeds, rounds, strict=True))
    try:
        return feed_price(FeedPrice(token, tuple(feeds)), answers, now)
    except Unavailable:
        usd = ONE
        for _, answer, *_ in rounds:
            usd *= answer if answer <= MOST_ANSWER else -answer
        return Price(token, Usd(usd // 10 ** (8 * len(rounds))), oldest)
