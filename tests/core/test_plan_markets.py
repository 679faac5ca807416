"""The plan in markets that are hard to search: many pools, deep and narrow ones, limits that leave a part."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from small_market import (
    BLOCK,
    FEES,
    GWEI,
    LIMITS,
    LINK,
    POLICY,
    USDC,
    WBTC,
    WETH,
    planned,
    portfolio_in,
    price_of,
    share,
    snapshot_with,
    usd,
    v2_pool,
    v3_pool,
    worth,
)

from rebalancer.core.cost import gas_price_in, gas_price_now
from rebalancer.core.model import Calendar, Plan, Snapshot, Target
from rebalancer.core.plan import make_plan
from rebalancer.core.plan_limits import beyond_limits
from rebalancer.core.room import Room
from rebalancer.market.joint import Freedom, Holding, JointRoutes, joint_routes
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Hop, Route, RouteQuote, best_route, quote_route
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Bps, Usd, Wei

ALWAYS = replace(POLICY, trigger=Calendar(1), limits=replace(LIMITS, max_trade=Bps(10_000)))
STEPS = (v3_pool(USDC, WETH, 500, 12_000_000), v3_pool(USDC, WETH, 3_000, 20_000_000))
"""The cheap pool, and one that is dearer and deeper."""
HALVES = tuple(Target(token, share(part)) for token, part in ((WETH, 20), (USDC, 80), (WBTC, 0), (LINK, 0)))


def deep_and_narrow(dollars: int) -> V3Pool:
    """Most of its depth within three ticks, as stable pools have it."""
    pool = v3_pool(WBTC, LINK, 100, 1_000_000)
    heap = pool.liquidity * dollars // 1_000_000 * 13_000
    ticks = sorted((*pool.ticks, (pool.tick - 1, heap), (pool.tick + 2, -heap)))
    return replace(pool, liquidity=pool.liquidity + heap, ticks=tuple(ticks))


@pytest.mark.parametrize("depth", [5_000_000, 50_000_000, 400_000_000])
@pytest.mark.parametrize("size", [1_000, 20_000])
def test_make_plan__a_deep_narrow_pool_among_the_others__is_found_all_the_same(size: int, depth: int) -> None:
    pools = (v3_pool(USDC, WETH, 500, 200_000_000), deep_and_narrow(depth), v3_pool(WBTC, WETH, 500, 100_000_000))
    held = [size * part // 100 for part in (30, 40, 24, 6)]
    cheap = replace(BLOCK, base_fee=Wei(GWEI // 2))
    policy = replace(ALWAYS, limits=replace(ALWAYS.limits, min_trade=usd(15), tip=Wei(GWEI // 10)))
    snapshot = replace(snapshot_with(*held, pools=pools), block=cheap)
    plan = planned(snapshot, policy)
    assert {(trade.sell.token, trade.buy) for trade in plan.trades} == {(WBTC, LINK)} and plan.left_out == ()


def dense(draw: random.Random) -> tuple[Pool, ...]:
    """Up to thirty pools, each up to 20 bps off the oracle."""
    pools: list[Pool] = []
    for a, b in ((USDC, WETH), (LINK, WETH), (WBTC, WETH), (USDC, WBTC), (USDC, LINK), (LINK, WBTC)):
        for fee in (100, 500, 3_000, 10_000):
            if draw.random() < 0.8:
                pools.append(v3_pool(a, b, fee, int(10 ** draw.uniform(5.5, 8.5)), draw.randint(-20, 20)))
        if draw.random() < 0.8:
            pools.append(v2_pool(a, b, int(10 ** draw.uniform(5.5, 8.5))))
    return tuple(pools)


def net(snapshot: Snapshot, routes: tuple[RouteQuote, ...]) -> int:
    """Dollars that routes bring beyond what they sell, gas paid."""
    brought = sum(snapshot.price(r.route.hops[-1].token_out).value_down(r.amount_out) for r in routes)
    sold = sum(snapshot.price(r.route.hops[0].token_in).value_up(r.amount_in) for r in routes)
    unit = gas_price_now(snapshot.block, FEES)
    return brought - sold - snapshot.native.value_up(sum(r.gas for r in routes) * unit)


@pytest.mark.parametrize("seed", [7_002, 7_044, 7_061, 7_072, 7_078, *range(8)])
def test_make_plan__many_pools_off_the_oracle__is_no_worse_than_the_best_single_path(seed: int) -> None:
    draw = random.Random(seed)
    pools, move = dense(draw), int(10 ** draw.uniform(2.5, 4.5))
    seller, buyer = draw.sample(range(4), 2)
    held = [10 * move] * 4
    held[seller], held[buyer] = held[seller] + move, held[buyer] - move
    targets_of = tuple(Target(t, share(25)) for t in (WETH, USDC, WBTC, LINK))
    snapshot = snapshot_with(*held, pools=pools)
    plan = make_plan(ALWAYS, portfolio_in(snapshot, targets_of), snapshot, FEES)
    tokens = (WETH, USDC, WBTC, LINK)
    sell, buy = worth(tokens[seller], move), tokens[buyer]
    unit = gas_price_now(snapshot.block, FEES)
    gas_price = gas_price_in(snapshot.price(buy), snapshot.native, unit)
    single = best_route(pools, sell, buy, tokens, gas_price)
    assert isinstance(single, RouteQuote)
    waits = -usd(move) * ALWAYS.limits.max_cost // 10_000
    made = plan.routes if isinstance(plan, Plan) else ()
    waiting = usd(move) - sum(trade.value for trade in plan.trades) if isinstance(plan, Plan) else usd(move)
    value = net(snapshot, made) - max(waiting, 0) * ALWAYS.limits.max_cost // 10_000
    # Costs make every goal a little smaller, so that a plan moves a little less: a basis point of what moves.
    assert value >= max(net(snapshot, (single,)), waits) - usd(move) // 10_000


def test_make_plan__with_little_room__goes_where_so_little_is_cheapest() -> None:
    snapshot = snapshot_with(120_000, 80_000, 0, 0, pools=STEPS)
    portfolio = portfolio_in(snapshot, HALVES)
    whole = make_plan(ALWAYS, portfolio, snapshot, FEES)
    part = make_plan(ALWAYS, portfolio, snapshot, FEES, Room(usd(5_000), "there is little room"))
    assert isinstance(whole, Plan) and len(whole.trades) == 2, "all of it is worth both pools"
    assert isinstance(part, Plan) and usd(4_900) < part.value <= usd(5_000)
    assert [quote.route.hops[0].pool for quote in part.routes] == [STEPS[0]]
    # 5 bps of fee, and 4 of its own size.
    assert net(snapshot, part.routes) > -usd(5_000) * 10 // 10_000 - usd(3)


def test_joint_routes__paths_of_one_kind_over_a_hub_of_both__uses_both_and_mixes_none() -> None:
    pools = (
        v3_pool(USDC, WETH, 500, 200_000_000),
        v2_pool(USDC, WETH, 20_000_000),
        v2_pool(LINK, WETH, 20_000_000),
        v3_pool(LINK, WETH, 3_000, 8_000_000),
    )
    holdings = [
        Holding(worth(LINK, 150_000), price_of(LINK), share(67)),
        Holding(worth(USDC, 0), price_of(USDC), share(33)),
    ]
    freedom = Freedom((price_of(WETH),), Usd(0), 8, 3, False, usd(50), None, None)
    found = joint_routes(pools, holdings, freedom)
    assert isinstance(found, JointRoutes)
    kinds = [{type(hop.pool) for hop in quote.route.hops} for quote in found.routes]
    assert {V2Pool} in kinds and {V3Pool} in kinds and all(len(kind) == 1 for kind in kinds)
    sold = sum(quote.amount_in for quote in found.routes)
    assert sold > worth(LINK, 49_000).raw, "nothing is left where flows of two kinds would have met"


@pytest.mark.parametrize("slippage", [40, 60, 100])
def test_beyond_limits__below_its_floor__is_cut_to_what_nearly_reaches_it(slippage: int) -> None:
    pool = v3_pool(USDC, WETH, 3_000, 2_000_000)
    limits = replace(LIMITS, max_slippage=Bps(slippage), max_impact=Bps(10_000))
    sell, buy = portfolio_in(snapshot_with(90_000, 10_000, 0, 0)).positions[:2]

    def quoted(dollars: Usd) -> RouteQuote:
        found = quote_route(Route((Hop(pool, WETH, USDC),)), sell.price.amount_down(dollars).raw)
        assert isinstance(found, RouteQuote)
        return found

    cut = beyond_limits(limits, sell, buy, quoted(usd(80_000)))
    assert cut is not None
    assert beyond_limits(limits, sell, buy, quoted(Usd(cut[0] * 9 // 10))) is None
    assert beyond_limits(limits, sell, buy, quoted(Usd(cut[0] * 11 // 10))) is not None
