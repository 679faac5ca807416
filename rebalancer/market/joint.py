"""A whole rebalance at once: what is held and wanted, pools and gas in, routes with exact amounts out.

Floats search (`subsets`, `optimum`), integers decide: every route is simulated to the wei on the pools as the routes
before it leave them, and what a route sells is rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebalancer.market.curves import Row, clipped, row_of
from rebalancer.market.nodes import PAIR, Plan, Terms
from rebalancer.market.pools import Pool, has_price
from rebalancer.market.problems import Market
from rebalancer.market.routing import (
    SWAP_GAS,
    V3_TICK_GAS,
    GasPrice,
    Hop,
    MoreTicks,
    NoRoute,
    Route,
    RouteQuote,
    best_known_route,
    pool_gas,
    quote_in_turn,
)
from rebalancer.market.subsets import best_plan
from rebalancer.market.tick_math import MAX_TICK
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import BPS, ONE, Address, Amount, Bps, Price, Usd, Weight, mul_div_down

_NEAR = 2_000
"""Ticks: a fifth of the price."""
_V3 = 3
"""The kind of all other pools."""
_INSIDE = 0.999
"""Of the impact that is allowed: what integers round up stays within."""
_CRUMB = 100_000
"""A rest below a hundred-thousandth of what is held is what floats have lost of it."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of a token, and which share of all holdings together is wanted of it. The shares sum to ONE."""

    balance: Amount
    price: Price
    wanted: Weight


@dataclass(frozen=True, slots=True)
class Freedom:
    """What the routes may be. `hubs`: prices of further tokens to go over. `gas_price`: of a unit, as Usd.

    `most_impact`: what a swap may lose to its own size in one pool. `most_cost`: beyond it, a dollar waits where it is;
    None: nothing may wait.
    """

    hubs: tuple[Price, ...]
    gas_price: Usd
    most_swaps: int
    most_hops: int
    mixed: bool
    least_swap: Usd
    most_impact: Bps | None
    most_cost: Bps | None


@dataclass(frozen=True, slots=True)
class JointRoutes:
    """Routes in the order in which they are to be made, exact. `waiting`: dollars, estimated, that stay as they are.

    `prices`: by token, its shadow price as a multiple of the oracle's.
    """

    routes: tuple[RouteQuote, ...]
    waiting: Usd
    prices: dict[Address, float]
    solved: bool = True
    """False: the optimum was not found, and these are the best single paths."""


_Places = dict[tuple[Address, int], int]
"""By token and kind of pool: a node of the market."""


def joint_routes(
    pools: Sequence[Pool], holdings: Sequence[Holding], freedom: Freedom
) -> JointRoutes | MoreTicks | NoRoute:
    """The routes that leave the most, gas paid. NoRoute: none does, or what is wanted cannot be reached at all.

    A rebalance rarely leaves the ticks nearby. What is best among these, and stays there, is best among all.
    """
    near = _joint_routes(pools, holdings, freedom, _NEAR)
    return near if _stays_near(pools, near) else _joint_routes(pools, holdings, freedom, 2 * MAX_TICK)


def _stays_near(pools: Sequence[Pool], found: JointRoutes | MoreTicks | NoRoute) -> bool:
    ticks = {pool.address: pool.tick for pool in pools if isinstance(pool, V3Pool)}
    return isinstance(found, JointRoutes) and all(
        abs(pool.tick - ticks[pool.address]) < _NEAR
        for quote in found.routes
        for pool in quote.pools_after
        if isinstance(pool, V3Pool)
    )


def _joint_routes(
    pools: Sequence[Pool], holdings: Sequence[Holding], freedom: Freedom, reach: int
) -> JointRoutes | MoreTicks | NoRoute:
    prices = [*(holding.price for holding in holdings), *freedom.hubs]
    places = _places(holdings, freedom)
    dollars = {price.token.address: price.usd / (ONE * 10**price.token.decimals) for price in prices}
    usable = [
        pool for pool in pools if pool.token0.address in dollars and pool.token1.address in dollars and has_price(pool)
    ]
    rows = [row_of(pool, dollars, reach) for pool in usable]
    plan = _plan(usable, rows, holdings, freedom, (places, dollars))
    if plan is None:
        return NoRoute("no pools lead from what is held to what is wanted")
    quoted = quote_in_turn(usable, _in_units(usable, holdings, plan, dollars))
    if isinstance(quoted, MoreTicks):
        return quoted
    # What is so little that a pool pays nothing for it waits.
    routes = tuple(quote for quote in quoted if isinstance(quote, RouteQuote))
    shadow = {token: float(plan.prices[place]) for (token, _), place in places.items()}
    return JointRoutes(routes, Usd(int(plan.waiting * ONE)), shadow, plan.solved)


