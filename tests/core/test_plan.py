"""The plan: what the trades are sized to, how they are paired, and which ticks they need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import (
    FEES,
    LIMITS,
    LINK,
    OVER_IN_WETH,
    POLICY,
    POOLS,
    USDC,
    WBTC,
    WETH,
    after,
    batch_of,
    off_pool,
    planned,
    portfolio_in,
    quote_of,
    result_of,
    simulated,
    snapshot_with,
    usd,
    v3_pool,
)

from rebalancer.core.floors import floor_of
from rebalancer.core.plan import make_plan
from rebalancer.market.routing import MoreTicks
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import ONE, Bps, Token, Usd

DRIFTED = snapshot_with(40_000, 40_000, 15_000, 5_000)


# ---------------------------------------------------------------- how much


@pytest.mark.parametrize(
    "dollars",
    [
        (40_000, 40_000, 15_000, 5_000),
        (0, 100_000, 0, 0),
        (100_000, 0, 0, 0),
        (25_000, 25_000, 25_000, 25_000),
        (400_000, 400_000, 150_000, 50_000),
        (0, 500_000, 0, 0),
    ],
)
def test_make_plan__ordinary_sizes__leave_less_than_5_bps_of_drift_after_all_costs(dollars: tuple[int, ...]) -> None:
    portfolio = result_of(snapshot_with(*dollars))
    assert max(abs(p.drift) for p in portfolio.positions) < 5 * ONE // 10_000


def test_make_plan__costs_on_every_asset__are_shared_so_that_weights_hit_to_a_hundredth_of_a_bp() -> None:
    portfolio = result_of(snapshot_with(100_000, 0, 0, 0))
    assert max(abs(p.drift) for p in portfolio.positions) < ONE // 10**6


def test_make_plan__a_drifted_portfolio__pairs_over_with_under_and_leaves_the_rest() -> None:
    plan = planned(DRIFTED)
    assert [(t.sell.token, t.buy) for t in plan.trades] == [(WETH, LINK), (WETH, WBTC)]
    assert plan.value == sum(t.value for t in plan.trades)
    assert plan.left_out == ()


def test_make_plan__each_trade__has_its_oracle_value_and_the_oracles_floor_where_pools_pay_less() -> None:
    for trade in planned(DRIFTED).trades:
        sold, bought = DRIFTED.price(trade.sell.token), DRIFTED.price(trade.buy)
        assert trade.value == trade.sell.raw * sold.usd // 10**sold.token.decimals
        assert trade.floor == floor_of(trade.sell, sold, bought, LIMITS.max_slippage)


def test_make_plan__asked_twice__answers_the_same() -> None:
    assert planned(DRIFTED) == planned(DRIFTED)


def test_make_plan__no_cash__plans_all_the_same() -> None:
    portfolio = result_of(DRIFTED, replace(POLICY, cash=None))
    assert max(abs(p.drift) for p in portfolio.positions) < 5 * ONE // 10_000


def test_make_plan__gains_against_the_oracle__are_sized_too() -> None:
    # The pool pays 0.5 % more for WETH than the oracle says.
    snapshot = replace(OVER_IN_WETH, pools=(off_pool(50),))
    portfolio = result_of(snapshot)
    assert portfolio.value > usd(100_000)
    assert max(abs(p.drift) for p in portfolio.positions) < 5 * ONE // 10_000


# ---------------------------------------------------------------- ticks


FREE = replace(POLICY, limits=replace(LIMITS, max_impact=Bps(300), max_slippage=Bps(600), max_cost=Bps(600)))
"""Its trades may walk far."""


def known_only(pool: V3Pool, words: int) -> V3Pool:
    """The same pool, read only so many words to either side of its price."""
    here = pool.tick // pool.tick_spacing >> 8
    ticks = tuple(t for t in pool.ticks if here - words <= t[0] // pool.tick_spacing >> 8 <= here + words)
    return replace(pool, ticks=ticks, word_low=here - words, word_high=here + words)


def v3(a: Token, b: Token, fee: int, depth: int) -> V3Pool:
    pool = v3_pool(a, b, fee, depth)
    assert isinstance(pool, V3Pool)
    return pool


def test_make_plan__ticks_missing_for_two_pairs__asks_for_both_at_once() -> None:
    # A trade may move the price by 6 %, and a word of these pools spans 2.6 %.
    pools = (known_only(v3(WBTC, WETH, 100, 200_000), 0), known_only(v3(LINK, WETH, 100, 200_000), 0))
    snapshot = replace(DRIFTED, pools=pools)
    answer = make_plan(FREE, portfolio_in(snapshot), snapshot, FEES)
    assert isinstance(answer, MoreTicks)
    assert {need.pool_address for need in answer.needs} == {pool.address for pool in pools}


def test_make_plan__two_pairs_through_one_pool__asks_for_one_range_of_it() -> None:
    pools = (known_only(v3(USDC, WETH, 100, 600_000), 0), POOLS[2], POOLS[3])
    snapshot = replace(snapshot_with(30_000, 70_000, 0, 0), pools=pools)
    answer = make_plan(FREE, portfolio_in(snapshot), snapshot, FEES)
    assert isinstance(answer, MoreTicks)
    assert [need.pool_address for need in answer.needs] == [pools[0].address]


# ---------------------------------------------------------------- the next trade's pools


def test_make_plan__the_second_trade_through_a_pool__is_priced_after_the_first() -> None:
    snapshot = replace(snapshot_with(0, 100_000, 0, 0), pools=(v3(USDC, WETH, 500, 20_000_000), *POOLS[2:4]))
    batch = batch_of(planned(snapshot), snapshot)
    alone = quote_of(batch.quotes[1].trade, snapshot)
    assert batch.quotes[1].expected.raw < alone.expected.raw
    assert WBTC in [quote.trade.buy for quote in batch.quotes]
    portfolio = portfolio_in(after(snapshot, simulated(batch)))
    assert max(abs(p.drift) for p in portfolio.positions) < ONE // 10**6
    assert portfolio.value < Usd(usd(100_000))
