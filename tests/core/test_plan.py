"""The plan: what the trades are sized to, their floors, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import (
    FEES,
    LIMITS,
    LINK,
    POLICY,
    POOLS,
    USDC,
    WBTC,
    WETH,
    after,
    batch_of,
    planned,
    portfolio_in,
    quote_of,
    share,
    simulated,
    snapshot_with,
    usd,
    v3_pool,
    worth,
)

from rebalancer.core.cost import gas_price_in, gas_price_now
from rebalancer.core.model import Hold, Policy, Portfolio, Snapshot, Target
from rebalancer.core.plan import floor_of, make_plan, snapshot_after
from rebalancer.market.routing import MoreTicks, best_route
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import ONE, Amount, Bps, Price, Token, Usd

DRIFTED = snapshot_with(40_000, 40_000, 15_000, 5_000)


def with_max_trade(bps: int) -> Policy:
    return replace(POLICY, limits=replace(LIMITS, max_trade=Bps(bps)))


def hold_of(snapshot: Snapshot, policy: Policy = POLICY) -> str:
    answer = make_plan(policy, portfolio_in(snapshot), snapshot, FEES)
    assert isinstance(answer, Hold), answer
    return answer.reason


def result_of(snapshot: Snapshot, policy: Policy = POLICY) -> Portfolio:
    """The portfolio after the plan's trades, each on the pools as the ones before leave them."""
    batch = batch_of(planned(snapshot, policy), snapshot, policy)
    return portfolio_in(after(snapshot, simulated(batch)))


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


def test_make_plan__each_trade__has_its_oracle_value_and_its_floor() -> None:
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
    snapshot = replace(snapshot_with(60_000, 10_000, 20_000, 10_000), pools=(off_pool(50),))
    portfolio = result_of(snapshot)
    assert portfolio.value > usd(100_000)
    assert max(abs(p.drift) for p in portfolio.positions) < 5 * ONE // 10_000


def off_pool(bps: int) -> V3Pool:
    """The deep USDC/WETH pool with WETH dearer than the oracle's by `bps`. USDC is its token0."""
    return v3_pool(USDC, WETH, 500, 200_000_000, -bps)


# ---------------------------------------------------------------- floors


def test_floor_of__a_value_between_two_units__is_rounded_up() -> None:
    sell = Amount(WETH, 1)
    sold, bought = Price(WETH, usd(2_000), 0), Price(USDC, usd(1), 0)
    assert floor_of(sell, sold, bought, Bps(100)) == Amount(USDC, 1)


def test_floor_of__a_round_trade__is_its_value_less_the_slippage() -> None:
    sell = Amount(WETH, 10**18)
    sold, bought = Price(WETH, usd(2_000), 0), Price(USDC, usd(1), 0)
    assert floor_of(sell, sold, bought, Bps(100)) == Amount(USDC, 1_980_000_000)


def test_floor_of__a_value_between_two_dollars_units__counts_the_upper_one() -> None:
    sold, bought = Price(WETH, Usd(ONE + 1), 0), Price(LINK, Usd(ONE), 0)
    assert floor_of(Amount(WETH, 1), sold, bought, Bps(0)) == Amount(LINK, 2)


# ---------------------------------------------------------------- limits, and what is left out


def test_make_plan__all_at_target__holds() -> None:
    assert hold_of(snapshot_with(30_000, 40_000, 20_000, 10_000)) == "every weight is where a rebalance would leave it"


def test_make_plan__everything_below_the_smallest_trade__holds_with_the_largest() -> None:
    reason = hold_of(snapshot_with(30_049, 39_966, 20_000, 9_985))
    assert "the most is 49.00 USD of WETH" in reason and "min_trade of 50.00 USD" in reason


def test_make_plan__an_empty_wallet__holds() -> None:
    assert "nothing of value" in hold_of(snapshot_with(0, 0, 0, 0))


def test_make_plan__a_largest_trade_below_the_smallest__holds_and_says_so() -> None:
    reason = hold_of(DRIFTED, with_max_trade(4))
    assert "max_trade allows 40.00 USD" in reason and "min_trade asks for 50.00 USD" in reason


def test_make_plan__max_trade__cuts_every_trade() -> None:
    plan = planned(DRIFTED, with_max_trade(300))
    assert [t.value for t in plan.trades] == [usd(3_000), usd(3_000)]


def test_make_plan__pools_too_thin_for_one_pair__leaves_it_out_with_the_reason() -> None:
    thin = (*POOLS[:3], v3_pool(LINK, WETH, 3_000, 100_000))
    plan = planned(replace(DRIFTED, pools=thin))
    assert [(t.sell.token, t.buy) for t in plan.trades] == [(WETH, WBTC)]
    assert len(plan.left_out) == 1
    assert "WETH for LINK would bring" in plan.left_out[0] and "its floor is" in plan.left_out[0]


def test_make_plan__own_size_moves_the_price_too_far__leaves_the_pair_out_with_the_reason() -> None:
    thin = (*POOLS[:3], v3_pool(LINK, WETH, 500, 1_000_000))
    plan = planned(
        replace(DRIFTED, pools=thin), replace(POLICY, limits=replace(LIMITS, max_impact=Bps(10), max_slippage=Bps(500)))
    )
    assert [(t.sell.token, t.buy) for t in plan.trades] == [(WETH, WBTC)]
    assert len(plan.left_out) == 1 and "to its own size (max_impact of 10 bps)" in plan.left_out[0]


