"""Every rule of a batch on both sides of its edge: the good batch passes, and each change trips its own rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_market import (
    ATTACKER,
    BLOCK,
    FEES,
    LIMITS,
    LINK,
    NOW,
    POLICY,
    ROUTER,
    USDC,
    WBTC,
    WETH,
    batch_of,
    planned,
    portfolio_in,
    simulated,
    snapshot_with,
    v3_pool,
    worth,
)

from rebalancer.core.cost import cost_of_changes, cost_of_quotes, gas_price_now, impact_bps_up
from rebalancer.core.floors import floor_of
from rebalancer.core.flows import followed, routed, through
from rebalancer.core.guard import guard_batch
from rebalancer.core.model import Batch, Breach, Limits, Policy, Quote, Snapshot
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Hop, Route, RouteQuote, quote_route
from rebalancer.units import Amount, Bps, Token, Usd

SNAPSHOT = snapshot_with(40_000, 40_000, 15_000, 5_000)
PORTFOLIO = portfolio_in(SNAPSHOT)
BATCH = batch_of(planned(SNAPSHOT), SNAPSHOT)
SIMULATION = simulated(BATCH)
COST = cost_of_changes(
    SIMULATION.changes,
    SNAPSHOT.prices,
    (SIMULATION.gas, gas_price_now(BLOCK, FEES)),
    SNAPSHOT.native,
    cost_of_quotes(BATCH.quotes, SNAPSHOT, FEES),
)
FIRST, SECOND = BATCH.quotes
"""WETH for LINK, and WETH for WBTC."""


def rules(breaches: tuple[Breach, ...]) -> set[str]:
    return {breach.rule for breach in breaches}


def with_limits(limits: Limits) -> Policy:
    return replace(POLICY, limits=limits)


def judged(batch: Batch, policy: Policy = POLICY, snapshot: Snapshot = SNAPSHOT) -> set[str]:
    return rules(guard_batch(policy, portfolio_in(snapshot), snapshot, batch))


def first(**changes: object) -> Batch:
    """The good batch with another first quote."""
    return replace(BATCH, quotes=(replace(FIRST, **changes), SECOND))  # type: ignore[arg-type]


def trading(sell: Amount, buy: Token, quote: Quote = FIRST) -> Quote:
    """A quote that sells something else, right in everything that follows from it; pays the oracle's value."""
    value = SNAPSHOT.price(sell.token).value_down(sell.raw)
    floor = floor_of(sell, SNAPSHOT.price(sell.token), SNAPSHOT.price(buy), LIMITS.max_slippage)
    trade = replace(quote.trade, sell=sell, buy=buy, value=value, floor=floor)
    return replace(quote, trade=trade, expected=SNAPSHOT.price(buy).amount_down(value), route=None)


def test_guard_batch__the_good_batch__passes() -> None:
    assert guard_batch(POLICY, PORTFOLIO, SNAPSHOT, BATCH) == ()


def test_guard_batch__no_swap__is_a_breach() -> None:
    assert judged(replace(BATCH, quotes=())) == {"known_assets"}


def test_guard_batch__a_token_outside_the_portfolio__is_a_breach() -> None:
    strange = Token("SHIB", ATTACKER, 18)
    batch = first(trade=replace(FIRST.trade, buy=strange))
    assert judged(batch) == {"known_assets"}


def test_guard_batch__a_token_for_itself__is_a_breach() -> None:
    assert judged(first(trade=replace(FIRST.trade, buy=WETH))) == {"known_assets"}


def test_guard_batch__a_value_that_is_not_the_oracles__is_a_breach() -> None:
    assert judged(first(trade=replace(FIRST.trade, value=Usd(FIRST.trade.value - 1)))) == {"trade_value"}


def test_guard_batch__a_trade_of_nothing__is_a_breach() -> None:
    nothing = replace(trading(Amount(WETH, 0), LINK), expected=Amount(LINK, 0))
    assert judged(replace(BATCH, quotes=(nothing, SECOND)), with_limits(replace(LIMITS, min_trade=Usd(0)))) == {
        "trade_value"
    }


def test_guard_batch__a_pair_in_two_trades__moves_no_more_than_one_may() -> None:
    half = trading(worth(WETH, 2_000), LINK)
    twice = replace(BATCH, quotes=(half, half))
    assert judged(twice, with_limits(replace(LIMITS, max_trade=Bps(400)))) == set()
    assert judged(twice, with_limits(replace(LIMITS, max_trade=Bps(399)))) == {"max_trade"}