def _places(holdings: Sequence[Holding], freedom: Freedom) -> _Places:
    """Where a path keeps to pools of one kind, a hub is a node for each kind: what comes in leaves by the same."""
    movers = [holding.balance.token.address for holding in holdings]
    places = {(token, kind): place for place, token in enumerate(movers) for kind in (PAIR, _V3)}
    for hub in freedom.hubs:
        new = max(places.values(), default=-1) + 1
        places[hub.token.address, PAIR] = new
        places[hub.token.address, _V3] = new if freedom.mixed else new + 1
    return places


def _plan(
    pools: Sequence[Pool],
    rows: Sequence[Row],
    holdings: Sequence[Holding],
    freedom: Freedom,
    words: tuple[_Places, dict[Address, float]],
) -> Plan | None:
    places, dollars = words
    if freedom.most_impact is not None:
        rows = [clipped(row, freedom.most_impact * _INSIDE / BPS) for row in rows]
    kinds = tuple(PAIR if isinstance(pool, V2Pool) else _V3 for pool in pools)
    market = Market(
        rows=tuple(rows),
        zero=tuple(places[pool.token0.address, kind] for pool, kind in zip(pools, kinds, strict=True)),
        one=tuple(places[pool.token1.address, kind] for pool, kind in zip(pools, kinds, strict=True)),
        gas=tuple(pool_gas(pool) for pool in pools),
        kinds=kinds,
    )
    tokens = max(places.values(), default=-1) + 1
    held, wanted = np.zeros(tokens), np.zeros(tokens)
    for place, holding in enumerate(holdings):
        held[place] = holding.balance.raw * dollars[holding.balance.token.address]
        wanted[place] = holding.wanted / ONE
    terms = Terms(
        gas_price=freedom.gas_price / ONE,
        swap_gas=SWAP_GAS,
        tick_gas=V3_TICK_GAS,
        most_swaps=freedom.most_swaps,
        most_hops=freedom.most_hops,
        mixed=freedom.mixed,
        least_swap=freedom.least_swap / ONE,
        wait=None if freedom.most_cost is None else freedom.most_cost / BPS,
    )
    return best_plan(market, held, wanted, terms, lambda: _single_pools(pools, holdings, freedom))


def _single_pools(pools: Sequence[Pool], holdings: Sequence[Holding], freedom: Freedom) -> tuple[int, ...]:
    """The places of the pools that the best single paths go through, where who is over is matched to who is under."""
    if not holdings:
        return ()
    values = [holding.price.value_down(holding.balance.raw) for holding in holdings]
    over = [value - mul_div_down(sum(values), h.wanted, ONE) for value, h in zip(values, holdings, strict=True)]
    places = {pool.address: place for place, pool in enumerate(pools)}
    hubs = tuple(price.token for price in (*(holding.price for holding in holdings), *freedom.hubs))
    found: set[int] = set()
    while (most := min(max(over), -min(over))) > 0:
        seller, buyer = over.index(max(over)), over.index(min(over))
        over[seller] -= most
        over[buyer] += most
        sell, buy = holdings[seller].price, holdings[buyer].price
        gas_price = GasPrice(freedom.gas_price * 10**buy.token.decimals, buy.usd)
        match best_known_route(pools, sell.amount_down(Usd(most)), buy.token, hubs, gas_price):
            case RouteQuote(route=route):
                found.update(places[hop.pool.address] for hop in route.hops)
            case NoRoute():
                continue
    return tuple(sorted(found))


def _in_units(
    pools: Sequence[Pool], holdings: Sequence[Holding], plan: Plan, dollars: dict[Address, float]
) -> list[tuple[Route, int]]:
    """Each swap with what it sells, rounded down; what is wanted no more and nearly all sold goes to the last unit."""
    swaps: list[tuple[Route, int]] = []
    left = {holding.balance.token.address: holding.balance.raw for holding in holdings}
    last: dict[Address, int] = {}
    for hops, worth in plan.swaps:
        route = Route(tuple(_hop(pools[place], sells0) for place, sells0 in hops))
        seller = route.hops[0].token_in.address
        raw = min(int(worth / dollars[seller]), left[seller])
        left[seller] -= raw
        last[seller] = len(swaps)
        swaps.append((route, raw))
    for holding in holdings:
        seller, rest = holding.balance.token.address, left[holding.balance.token.address]
        if holding.wanted == 0 and seller in last and rest * _CRUMB <= holding.balance.raw:
            route, raw = swaps[last[seller]]
            swaps[last[seller]] = route, raw + rest
    return [(route, raw) for route, raw in swaps if raw > 0]


def _hop(pool: Pool, sells0: bool) -> Hop:
    return Hop(pool, pool.token0, pool.token1) if sells0 else Hop(pool, pool.token1, pool.token0)
