"""One sale by itself: all of it is sold, over all pools that pay, whatever it costs; and its floors are a plan's."""

from __future__ import annotations

from small_market import FEES, LINK, POLICY, USDC, WETH, snapshot_with, usd, v3_pool

from rebalancer.core.cost import gas_price_in, gas_price_now
from rebalancer.core.floors import floor_of, raised
from rebalancer.core.model import Hold, Plan, Snapshot
from rebalancer.core.sale import make_sale
from rebalancer.market.routing import RouteQuote, best_route
from rebalancer.units import Amount, Token

MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
PARALLEL = (v3_pool(USDC, WETH, 500, 4_000_000), v3_pool(USDC, WETH, 3_000, 4_000_000))


def sold(snapshot: Snapshot, sell: Amount, buy: Token) -> Plan:
    found = make_sale(POLICY, snapshot, FEES, sell, buy)
    assert isinstance(found, Plan), found
    return found


def test_sale__of_a_token__is_of_all_of_it_to_the_last_unit() -> None:
    for raw in (10**12 + 7, 10**18 + 1, 15 * 10**18 + 3):
        plan = sold(MARKET, Amount(WETH, raw), USDC)
        assert sum(trade.sell.raw for trade in plan.trades) == raw
        assert [route.amount_in for route in plan.routes] == [trade.sell.raw for trade in plan.trades]


def test_sale__where_pools_stand_side_by_side__is_shared_and_brings_more_than_the_best_of_them_alone() -> None:
    snapshot, sell = snapshot_with(600_000, 100_000, 200_000, 100_000, pools=PARALLEL), Amount(WETH, 200 * 10**18)
    plan = sold(snapshot, sell, USDC)
    gas = gas_price_in(snapshot.price(USDC), snapshot.native, gas_price_now(snapshot.block, FEES))
    alone = best_route(snapshot.pools, sell, USDC, POLICY.hubs, gas)
    assert isinstance(alone, RouteQuote) and len(plan.trades) == 2
    assert sum(route.amount_out for route in plan.routes) > alone.amount_out


def test_sale__that_costs_more_than_a_rebalance_may__is_made_all_the_same() -> None:
    thin = (v3_pool(USDC, WETH, 500, 100_000),)
    snapshot, sell = snapshot_with(600_000, 100_000, 200_000, 100_000, pools=thin), Amount(WETH, 100 * 10**18)
    (route,) = sold(snapshot, sell, USDC).routes
    got = snapshot.price(USDC).value_down(route.amount_out)
    assert got < snapshot.price(WETH).value_down(sell.raw) - usd(50_000)


def test_sale__its_floors__are_those_of_a_plan() -> None:
    plan = sold(MARKET, Amount(WETH, 10**18), LINK)
    slippage = POLICY.limits.max_slippage
    for trade, route in zip(plan.trades, plan.routes, strict=True):
        oracle = floor_of(trade.sell, MARKET.price(WETH), MARKET.price(LINK), slippage)
        assert trade.floor == raised(oracle, route.amount_out, slippage)


def test_sale__where_no_pools_lead__holds_and_names_both() -> None:
    found = make_sale(POLICY, snapshot_with(45_000, 30_000, 20_000, 5_000, pools=PARALLEL), FEES, Amount(LINK, 1), USDC)
    assert isinstance(found, Hold) and found.reason.startswith("no pools lead from LINK to USDC")


def test_sale__of_so_little_that_it_brings_nothing__holds() -> None:
    found = make_sale(POLICY, MARKET, FEES, Amount(WETH, 1), USDC)
    assert isinstance(found, Hold) and found.reason.endswith("or none pays anything for 0.000000000000000001 WETH")