@pytest.mark.parametrize(
    ("sell", "buy", "seen"),
    [
        (worth(WBTC, 1_000), LINK, "sells WBTC, which is 5 points under its target"),
        (worth(USDC, 1_000), LINK, "sells USDC, which is 0 points under its target"),
        (worth(WETH, 1_000), USDC, "buys USDC, which is 0 points under its target"),
    ],
)
def test_guard_batch__a_token_on_the_wrong_side__is_a_breach(sell: Amount, buy: Token, seen: str) -> None:
    breaches = guard_batch(POLICY, PORTFOLIO, SNAPSHOT, replace(BATCH, quotes=(trading(sell, buy),)))
    assert rules(breaches) == {"direction"}
    assert any(seen in breach.observed for breach in breaches)


@pytest.mark.parametrize(("token", "times"), [(LINK, 1), (WETH, 2), (USDC, 0)])
def test_guard_batch__a_token_that_waits__is_moved_by_no_trade(token: Token, times: int) -> None:
    patient = replace(POLICY, waits=frozenset({token.address}))
    found = [b for b in guard_batch(patient, PORTFOLIO, SNAPSHOT, BATCH) if "waits (patience)" in b.observed]
    assert [breach.rule for breach in found] == ["direction"] * times


@pytest.mark.parametrize(("dollars", "breached"), [(5_100, False), ("5100.01", True)])
def test_guard_batch__a_trade_past_the_target__has_five_bps_and_one_smallest_trade(
    dollars: int, breached: bool
) -> None:
    # 5 bps of 100,000 and the smallest trade of 50 are 100 dollars past LINK's 5,000.
    batch = replace(BATCH, quotes=(trading(worth(WETH, dollars), LINK),))
    assert judged(batch) == ({"direction"} if breached else set())


def test_guard_batch__two_trades_past_the_target_together__are_a_breach() -> None:
    policy = with_limits(replace(LIMITS, min_trade=Usd(0)))
    snapshot = snapshot_with(36_000, 44_000, 15_000, 5_000)
    quotes = (trading(worth(WETH, 5_000), LINK), trading(worth(WETH, 3_000), WBTC))
    breaches = guard_batch(policy, portfolio_in(snapshot), snapshot, replace(BATCH, quotes=quotes))
    assert rules(breaches) == {"direction"}
    assert [b.observed.split(" past")[0] for b in breaches] == ["WETH for WBTC (uniswap) sells WETH"]


@pytest.mark.parametrize(("dollars", "breached"), [(50, False), ("49.99", True)])
def test_guard_batch__the_smallest_trade__is_judged_at_its_edge(dollars: str | int, breached: bool) -> None:
    batch = replace(BATCH, quotes=(trading(worth(WETH, dollars), LINK),))
    assert judged(batch) == ({"min_trade"} if breached else set())


@pytest.mark.parametrize(("dollars", "breached"), [(4_000, False), ("4000.01", True)])
def test_guard_batch__the_largest_trade__is_judged_at_its_edge(dollars: str | int, breached: bool) -> None:
    policy = with_limits(replace(LIMITS, max_trade=Bps(400)))
    batch = replace(BATCH, quotes=(trading(worth(WETH, dollars), LINK),))
    assert judged(batch, policy) == ({"max_trade"} if breached else set())


def test_guard_batch__the_impact__is_judged_at_its_edge() -> None:
    impact = max(impact_bps_up(q.route, q.trade.sell.raw, q.expected.raw) for q in BATCH.quotes)
    assert impact > 0
    assert judged(BATCH, with_limits(replace(LIMITS, max_impact=impact))) == set()
    assert judged(BATCH, with_limits(replace(LIMITS, max_impact=Bps(impact - 1)))) == {"max_impact"}


THIN = v3_pool(LINK, WETH, 3_000, 600_000)


def _through_one_pool(*dollars: int) -> tuple[Batch, Snapshot]:
    """WETH for LINK in so many routes through one pool, each priced on it as the one before has left it."""
    snapshot = replace(SNAPSHOT, pools=(THIN,))
    quotes: list[Quote] = []
    pool: Pool = THIN
    for part in dollars:
        quote = trading(worth(WETH, part), LINK)
        found = quote_route(Route((Hop(pool, WETH, LINK),)), quote.trade.sell.raw)
        assert isinstance(found, RouteQuote)
        quotes.append(replace(quote, expected=Amount(LINK, found.amount_out), route=found.route))
        (pool,) = found.pools_after
    return replace(BATCH, quotes=tuple(quotes)), snapshot


def test_guard_batch__two_routes_through_one_pool__answer_for_each_other() -> None:
    batch, snapshot = _through_one_pool(1_000, 1_000)
    # Each loses 17 bps to its own size, on the pool as it finds it; both together 34 of its mid price before.
    assert all(impact_bps_up(q.route, q.trade.sell.raw, q.expected.raw) == 17 for q in batch.quotes)
    breaches = guard_batch(with_limits(replace(LIMITS, max_impact=Bps(20))), PORTFOLIO, snapshot, batch)
    assert rules(breaches) == {"max_pool_impact"}
    assert THIN.address in breaches[0].observed and "2 swaps of 1 WETH" in breaches[0].observed
    assert judged(batch, with_limits(replace(LIMITS, max_impact=Bps(34))), snapshot) == set()


