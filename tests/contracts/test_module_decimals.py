"""One unit of 18 decimals, whatever tokens and feeds count in: every pairing of tokens with 2, 6, 8, 18, 27 decimals,
feeds with 8 and 18, and prices of one feed or two. What is expected is worked out here in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import ceil, floor

import pytest
from eth_abi.abi import decode as abi_decode
from given_hostile import Contract, a_contract, a_safe
from given_module import LIMITS, Module, deploy_module, v3_path

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModulePolicy, ModuleRoute, ModuleSwap
from rebalancer.replica.chain import Replica
from rebalancer.units import ONE, PPM, Address, Ppm, Usd

DECIMALS = (2, 6, 8, 18, 27)
HOLDINGS = 1_000_000
SHORTFALL = Fraction(int(LIMITS.max_shortfall), PPM)
ALL_SOLD, ALL_BOUGHT = 12, 8
"""% of the wallet in each token that is to be sold, where 5 are wanted, and to be bought, where 15 are."""
TARGETS = (50_000,) * 5 + (150_000,) * 5
PAIRS = list(product(range(5), range(5, 10)))
NAMES = [f"{DECIMALS[i]} to {DECIMALS[j - 5]}" for i, j in PAIRS]


@dataclass(frozen=True)
class Quote:
    """One feed: what it answers, with how many decimals, and which contract it is."""

    contract: str
    decimals: int
    answer: int


FEEDS: tuple[tuple[Quote, ...], ...] = (
    # A unit of a token with 2 decimals that is worth a hundredth of 0.37 dollars.
    (Quote("HostileFeed", 8, 37_000_001),),
    (Quote("MockAggregator", 18, 1_000_300_000_000_000_007),),
    (Quote("HostileFeed", 8, 4_023_456_789_013), Quote("MockAggregator", 18, 999_512_345_678_901_237)),
    (Quote("MockAggregator", 8, 198_765_432_109),),
    (Quote("HostileFeed", 18, 98_765_432_109_876_543_210_987),),
    (Quote("MockAggregator", 18, 2_718_281_828_459_045_235),),
    (Quote("HostileFeed", 8, 99_987_654),),
    (Quote("HostileFeed", 18, 61_803_398_874_989_484_820_458),),
    (Quote("MockAggregator", 18, 1_234_567_890_123_456_789), Quote("HostileFeed", 18, 1_777_777_777_777_777_777_777)),
    (Quote("HostileFeed", 8, 3_000_001),),
)


@dataclass(frozen=True)
class Stage:
    module: Module
    tokens: tuple[Contract, ...]
    held: tuple[int, ...]

    @property
    def units(self) -> list[int]:
        return [10**decimals for decimals in DECIMALS * 2]

    @property
    def prices(self) -> list[int]:
        """Dollars at 1e18 of one whole token, cut off below."""
        products = []
        for feeds in FEEDS:
            price = Fraction(ONE)
            for feed in feeds:
                price *= Fraction(feed.answer, 10**feed.decimals)
            products.append(floor(price))
        return products

    def values(self, held: tuple[int, ...]) -> list[int]:
        return [floor(Fraction(h, u) * p) for h, u, p in zip(held, self.units, self.prices, strict=True)]

    def least(self, i: int, j: int, amount: int) -> int:
        """The least of j for so much of i."""
        kept = ceil(self.sold(i, amount) * (1 - SHORTFALL))
        return ceil(Fraction(kept, self.prices[j]) * self.units[j])

    def sold(self, i: int, amount: int) -> int:
        return ceil(Fraction(amount, self.units[i]) * self.prices[i])


@pytest.fixture(scope="module")
def stage(running_replica: Replica) -> Stage:
    replica = running_replica
    tokens = tuple(a_contract(replica, "HostileToken", f"T{n}", d) for n, d in enumerate(DECIMALS * 2))
    feeds = [[_feed(replica, quote) for quote in quotes] for quotes in FEEDS]
    router, safe = a_contract(replica, "HostileRouter"), a_safe(replica, [replica.actor("owner")])
    assets = tuple(_asset(token.address, mine) for token, mine in zip(tokens, feeds, strict=True))
    policy = ModulePolicy(safe, assets, (), (ModuleRoute(router.address, NOBODY),), LIMITS)
    stage = Stage(deploy_module(replica, policy, TARGETS), tokens, ())
    shares = (ALL_SOLD,) * 5 + (ALL_BOUGHT,) * 5
    dollars = [HOLDINGS * ONE * share // 100 for share in shares]
    held = tuple(d * u // p + 1 for d, u, p in zip(dollars, stage.units, stage.prices, strict=True))
    for token, amount in zip(tokens, held, strict=True):
        token.set("mint", safe, amount)
        token.set("mint", router.address, amount)
    return replace(stage, held=held)


def _feed(replica: Replica, quote: Quote) -> Address:
    name = ("feed",) if quote.contract == "MockAggregator" else ()
    since = () if name else (1,)
    return a_contract(replica, quote.contract, *name, quote.decimals, quote.answer, *since).address


def _asset(token: Address, feeds: list[Address]) -> ModuleAsset:
    second = feeds[1] if len(feeds) > 1 else NOBODY
    heartbeats = (3_600, 3_600 if len(feeds) > 1 else 0)
    return ModuleAsset(token, feeds[0], heartbeats[0], second, heartbeats[1], Ppm(0), Ppm(PPM), Usd(0), Usd(0))


def asked(stage: Stage, i: int, j: int, amount: int) -> int:
    """min_out() of the module."""
    return int(stage.module.replica.read(stage.module.address, "min_out(uint256,uint256,uint256)", i, j, amount)[0])


def shown(stage: Stage) -> tuple[int, list[int], int]:
    """Net value, weights and drift of portfolio()."""
    names = ("(uint256,uint256[],uint256,uint256,uint256)",)
    nav, weights, drift, *_ = stage.module.replica.read(stage.module.address, "portfolio()", returns=names)[0]
    return nav, list(weights), drift


def part_of(stage: Stage, i: int, percent: int) -> int:
    """Base units of that much of the wallet."""
    return HOLDINGS * ONE * percent // 100 * stage.units[i] // stage.prices[i]


def test_portfolio__of_tokens_with_any_decimals__is_exact(stage: Stage, replica: Replica) -> None:
    values = stage.values(stage.held)
    nav = sum(values)
    away = sum(abs(value - floor(Fraction(nav * target, PPM))) for value, target in zip(values, TARGETS, strict=True))
    assert shown(stage) == (nav, [floor(Fraction(value * PPM, nav)) for value in values], away * PPM // nav)
    assert nav // ONE in (HOLDINGS, HOLDINGS + 1)


@pytest.mark.parametrize(("i", "j"), PAIRS, ids=NAMES)
def test_min_out__from_any_decimals_to_any__is_the_least_that_is_worth_enough(
    stage: Stage, replica: Replica, i: int, j: int
) -> None:
    for amount in (1, 7, 10**5 + 3, part_of(stage, i, 1), part_of(stage, i, 7) + 1):
        least = asked(stage, i, j, amount)
        assert least == stage.least(i, j, amount)
        sold = Fraction(amount, stage.units[i]) * stage.prices[i]
        # Enough in exact dollars, and one unit less would not be, but for what was rounded up on the way.
        assert Fraction(least, stage.units[j]) * stage.prices[j] >= sold * (1 - SHORTFALL)
        assert Fraction(least - 1, stage.units[j]) * stage.prices[j] < sold * (1 - SHORTFALL) + 2


@pytest.mark.parametrize(("i", "j"), PAIRS, ids=NAMES)
def test_rebalance__from_any_decimals_to_any__settles_at_the_least_and_not_below(
    stage: Stage, replica: Replica, i: int, j: int
) -> None:
    amount = part_of(stage, i, 3) + 1
    least = stage.least(i, j, amount)
    swap = ModuleSwap(0, i, j, amount, least, v3_path((500, 0)))
    with pytest.raises(RpcError, match="RebalanceModule: min_out"):
        stage.module.rebalance([replace(swap, min_out=least - 1)])
    receipt = stage.module.rebalance([swap])
    held = list(stage.held)
    held[i], held[j] = held[i] - amount, held[j] + least
    safe = stage.module.safe
    assert [token.read("balanceOf", safe, returns=("uint256",)) for token in stage.tokens] == held
    # The event says the same.
    before, after = sum(stage.values(stage.held)), sum(stage.values(tuple(held)))
    lost, turned = ceil(Fraction((before - after) * ONE, before)), ceil(Fraction(stage.sold(i, amount) * ONE, before))
    kinds = ["uint256[]", *("uint256",) * 6]
    books, *figures = abi_decode(kinds, bytes.fromhex(receipt["logs"][-1]["data"][2:]))
    allowed = [int(LIMITS.max_loss) * 10**12, int(LIMITS.max_turnover) * 10**12]
    assert list(books) == [price << 128 | balance for price, balance in zip(stage.prices, held, strict=True)]
    assert figures == [before, after, lost, turned, allowed[0] - lost, allowed[1] - turned]
    assert shown(stage)[0] == after


@pytest.mark.parametrize(("i", "j"), PAIRS, ids=NAMES)
def test_rebalance__past_the_target_by_one_unit_more_than_is_tolerated__is_refused(
    stage: Stage, replica: Replica, i: int, j: int
) -> None:
    values, tolerated = stage.values(stage.held), int(LIMITS.tolerance)
    nav = sum(values)
    goals = [floor(Fraction(nav * target, PPM)) for target in TARGETS]
    slack = floor(Fraction(nav * tolerated, PPM))
    above, below = values[i] - goals[i] + slack, goals[j] - values[j] + slack
    most = floor(Fraction(min(above, below), stage.prices[i]) * stage.units[i])
    fair = ceil(Fraction(stage.sold(i, most + 1), stage.prices[j]) * stage.units[j])
    swap = ModuleSwap(0, i, j, most, fair, v3_path((500, 0)))
    assert stage.module.preview([swap]) == (1).to_bytes(32, "big")
    rule = "sells_past_target" if stage.sold(i, most + 1) > above else "buys_past_target"
    with pytest.raises(RpcError, match=f"RebalanceModule: {rule}"):
        stage.module.preview([replace(swap, amount_in=most + 1)])
