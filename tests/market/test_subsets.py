"""Which pools are worth their gas: against every subset there is, and within what a plan may be."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from market_makers import World, made_world

from rebalancer.market.curves import Floats, level_row, row_of
from rebalancer.market.nodes import Plan, Terms
from rebalancer.market.one_way import order_of
from rebalancer.market.problems import Market
from rebalancer.market.subsets import SOLVES, best_plan
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.units import ONE

FREE = Terms(0.0, 40_000, 31_000, 1_000, 6, True, 0.0, None)
SIX_DOLLARS = replace(FREE, gas_price=5e-5)
"""A swap through one V3 pool costs six dollars."""


def market_of(world: World) -> tuple[Market, Floats, Floats]:
    prices = [*(holding.price for holding in world.holdings), *world.hubs]
    places = {price.token.address: place for place, price in enumerate(prices)}
    dollars = {price.token.address: price.usd / ONE / 10**price.token.decimals for price in prices}
    held, wanted = np.zeros(len(prices)), np.zeros(len(prices))
    for place, holding in enumerate(world.holdings):
        held[place] = holding.balance.raw * dollars[holding.price.token.address]
        wanted[place] = holding.wanted / ONE
    pairs = [isinstance(pool, V2Pool) for pool in world.pools]
    market = Market(
        rows=tuple(row_of(pool, dollars) for pool in world.pools),
        zero=tuple(places[pool.token0.address] for pool in world.pools),
        one=tuple(places[pool.token1.address] for pool in world.pools),
        gas=tuple(50_000 if pair else 80_000 for pair in pairs),
        kinds=tuple(2 if pair else 3 for pair in pairs),
    )
    return market, held, wanted


def only(market: Market, pools: tuple[int, ...]) -> Market:
    rows, zero, one, gas, kinds = (
        tuple(values[pool] for pool in pools)
        for values in (market.rows, market.zero, market.one, market.gas, market.kinds)
    )
    return Market(rows, zero, one, gas, kinds)


def small(seed: int) -> tuple[Market, Floats, Floats]:
    """A market in which gas matters: thousands of dollars, and few pools."""
    world = made_world(random.Random(f"subsets {seed}"), most_pools=6, off=0.0003)
    market, held, wanted = market_of(world)
    return market, held * (5_000 / held.sum()), wanted


def pools_of(plan: Plan) -> set[int]:
    return {pool for hops, _ in plan.swaps for pool, _ in hops}


def planned(market: Market, held: Floats, wanted: Floats, terms: Terms) -> Plan:
    plan = best_plan(market, held, wanted, terms)
    assert plan is not None
    return plan


@pytest.mark.parametrize("seed", range(8))
def test_best_plan__with_gas__is_no_worse_than_over_any_of_its_pools(seed: int) -> None:
    market, held, wanted = small(seed)
    best = planned(market, held, wanted, SIX_DOLLARS)
    count = len(market.rows)
    for size in range(1, count):
        for pools in combinations(range(count), size):
            other = best_plan(only(market, pools), held, wanted, SIX_DOLLARS)
            assert other is None or other.worth <= best.worth + 1e-6
    assert best.worth <= best.bound


@pytest.mark.parametrize("seed", range(16))
def test_best_plan__with_gas__has_no_pool_whose_gain_is_below_its_gas(seed: int) -> None:
    market, held, wanted = small(seed)
    best = planned(market, held, wanted, SIX_DOLLARS)
    for pool in pools_of(best):
        without = only(market, tuple(other for other in range(len(market.rows)) if other != pool))
        other = best_plan(without, held, wanted, SIX_DOLLARS) if without.rows else None
        assert other is None or other.worth <= best.worth + 1e-6


@pytest.mark.parametrize("seed", range(16))
def test_best_plan__dearer_gas__never_is_worth_more(seed: int) -> None:
    market, held, wanted = small(seed)
    worths = [planned(market, held, wanted, replace(FREE, gas_price=price)).worth for price in (0.0, 1e-6, 1e-5, 1e-4)]
    assert worths == sorted(worths, reverse=True)


def test_best_plan__gas_dearer_than_all_that_is_gained__leaves_all_as_it_is_where_that_is_allowed() -> None:
    market, held, wanted = small(3)
    plan = planned(market, held, wanted, replace(FREE, gas_price=1.0, wait=0.01))
    assert plan.swaps == () and plan.waiting > 0


def test_best_plan__waiting_that_costs_nothing_near_fees__waits() -> None:
    market, held, wanted = small(4)
    cheap = planned(market, held, wanted, replace(FREE, wait=1e-5))
    dear = planned(market, held, wanted, replace(FREE, wait=0.2))
    assert cheap.swaps == ()
    assert dear.swaps and dear.waiting < 0.01 * cheap.waiting


@pytest.mark.parametrize("wait", [0.001, 0.02, 0.2])
@pytest.mark.parametrize("seed", range(20))
def test_best_plan__waiting_allowed__is_worth_no_less_than_where_it_is_not(seed: int, wait: float) -> None:
    market, held, wanted = market_of(made_world(random.Random(f"wait {seed}"), off=0.0003))
    now = planned(market, held, wanted, FREE)
    free_to_wait = planned(market, held, wanted, replace(FREE, wait=wait))
    assert free_to_wait.worth >= now.worth - 1e-6 * held.sum()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("most", [1, 2, 4])
def test_best_plan__few_swaps_allowed__keeps_to_them_or_says_what_waits(seed: int, most: int) -> None:
    market, held, wanted = market_of(made_world(random.Random(f"few {seed}"), off=0.0003))
    terms = replace(FREE, most_swaps=most, wait=0.05)
    plan, whole = planned(market, held, wanted, terms), planned(market, held, wanted, replace(FREE, wait=0.05))
    assert len(plan.swaps) <= most
    assert plan.worth <= whole.worth + 1e-6 * whole.worth
    assert plan.waiting >= whole.waiting - 1e-3 * (1 + whole.waiting)


def test_best_plan__one_swap_less_than_tokens__finds_the_smaller_plan() -> None:
    found = 0
    for seed in range(20):
        market, held, wanted = market_of(made_world(random.Random(f"fit {seed}"), off=0.0003))
        free = planned(market, held, wanted, FREE)
        least = int((held > 0).sum()) - 1
        if len(free.swaps) > least:
            fitted = best_plan(market, held, wanted, replace(FREE, most_swaps=least))
            found += fitted is not None
            assert fitted is None or (len(fitted.swaps) <= least and fitted.worth <= free.worth + 1e-6 * free.worth)
    assert found >= 4


def test_best_plan__swaps_smaller_than_allowed__are_left_out() -> None:
    for seed in range(8):
        market, held, wanted = market_of(made_world(random.Random(f"least {seed}"), off=0.0003))
        plan = planned(market, held, wanted, replace(FREE, least_swap=5_000.0, wait=0.01))
        assert all(dollars >= 5_000.0 for _, dollars in plan.swaps)


def test_best_plan__paths_of_one_kind_only__mixes_none() -> None:
    for seed in range(20):
        market, held, wanted = market_of(made_world(random.Random(f"kinds {seed}"), off=0.0003))
        plan = planned(market, held, wanted, replace(FREE, mixed=False, wait=0.05))
        assert all(len({market.kinds[pool] for pool, _ in hops}) == 1 for hops, _ in plan.swaps)


@pytest.mark.parametrize("seed", range(12))
def test_best_plan__pools_further_apart_than_fees__goes_in_no_circle(seed: int) -> None:
    market, held, wanted = market_of(made_world(random.Random(f"circles {seed}"), off=0.03))
    ways = {
        (market.zero[pool], market.one[pool])[:: 1 if sells0 else -1]
        for hops, _ in planned(market, held, wanted, FREE).swaps
        for pool, sells0 in hops
    }
    assert order_of(ways, [1.0] * len(held)) is not None


def test_best_plan__any_search__ends() -> None:
    market, held, wanted = market_of(made_world(random.Random(8), most_pools=10))
    plan = planned(market, held * (2_000 / held.sum()), wanted, replace(FREE, gas_price=1e-5, most_swaps=2, wait=0.01))
    assert plan.solves <= SOLVES + 2


def test_best_plan__no_pools__is_none_or_waits() -> None:
    nothing = Market((), (), (), (), ())
    held, wanted = np.array([10.0, 0.0]), np.array([0.5, 0.5])
    assert best_plan(nothing, held, wanted, FREE) is None
    waits = best_plan(nothing, held, wanted, replace(FREE, wait=0.01))
    assert waits is not None and waits.swaps == () and waits.waiting == pytest.approx(5.0)


def test_best_plan__nothing_to_move__is_none() -> None:
    one = Market((level_row((0.997, 0.997), 1e6),), (0,), (1,), (80_000,), (3,))
    assert best_plan(one, np.array([5.0, 5.0]), np.array([0.5, 0.5]), FREE) is None


@pytest.mark.parametrize(
    ("flows", "order"),
    [
        (set(), [0, 1, 2]),
        ({(2, 1), (1, 0)}, [2, 1, 0]),
        ({(0, 1), (1, 0)}, None),
        ({(0, 1), (1, 2), (2, 0)}, None),
        ({(2, 0)}, [2, 0, 1]),
    ],
)
def test_order_of__flows__leads_forward_or_is_none(flows: set[tuple[int, int]], order: list[int] | None) -> None:
    assert order_of(flows, [1.0, 2.0, 3.0]) == order
