"""Joint routes: exact to the base unit, and never worse than what others plan."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from fractions import Fraction

import pytest
from market_makers import (
    FULL_TICK,
    World,
    balances,
    executed,
    free,
    half,
    held,
    made_world,
    moved,
    pair,
    priced,
    tokens,
    total,
    worth,
)
from pool_makers import made_v3

from rebalancer.market.joint import JointRoutes, joint_routes
from rebalancer.market.pools import Pool, mid_ratio, swap_exact_in
from rebalancer.market.routing import FREE_GAS, MoreTicks, NoRoute, RouteQuote, best_route
from rebalancer.market.swap import Swap
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import ONE, Address, Amount, Bps, Usd

CALM = 0.0002
"""Pools this near to the oracle: less than any fee, so that there is nothing to be had by going in a circle."""
FEW, MANY = 300, 10_000
"""Random markets in the fast suite, and where time is no matter."""


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def by_pairs(world: World) -> dict[Address, int] | None:
    """What is held where each surplus is sold for each lack by the best single path. None: there is none."""
    now = {pool.address: pool for pool in world.pools}
    after = {holding.balance.token.address: holding.balance.raw for holding in world.holdings}
    hubs = tuple(price.token for price in world.hubs)
    values = {h.price.token.address: h.price.value_down(h.balance.raw) for h in world.holdings}
    whole = sum(values.values())
    off = {h.price.token.address: values[h.price.token.address] - whole * h.wanted // ONE for h in world.holdings}
    prices = {h.price.token.address: h.price for h in world.holdings}
    lacks = sum(-dollars for dollars in off.values() if dollars < 0)
    for seller, over in off.items():
        for buyer, under in off.items():
            raw = prices[seller].amount_down(Usd(max(over, 0) * max(-under, 0) // lacks)).raw
            if not raw:
                continue
            sell, buy = Amount(prices[seller].token, raw), prices[buyer].token
            quote = best_route(list(now.values()), sell, buy, hubs, FREE_GAS)
            if not isinstance(quote, RouteQuote):
                return None
            after[seller] -= raw
            after[buyer] += quote.amount_out
            now |= {pool.address: pool for pool in quote.pools_after}
    return after


def check_feasible(world: World) -> JointRoutes | NoRoute | MoreTicks:
    """The plan, made anew to the wei. Never more than is held, never a refusal."""
    answer = joint_routes(world.pools, world.holdings, free(world.hubs))
    if isinstance(answer, JointRoutes):
        left = executed(world, answer)
        assert min(left.values()) >= 0
        assert left == balances(world.holdings, answer.routes)
    return answer


def test_joint_routes__random_markets__are_feasible_in_integers() -> None:
    planned = sum(
        isinstance(check_feasible(made_world(random.Random(f"feasible {seed}"))), JointRoutes) for seed in range(FEW)
    )
    assert planned >= FEW * 0.99


@pytest.mark.slow
def test_joint_routes__ten_thousand_random_markets__are_feasible_in_integers() -> None:
    first = int(os.environ.get("REBALANCER_SEED", "1000"))
    planned = sum(
        isinstance(check_feasible(made_world(random.Random(f"feasible {seed}"))), JointRoutes)
        for seed in range(first, first + MANY)
    )
    assert planned >= MANY * 0.99


@pytest.mark.parametrize("seed", range(60))
def test_joint_routes__calm_markets__are_worth_no_less_than_pair_by_pair(seed: int) -> None:
    world = made_world(random.Random(f"pairs {seed}"), off=CALM)
    plan, others = world.plan(), by_pairs(world)
    ours = worth(world, executed(world, plan), plan.prices)
    # What several paths lose in a pair that keeps its fee is less than this.
    slack = 1e-4 * moved(world)
    assert others is None or ours >= worth(world, others, plan.prices) - slack


@pytest.mark.parametrize("off", [CALM, 0.01])
@pytest.mark.parametrize("seed", range(40))
def test_joint_routes__any_market__leaves_more_of_what_is_scarcest_than_pair_by_pair(seed: int, off: float) -> None:
    world = made_world(random.Random(f"scarcest {seed}"), off=off)
    others, ours = by_pairs(world), executed(world, world.plan())
    assert others is None or scarcest(world, ours) >= scarcest(world, others) - 1e-6 * moved(world)


def scarcest(world: World, after: dict[Address, int]) -> float:
    """Dollars of a portfolio with the weights that are wanted, as large as what is held allows."""
    return min(h.price.value_down(after[h.price.token.address]) / h.wanted for h in world.holdings if h.wanted)


@pytest.mark.parametrize("seed", range(60))
def test_joint_routes__calm_markets__reach_the_weights(seed: int) -> None:
    world = made_world(random.Random(f"weights {seed}"), off=CALM)
    plan = world.plan()
    after = executed(world, plan)
    values = [h.price.value_down(after[h.price.token.address]) / ONE for h in world.holdings]
    for value, holding in zip(values, world.holdings, strict=True):
        assert value == pytest.approx(sum(values) * holding.wanted / ONE, abs=2e-3 * moved(world) + 1e-6 * total(world))


@pytest.mark.parametrize("seed", range(60))
def test_joint_routes__one_sale_and_one_purchase__pays_no_less_than_the_best_single_path(seed: int) -> None:
    dice = random.Random(f"single {seed}")
    world = made_world(dice, off=CALM)
    first, second = world.holdings[0].price, world.holdings[1].price
    hubs = (*(holding.price for holding in world.holdings[2:]), *world.hubs)
    dollars = 10 ** dice.uniform(2, 6)
    selling = World(world.pools, (held(first, dollars, 0.0), held(second, 0.0, 1.0)), hubs)
    single = best_route(
        selling.pools, selling.holdings[0].balance, second.token, tuple(price.token for price in hubs), FREE_GAS
    )
    if isinstance(single, RouteQuote):
        after = executed(selling, selling.plan())
        assert after[first.token.address] == 0
        assert after[second.token.address] >= single.amount_out * (1 - Fraction(1, 10**6))


@pytest.mark.parametrize("seed", range(40))
def test_joint_routes__calm_markets__leave_no_arbitrage_between_pools_beyond_fees(seed: int) -> None:
    world = made_world(random.Random(f"even {seed}"), off=CALM)
    plan = world.plan()
    now = {pool.address: pool for pool in world.pools}
    for quote in plan.routes:
        now |= {pool.address: pool for pool in quote.pools_after}
    shares = [pool for pool in now.values() if any(pool.address == p.address and pool != p for p in world.pools)]
    for one in shares:
        for other in shares:
            if {one.token0, one.token1} == {other.token0, other.token1}:
                assert circle_gain(one, other) <= Fraction(1, 10**5)


def circle_gain(one: Pool, other: Pool) -> Fraction:
    """What a first unit gains that is sold in one pool and bought back in the other, fees paid."""
    ratios = mid_ratio(one, one.token0), mid_ratio(other, one.token1)
    assert ratios[0] is not None and ratios[1] is not None
    kept = Fraction(1)
    for pool in (one, other):
        kept *= 1 - Fraction(pool.fee if isinstance(pool, V3Pool) else 3_000, 10**6)
    return Fraction(*ratios[0]) * Fraction(*ratios[1]) * kept - 1


@pytest.mark.parametrize("seed", range(40))
def test_joint_routes__pools_and_tokens_in_another_order__are_worth_the_same(seed: int) -> None:
    dice = random.Random(f"order {seed}")
    world = made_world(dice, off=CALM)
    turned = World(
        tuple(dice.sample(world.pools, len(world.pools))),
        tuple(dice.sample(world.holdings, len(world.holdings))),
        tuple(dice.sample(world.hubs, len(world.hubs))),
    )
    plan, other = world.plan(), turned.plan()
    ours = worth(world, executed(world, plan), plan.prices)
    assert worth(world, executed(turned, other), plan.prices) == pytest.approx(ours, abs=1e-5 * moved(world))


@pytest.mark.parametrize("times", [10, 1_000])
def test_joint_routes__everything_so_many_times_as_large__scale_with_it(times: int) -> None:
    pools = [pair(50_000.0), pair(20_000.0, number=2)]
    larger = [pair(50_000.0 * times), pair(20_000.0 * times, number=2)]
    small = World(tuple(pools), half(), ())
    large = World(tuple(larger), half(1_000.0 * times), ())
    found = [executed(world, world.plan()) for world in (small, large)]
    for token, raw in found[0].items():
        assert found[1][token] == pytest.approx(raw * times, rel=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_joint_routes__gas_and_a_limit__keep_to_the_limit_and_stay_feasible(seed: int) -> None:
    world = made_world(random.Random(f"limit {seed}"), off=CALM)
    allowed = free(world.hubs, Usd(5 * 10**13), 3, Bps(100))
    answer = joint_routes(world.pools, world.holdings, allowed)
    assert isinstance(answer, JointRoutes)
    assert len(answer.routes) <= 3
    executed(world, answer)


@pytest.mark.parametrize("dollars", [100_000, 600_000, 3_000_000])
def test_joint_routes__prices_that_leave_the_ticks_nearby__knows_the_liquidity_out_there(dollars: int) -> None:
    a, b = (priced(token, 1.0) for token in tokens(2))
    spacing, liquidity = 60, 500_000 * ONE
    # Beyond 3,000 ticks there is thirty times as much.
    positions = [(-FULL_TICK, FULL_TICK, liquidity), (-6_000, -3_000, 29 * liquidity), (3_000, 6_000, 29 * liquidity)]
    cliff = made_v3(positions, 2**96, (3_000, spacing), (a.token, b.token), 1)
    deep = pair(1e6, a, b, 2)
    holdings = (held(a, dollars, 0.0), held(b, 0.0, 1.0))
    answer = check_feasible(World((cliff, deep), holdings, ()))
    assert isinstance(answer, JointRoutes)
    best, raw = sum(quote.amount_out for quote in answer.routes), holdings[0].balance.raw
    for part in range(101):
        sold = [
            (pool, amount) for pool, amount in ((cliff, raw * part // 100), (deep, raw - raw * part // 100)) if amount
        ]
        swaps = [swap_exact_in(pool, a.token, amount) for pool, amount in sold]
        paid = sum(swap.amount_out for swap in swaps if isinstance(swap, Swap) and swap.unfilled == 0)
        assert paid <= best + best // 10**7, "no split in hundredths brings more"
