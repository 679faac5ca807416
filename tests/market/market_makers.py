"""Made-up markets for the joint optimum: a seed in, pools that lead everywhere and a portfolio over them out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt

from pool_makers import made_token, made_v2, made_v3

from rebalancer.market.joint import Freedom, Holding, JointRoutes, joint_routes
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Route, RouteQuote, quote_route
from rebalancer.market.tick_math import tick_at_sqrt_ratio
from rebalancer.market.uniswap_v3 import TICK_SPACINGS
from rebalancer.units import ONE, Address, Bps, Price, Token, Usd, Weight

FREE = Usd(0)
MANY = 1_000
FULL_TICK = 887_220
"""The last tick on a spacing of 60."""


@dataclass(frozen=True, slots=True)
class World:
    """Pools, what is held and wanted, and the prices of tokens to go over."""

    pools: tuple[Pool, ...]
    holdings: tuple[Holding, ...]
    hubs: tuple[Price, ...]

    def plan(self, allowed: Freedom | None = None) -> JointRoutes:
        """ValueError where there is none."""
        answer = joint_routes(self.pools, self.holdings, allowed or free(self.hubs))
        if not isinstance(answer, JointRoutes):
            raise ValueError(f"no plan: {answer}")
        return answer


def free(
    hubs: Sequence[Price] = (), gas_price: Usd = FREE, most_swaps: int = MANY, most_cost: Bps | None = None
) -> Freedom:
    """Anything goes, unless it says otherwise."""
    return Freedom(tuple(hubs), gas_price, most_swaps, 6, True, FREE, None, most_cost)


def tokens(count: int) -> list[Token]:
    return [made_token(f"T{number}", 0xA00 + number) for number in range(count)]


def priced(token: Token, dollars: float) -> Price:
    return Price(token, Usd(int(dollars * ONE)), 0)


def held(price: Price, dollars: float, share: float) -> Holding:
    """So many dollars of a token, and the share that is wanted of it."""
    return Holding(price.amount_down(Usd(int(dollars * ONE))), price, Weight(round(share * ONE)))


def made_world(dice: random.Random, most_pools: int = 10, kinds: str = "23", off: float = 0.01) -> World:
    """Two to five tokens, of which one or none is a hub, and pools that are off the oracle by no more than a share.

    A percent is more than fees: then there is something to be had by going in a circle.
    """
    names = tokens(dice.randint(2, 5))
    prices = [priced(token, 10 ** dice.uniform(-3, 4)) for token in names]
    count = max(dice.randint(1, most_pools), len(names) - 1)
    pools = tuple(made_pool(number, joined(number, prices, dice), dice, kinds, off) for number in range(count))
    hubs = dice.randint(0, 1) if len(names) > 2 else 0
    inside = prices[: len(prices) - hubs]
    wanted = shares(len(inside), dice)
    dollars = [10 ** dice.uniform(3, 6) for _ in inside]
    holdings = tuple(
        Holding(price.amount_down(Usd(int(worth * ONE))), price, share)
        for price, worth, share in zip(inside, dollars, wanted, strict=True)
    )
    return World(pools, holdings, tuple(prices[len(inside) :]))


def joined(number: int, prices: Sequence[Price], dice: random.Random) -> tuple[Price, Price]:
    """The two tokens of a pool: the first pools make a tree over all of them, so that every token leads to every."""
    if number + 1 < len(prices):
        return prices[dice.randrange(number + 1)], prices[number + 1]
    one, other = sorted(dice.sample(range(len(prices)), 2))
    return prices[one], prices[other]


def made_pool(
    number: int, pair: tuple[Price, Price], dice: random.Random, kinds: str = "23", off: float = 0.01
) -> Pool:
    dollars, ratio = 10 ** dice.uniform(4, 8), 1 + dice.uniform(-off, off)
    if dice.choice(kinds) == "2":
        reserves = [Fraction(int(dollars * ONE), price.usd) * ONE for price in pair]
        return made_v2(int(reserves[0] * Fraction(ratio)), int(reserves[1]), (pair[0].token, pair[1].token), number + 1)
    fee = dice.choice((500, 3_000))
    spacing = TICK_SPACINGS[fee]
    root = isqrt((pair[0].usd << 192) // int(pair[1].usd * ratio))
    liquidity = isqrt(int(dollars * ONE) ** 2 // pair[0].usd * ONE // pair[1].usd * ONE)
    here = tick_at_sqrt_ratio(root) // spacing
    positions = [(-(FULL_TICK // spacing) * spacing, FULL_TICK // spacing * spacing, liquidity)]
    for _ in range(dice.randint(0, 6)):
        low, high = here - int(10 ** dice.uniform(0, 2.5)), here + 1 + int(10 ** dice.uniform(0, 2.5))
        positions.append((low * spacing, high * spacing, int(liquidity * dice.uniform(0, 3)) + 1))
    return made_v3(positions, root, (fee, spacing), (pair[0].token, pair[1].token), number + 1)


def shares(count: int, dice: random.Random) -> list[Weight]:
    drawn = [dice.uniform(0, 1) for _ in range(count)]
    found = [int(share / sum(drawn) * ONE) for share in drawn]
    found[-1] += ONE - sum(found)
    return [Weight(share) for share in found]


def balances(holdings: Sequence[Holding], routes: Sequence[RouteQuote]) -> dict[Address, int]:
    """What is held after the routes, in base units."""
    after = {holding.balance.token.address: holding.balance.raw for holding in holdings}
    for quote in routes:
        sold, bought = quote.route.hops[0].token_in.address, quote.route.hops[-1].token_out.address
        after[sold] = after.get(sold, 0) - quote.amount_in
        after[bought] = after.get(bought, 0) + quote.amount_out
    return after


def worth(world: World, after: Mapping[Address, int], multiples: Mapping[Address, float]) -> float:
    """Dollars at the oracle times the multiples, in units of what the targets are worth at them."""
    by_token = {price.token.address: price for price in (*(h.price for h in world.holdings), *world.hubs)}
    dollars = sum(by_token[token].value_down(raw) / ONE * multiples[token] for token, raw in after.items())
    wanted = sum(h.wanted / ONE * multiples[h.price.token.address] for h in world.holdings)
    return dollars / wanted


def total(world: World) -> float:
    return sum(holding.price.value_down(holding.balance.raw) for holding in world.holdings) / ONE


def moved(world: World) -> float:
    """Dollars that are not where they are wanted."""
    whole = total(world)
    return sum(abs(h.price.value_down(h.balance.raw) / ONE - whole * h.wanted / ONE) for h in world.holdings) / 2


ONE_TOKEN, OTHER, THIRD = (priced(token, 1.0) for token in tokens(3))


def two_tokens(pools: Sequence[Pool], first: Price, second: Price) -> World:
    """A thousand dollars of the first, of which half is wanted in the second."""
    return World(tuple(pools), (held(first, 1_000.0, 0.5), held(second, 0.0, 0.5)), ())


def pair(dollars: float, first: Price = ONE_TOKEN, second: Price = OTHER, number: int = 1) -> Pool:
    reserves = [int(dollars * ONE) * ONE // price.usd for price in (first, second)]
    return made_v2(reserves[0], reserves[1], (first.token, second.token), number)


def half(first: float = 1_000.0, second: float = 0.0) -> tuple[Holding, Holding]:
    """So many dollars of two tokens, of which the same is wanted."""
    return held(ONE_TOKEN, first, 0.5), held(OTHER, second, 0.5)


def executed(world: World, plan: JointRoutes) -> dict[Address, int]:
    """What is held after the routes, made anew and in order on pools as they were."""
    now = {pool.address: pool for pool in world.pools}
    left = {holding.balance.token.address: holding.balance.raw for holding in world.holdings}
    for quote in plan.routes:
        hops = tuple(replace(hop, pool=now[hop.pool.address]) for hop in quote.route.hops)
        again = quote_route(Route(hops), quote.amount_in)
        assert isinstance(again, RouteQuote) and again.amount_out == quote.amount_out
        sold, bought = hops[0].token_in.address, hops[-1].token_out.address
        assert left[sold] >= quote.amount_in > 0
        left[sold] -= quote.amount_in
        left[bought] = left.get(bought, 0) + again.amount_out
        now |= {pool.address: pool for pool in again.pools_after}
    return left
