"""A batch for people: what is sold for what, through which pools, the routes of one pair together."""

from __future__ import annotations

from dataclasses import replace

from small_market import LINK, USDC, WBTC, WETH, batch_of, made_on, planned, snapshot_with, v2_pool, v3_pool, worth

from rebalancer.core import render
from rebalancer.core.model import Quote, Trade
from rebalancer.core.route_words import QUOTE_HEAD, pool_words, quote_rows, way
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Hop, Route, RouteQuote, quote_route
from rebalancer.units import Amount, Token, Usd

SNAPSHOT = snapshot_with(40_000, 40_000, 15_000, 5_000)
BATCH = batch_of(planned(SNAPSHOT), SNAPSHOT)


def quote_over(dollars: int, *hops: tuple[Pool, Token, Token]) -> Quote:
    sell, buy = worth(hops[0][1], dollars), hops[-1][2]
    found = quote_route(Route(tuple(Hop(*hop) for hop in hops)), sell.raw)
    assert isinstance(found, RouteQuote)
    return made_on(Trade(sell, buy, Usd(dollars * 10**18), Amount(buy, found.amount_out // 2)), found)


SMALL = quote_over(1_000, (v3_pool(USDC, WETH, 500, 10**8), WETH, USDC))
LARGE = quote_over(3_000, (v2_pool(USDC, WETH, 10**8), WETH, USDC))
LONG = quote_over(2_000, (v3_pool(WBTC, WETH, 3_000, 10**8), WBTC, WETH), (v2_pool(LINK, WETH, 10**8), WETH, LINK))


def test_quote_rows__of_single_routes__are_one_for_each_and_fill_the_head() -> None:
    rows = quote_rows(BATCH.quotes)
    assert len(rows) == len(BATCH.quotes)
    assert {len(row) for row in rows} == {len(QUOTE_HEAD)}
    for row, quote in zip(rows, BATCH.quotes, strict=True):
        assert row[0] == render.amount(quote.trade.sell) and row[1] == render.amount(quote.expected)
        assert f"{row[2]} {quote.trade.buy}" == render.amount(quote.trade.floor)


def test_quote_rows__of_parallel_routes__stand_together_under_their_sum() -> None:
    rows = quote_rows((SMALL, LONG, LARGE))
    assert [row[4] for row in rows] == ["2 routes", "  V3 0.05 %", "  V2 0.3 %", "V3 0.3 %, WETH, V2 0.3 %"]
    assert [row[0] for row in rows] == ["2 WETH", "0.5 WETH", "1.5 WETH", "0.05 WBTC"]
    assert rows[0][1] == render.amount(SMALL.expected + LARGE.expected) and rows[0][3] == "4,000.00"
    assert f"{rows[0][2]} USDC" == render.amount(SMALL.trade.floor + LARGE.trade.floor)


def test_way__of_a_venue_that_does_not_say__is_the_venue() -> None:
    assert way(replace(SMALL, route=None)) == SMALL.venue


def test_pool_words__of_each_kind__name_it_and_its_fee() -> None:
    assert pool_words(v3_pool(USDC, WETH, 100, 10**6)) == "V3 0.01 %"
    assert pool_words(v3_pool(USDC, WETH, 10_000, 10**6)) == "V3 1 %"