def test_make_plan__pools_too_thin_for_all__holds_with_the_reasons() -> None:
    thin = (v3_pool(WBTC, WETH, 500, 100_000), v3_pool(LINK, WETH, 3_000, 100_000))
    reason = hold_of(replace(DRIFTED, pools=thin))
    assert reason.startswith("no trade can be made: ")
    assert "WETH for LINK" in reason and "WETH for WBTC" in reason


def test_make_plan__no_pool_for_a_token__holds_with_the_pair() -> None:
    reason = hold_of(replace(snapshot_with(40_000, 40_000, 20_000, 0), pools=POOLS[:3]))
    assert "WETH for LINK: no pool" in reason


def test_make_plan__a_pair_without_pools__is_paired_otherwise() -> None:
    # Only USDC trades with WBTC, and only WETH with LINK: the largest cannot meet the largest.
    pools = (v3_pool(WBTC, USDC, 3_000, 50_000_000), v3_pool(LINK, WETH, 3_000, 50_000_000))
    plan = planned(replace(snapshot_with(37_000, 45_000, 15_000, 3_000), pools=pools))
    assert [(t.sell.token, t.buy) for t in plan.trades] == [(WETH, LINK), (USDC, WBTC)]


def test_make_plan__pools_off_the_oracle_against_us__are_refused_by_the_floor() -> None:
    assert "off the oracle" in hold_of(replace(snapshot_with(60_000, 10_000, 20_000, 10_000), pools=(off_pool(-150),)))


def test_make_plan__exit__sells_the_balance_to_the_last_unit() -> None:
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    plan = planned(snapshot_with(33_333, 33_333, 23_334, 10_000), targets=targets)
    held = snapshot_with(33_333, 33_333, 23_334, 10_000).balance(LINK).raw
    assert sum(t.sell.raw for t in plan.trades if t.sell.token == LINK) == held


# ---------------------------------------------------------------- ticks


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
    pools = (known_only(v3(WBTC, WETH, 500, 5_000), 0), known_only(v3(LINK, WETH, 3_000, 5_000), 0))
    snapshot = replace(DRIFTED, pools=pools)
    answer = make_plan(POLICY, portfolio_in(snapshot), snapshot, FEES)
    assert isinstance(answer, MoreTicks)
    assert {need.pool_address for need in answer.needs} == {pool.address for pool in pools}


def test_make_plan__two_pairs_through_one_pool__asks_for_one_range_of_it() -> None:
    pools = (known_only(v3(USDC, WETH, 500, 20_000), 0), POOLS[2], POOLS[3])
    snapshot = replace(snapshot_with(30_000, 70_000, 0, 0), pools=pools)
    answer = make_plan(POLICY, portfolio_in(snapshot), snapshot, FEES)
    assert isinstance(answer, MoreTicks)
    assert [need.pool_address for need in answer.needs] == [pools[0].address]
    gas = gas_price_in(snapshot.price(WETH), snapshot.native, gas_price_now(snapshot.block, FEES))
    alone = [best_route(pools, worth(USDC, part), WETH, (), gas) for part in (20_000, 10_000)]
    needs = [found.needs[0] for found in alone if isinstance(found, MoreTicks)]
    assert answer.needs[0].word_low == min(need.word_low for need in needs)
    assert answer.needs[0].word_high == max(need.word_high for need in needs)
    assert len({(need.word_low, need.word_high) for need in needs}) > 1, "else there is nothing to join"


# ---------------------------------------------------------------- the next trade's pools


def test_snapshot_after__a_quote__has_its_pools_moved_and_nothing_else() -> None:
    quote = quote_of(planned(DRIFTED).trades[0], DRIFTED)
    moved = snapshot_after(DRIFTED, quote)
    assert quote.route is not None
    touched = {hop.pool.address for hop in quote.route.hops}
    changed = {a.address for a, b in zip(DRIFTED.pools, moved.pools, strict=True) if a != b}
    assert changed == touched
    assert replace(moved, pools=DRIFTED.pools) == DRIFTED


def test_snapshot_after__a_quote_without_a_route__is_the_same() -> None:
    quote = replace(quote_of(planned(DRIFTED).trades[0], DRIFTED), route=None)
    assert snapshot_after(DRIFTED, quote) is DRIFTED


def test_make_plan__the_second_trade_through_a_pool__is_priced_after_the_first() -> None:
    snapshot = replace(snapshot_with(0, 100_000, 0, 0), pools=(v3(USDC, WETH, 500, 20_000_000), *POOLS[2:4]))
    batch = batch_of(planned(snapshot), snapshot)
    alone = quote_of(batch.quotes[1].trade, snapshot)
    assert batch.quotes[1].expected.raw < alone.expected.raw
    assert WBTC in [quote.trade.buy for quote in batch.quotes]
    portfolio = portfolio_in(after(snapshot, simulated(batch)))
    assert max(abs(p.drift) for p in portfolio.positions) < ONE // 10**6
    assert portfolio.value < Usd(usd(100_000))
