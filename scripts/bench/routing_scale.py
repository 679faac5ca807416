"""Solve times against the number of pools: a seed in, milliseconds on random markets of 10, 100 and 1,000 pools out.

As in the benchmark of Diamandis et al. (2023, CFMMRouter.jl benchmark/scaling.jl): 2·sqrt(pools) tokens, each pool of
two random ones. Half are V3 pools of many ranges, and prices are within 0.3 % of the oracle: further apart than some
fees, so that there is arbitrage as in theirs. Every token is held and wanted, at random weights. `solve_ms` is the
optimum alone, which is what theirs times; `plan_ms` is all of joint_routes: curves, the optimum of what is to be had
without going in a circle, paths, exact simulation. Time of the processor; imports excluded. The growth of the optimum
has a target; a plan has one path after the other to find, and grows a little faster than the pools do.
"""

from __future__ import annotations

import random
import statistics
import time
from math import isqrt, sqrt
from typing import Any

import numpy as np

from rebalancer.market.curves import curves_of, row_of
from rebalancer.market.joint import Freedom, Holding, JointRoutes, joint_routes
from rebalancer.market.optimum import Problem, solve
from rebalancer.market.pools import Pool
from rebalancer.market.tick_math import tick_at_sqrt_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import TICK_SPACINGS, V3Pool, all_words
from rebalancer.units import ONE, Address, Amount, Price, Token, Usd, Weight

COUNTS = (10, 100, 1_000)
MARKETS = 7
PUBLISHED = {"pools_100": "2-7 ms", "pools_1000": "25-30 ms", "what": "CFMMRouter.jl, V2 pools only, optimum alone"}
RANGES = 24
"""Positions in a V3 pool."""
OFF = 0.003
"""How far mid prices are off the oracle."""


def scale_figures(seed: int) -> dict[str, Any]:
    """By number of pools the median times, and how much more than linear the growth is (1 is linear)."""
    rows = {count: [_timed(count, random.Random(f"{seed} {count} {n}")) for n in range(MARKETS)] for count in COUNTS}
    medians = {
        count: {name: statistics.median(row[name] for row in found) for name in found[0]}
        for count, found in rows.items()
    }
    steps = list(zip(COUNTS, COUNTS[1:], strict=False))
    growth = [medians[b]["solve_ms"] / medians[a]["solve_ms"] / (b / a) for a, b in steps]
    planning = [medians[b]["plan_ms"] / medians[a]["plan_ms"] / (b / a) for a, b in steps]
    found = {
        "by_pools": {count: {name: round(value, 2) for name, value in row.items()} for count, row in medians.items()},
        "growth_over_linear": round(max(growth), 3),
        "plan_growth_over_linear": round(max(planning), 3),
        "published_ms": PUBLISHED,
        "markets_of_each": MARKETS,
    }
    return {**found, "missed": [name for name in ("growth_over_linear",) if found[name] > 1]}


def _timed(count: int, dice: random.Random) -> dict[str, float]:
    pools, holdings = random_market(count, dice)
    prices = [holding.price for holding in holdings]
    places = {price.token.address: place for place, price in enumerate(prices)}
    dollars = {price.token.address: price.usd / (ONE * 10**price.token.decimals) for price in prices}
    curves = curves_of(
        [row_of(pool, dollars) for pool in pools],
        [places[pool.token0.address] for pool in pools],
        [places[pool.token1.address] for pool in pools],
    )
    held = np.array([holding.balance.raw * dollars[holding.balance.token.address] for holding in holdings])
    problem = Problem(curves, held, np.array([holding.wanted / ONE for holding in holdings]))
    started = time.process_time()
    optimum = solve(problem)
    solved = time.process_time()
    assert optimum is not None, f"no optimum over {count} pools"
    allowed = Freedom((), Usd(0), 10_000, 6, True, Usd(0), None, None)
    plan = joint_routes(pools, holdings, allowed)
    planned = time.process_time()
    assert isinstance(plan, JointRoutes), f"no plan over {count} pools: {plan}"
    return {
        "solve_ms": (solved - started) * 1e3,
        "plan_ms": (planned - solved) * 1e3,
        "rounds": optimum.rounds,
        "swaps": len(plan.routes),
    }


def random_market(count: int, dice: random.Random) -> tuple[list[Pool], list[Holding]]:
    """So many pools, each token in at least one that leads on to all others, and what is held and wanted."""
    tokens = [Token(f"T{n}", Address(f"0x{n + 1:040x}"), 18) for n in range(max(3, round(2 * sqrt(count))))]
    prices = [Price(token, Usd(int(10 ** dice.uniform(-3, 5) * ONE)), 0) for token in tokens]
    pools = []
    for number in range(count):
        if number + 1 < len(tokens):
            pair = sorted((number + 1, dice.randrange(number + 1)))
        else:
            pair = sorted(dice.sample(range(len(tokens)), 2))
        pools.append(_random_pool(count + number + 1_000, (prices[pair[0]], prices[pair[1]]), dice))
    held = [10 ** dice.uniform(4, 6) for _ in tokens]
    drawn = [dice.uniform(0.5, 1.5) for _ in tokens]
    wanted = [int(share / sum(drawn) * ONE) for share in drawn]
    wanted[-1] += ONE - sum(wanted)
    return pools, [
        Holding(Amount(price.token, int(dollars * ONE / price.usd * ONE)), price, Weight(share))
        for dollars, price, share in zip(held, prices, wanted, strict=True)
    ]


def _random_pool(number: int, pair: tuple[Price, Price], dice: random.Random) -> Pool:
    dollars, off = 10 ** dice.uniform(5, 8), 1 + dice.uniform(-OFF, OFF)
    address = Address(f"0x{number:040x}")
    worth = [price.usd / ONE for price in pair]
    if dice.random() < 0.5:
        reserves = (int(dollars / worth[0] * off * ONE), int(dollars / worth[1] * ONE))
        return V2Pool(address, pair[0].token, pair[1].token, *reserves)
    root = isqrt((pair[0].usd << 192) // int(pair[1].usd * off))
    return _v3(address, pair, root, int(dollars / sqrt(worth[0] * worth[1]) * ONE), dice)


def _v3(address: Address, pair: tuple[Price, Price], root: int, liquidity: int, dice: random.Random) -> V3Pool:
    """A full range and RANGES positions around the price, narrow and wide."""
    fee = dice.choice((500, 3_000))
    spacing, tick = TICK_SPACINGS[fee], tick_at_sqrt_ratio(root)
    here, edge = tick // spacing, 887_272 // spacing
    nets = {-edge * spacing: liquidity, edge * spacing: -liquidity}
    for _ in range(RANGES):
        low, high = here - int(10 ** dice.uniform(0, 3)), here + 1 + int(10 ** dice.uniform(0, 3))
        size = int(liquidity * dice.uniform(0, 2))
        nets[low * spacing] = nets.get(low * spacing, 0) + size
        nets[high * spacing] = nets.get(high * spacing, 0) - size
    active = sum(net for index, net in nets.items() if index <= tick)
    return V3Pool(
        address, pair[0].token, pair[1].token, fee, spacing, root, tick, active, tuple(sorted(nets.items())),
        *all_words(spacing),
    )  # fmt: skip