def test_guard_batch__a_route_whose_pools_are_deeper_than_those_that_were_read__is_not_believed() -> None:
    batch, snapshot = _through_one_pool(5_000)
    deep = v3_pool(LINK, WETH, 3_000, 600_000_000)
    claimed = quote_route(Route((Hop(deep, WETH, LINK),)), batch.quotes[0].trade.sell.raw)
    assert isinstance(claimed, RouteQuote) and deep.address == THIN.address
    lie = replace(batch.quotes[0], route=claimed.route, expected=Amount(LINK, claimed.amount_out))
    assert judged(replace(batch, quotes=(lie,)), POLICY, snapshot) == {"max_pool_impact"}


def test_guard_batch__a_route_over_a_pool_that_was_not_read__is_a_breach() -> None:
    breaches = guard_batch(POLICY, PORTFOLIO, replace(SNAPSHOT, pools=()), BATCH)
    assert rules(breaches) == {"max_pool_impact"}
    assert "was not read" in breaches[0].observed


def test_guard_batch__more_than_a_pool_takes__is_a_breach() -> None:
    batch, snapshot = _through_one_pool(2_500)
    empty = replace(THIN, liquidity=0, ticks=())
    breaches = guard_batch(POLICY, PORTFOLIO, replace(snapshot, pools=(empty,)), batch)
    assert rules(breaches) == {"max_pool_impact"}
    assert "does not take" in breaches[0].observed


@given(st.lists(st.integers(60, 3_000), min_size=1, max_size=5))
def test_guard_batch__however_a_trade_is_cut_up__its_pool_loses_the_same_to_it(parts: list[int]) -> None:
    whole, snapshot = _through_one_pool(sum(parts))
    cut, _ = _through_one_pool(*parts)
    losses = [through(followed(routed(batch.quotes), snapshot.pools).swaps) for batch in (whole, cut)]
    assert losses[0] is not None and losses[1] is not None
    # The fee of each part stays out of the price: what is left is a unit of rounding for each.
    assert abs(losses[0][0].lost - losses[1][0].lost) <= 2 * len(parts)


def test_guard_batch__a_floor_a_unit_too_low__is_a_breach() -> None:
    trade = FIRST.trade
    lower = replace(trade, floor=Amount(LINK, trade.floor.raw - 1))
    assert judged(first(trade=lower)) == {"max_slippage"}


def test_guard_batch__a_floor_in_another_token__is_a_breach() -> None:
    assert "max_slippage" in judged(first(trade=replace(FIRST.trade, floor=Amount(WBTC, 10**30))))


def test_guard_batch__expecting_exactly_the_floor__passes_and_a_unit_less_is_a_breach() -> None:
    floor = FIRST.trade.floor
    wide = with_limits(replace(LIMITS, max_impact=Bps(10_000)))
    assert judged(first(expected=floor), wide) == set()
    assert judged(first(expected=Amount(LINK, floor.raw - 1)), wide) == {"expected_reaches_floor"}


def test_guard_batch__expecting_another_token__is_a_breach() -> None:
    assert "expected_reaches_floor" in judged(first(expected=Amount(WBTC, 10**30)))


def test_guard_batch__selling_a_unit_more_than_there_is__is_a_breach() -> None:
    held = SNAPSHOT.balance(WETH).raw
    for raw, expected in ((held, {"direction"}), (held + 1, {"direction", "sold_within_balance"})):
        batch = replace(BATCH, quotes=(trading(Amount(WETH, raw), LINK),))
        assert judged(batch) == expected


@pytest.mark.parametrize(("left", "breached"), [(600, False), (1, False), (601, True), (0, True), (-1, True)])
def test_guard_batch__the_deadline__is_in_the_future_and_not_too_far(left: int, breached: bool) -> None:
    assert judged(replace(BATCH, deadline=NOW + left)) == ({"deadline"} if breached else set())


def test_guard_batch__a_spender_that_nobody_knows__is_a_breach() -> None:
    breaches = guard_batch(POLICY, PORTFOLIO, SNAPSHOT, first(spender=ATTACKER))
    assert rules(breaches) == {"known_spender"}
    assert ATTACKER in breaches[0].observed and ROUTER in breaches[0].allowed


def test_guard_batch__a_spender_whose_allowance_of_this_token_was_not_read__is_a_breach() -> None:
    others = tuple(a for a in SNAPSHOT.allowances if a.amount.token != WETH)
    assert judged(BATCH, POLICY, replace(SNAPSHOT, allowances=others)) == {"known_spender"}


def test_guard_batch__much_wrong_at_once__reports_all_of_it() -> None:
    batch = replace(first(spender=ATTACKER, expected=Amount(LINK, 1)), deadline=0)
    assert judged(batch) >= {"known_spender", "expected_reaches_floor", "deadline", "max_impact"}
