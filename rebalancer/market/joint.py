"""A whole rebalance at once: what is held and wanted, pools and gas in, routes with exact amounts out.

Floats search (`subsets`, `optimum`), integers decide: every route is simulated to the wei on the pools as the routes
before it leave them, and what a route sells is rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebalancer.market.curves import clipped, row_of
from rebalancer.market.pools import Pool, has_price
from rebalancer.market.problems import Market
from rebalancer.market.routing import (
    V2_NEXT_HOP_GAS,
    V3_HOP_GAS,
    V3_TICK_GAS,
    Hop,
    MoreTicks,
    NoRoute,
    Route,
    RouteQuote,
    quote_in_turn,
)
from rebalancer.market.subsets import PAIR, Plan, Terms, best_plan
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.units import BPS, ONE, Address, Amount, Bps, Price, Usd, Weight

SWAP_GAS = 40_000
"""Of a swap besides its pools: the call, the approval and taking it back."""
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


def joint_routes(
    pools: Sequence[Pool], holdings: Sequence[Holding], freedom: Freedom
) -> JointRoutes | MoreTicks | NoRoute:
    """The routes that leave the most, gas paid. NoRoute: none does, or what is wanted cannot be reached at all."""
    prices = [*(holding.price for holding in holdings), *freedom.hubs]
    places = {price.token.address: place for place, price in enumerate(prices)}
    dollars = {price.token.address: price.usd / (ONE * 10**price.token.decimals) for price in prices}
    usable = [
        pool for pool in pools if pool.token0.address in places and pool.token1.address in places and has_price(pool)
    ]
    plan = _plan(usable, holdings, freedom, places, dollars)
    if plan is None:
        return NoRoute("no pools lead from what is held to what is wanted")
    quoted = quote_in_turn(usable, _in_units(usable, holdings, plan, dollars))
    if isinstance(quoted, MoreTicks):
        return quoted
    # What is so little that a pool pays nothing for it waits.
    routes = tuple(quote for quote in quoted if isinstance(quote, RouteQuote))
    shadow = {price.token.address: float(plan.prices[places[price.token.address]]) for price in prices}
    return JointRoutes(routes, Usd(int(plan.waiting * ONE)), shadow)


def _plan(
    pools: Sequence[Pool],
    holdings: Sequence[Holding],
    freedom: Freedom,
    places: dict[Address, int],
    dollars: dict[Address, float],
) -> Plan | None:
    rows = [row_of(pool, dollars) for pool in pools]
    if freedom.most_impact is not None:
        rows = [clipped(row, freedom.most_impact * _INSIDE / BPS) for row in rows]
    market = Market(
        rows=tuple(rows),
        zero=tuple(places[pool.token0.address] for pool in pools),
        one=tuple(places[pool.token1.address] for pool in pools),
        gas=tuple(V2_NEXT_HOP_GAS if isinstance(pool, V2Pool) else V3_HOP_GAS for pool in pools),
        kinds=tuple(PAIR if isinstance(pool, V2Pool) else 3 for pool in pools),
    )
    held, wanted = np.zeros(len(places)), np.zeros(len(places))
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
    return best_plan(market, held, wanted, terms)


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
