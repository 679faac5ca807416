"""One sale in, as a person wants it, the best routes for it out. A rebalance is `plan`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rebalancer.core.floors import floor_of, raised
from rebalancer.core.model import Fees, Hold, Plan, Policy, Snapshot, Trade
from rebalancer.core.module_room import limits_in
from rebalancer.core.plan import freedom_of
from rebalancer.core.render import amount
from rebalancer.market.routing import MoreTicks, NoRoute, RouteQuote, quote_in_turn
from rebalancer.units import ONE, Amount, Bps, Token, Usd, Weight


def make_sale(policy: Policy, snapshot: Snapshot, fees: Fees, sell: Amount, buy: Token) -> Plan | Hold | MoreTicks:
    """All of `sell`, by the routes that leave the most, gas paid, whatever they cost. Hold: there are none.

    MoreTicks: the same question again with those ticks.
    """
    from rebalancer.market.joint import Holding, joint_routes  # late: a tick that holds does not pay for numpy

    policy = replace(policy, limits=limits_in(snapshot, policy.limits))
    # Neither size nor cost is a reason to wait: it is to be seen what the whole of it costs.
    freedom = freedom_of(policy, snapshot, fees, (sell.token, buy))
    freedom = replace(freedom, least_swap=Usd(0), most_impact=None, most_cost=None)
    holdings = (
        Holding(sell, snapshot.price(sell.token), Weight(0)),
        Holding(Amount(buy, 0), snapshot.price(buy), Weight(ONE)),
    )
    found = joint_routes(snapshot.pools, holdings, freedom)
    if isinstance(found, MoreTicks):
        return found
    routes = () if isinstance(found, NoRoute) else _all_of(sell, found.routes)
    if not routes:
        return Hold(f"no pools lead from {sell.token} to {buy}, or none pays anything for {amount(sell)}")
    quotes = quote_in_turn(snapshot.pools, [(one.route, one.amount_in) for one in routes])
    if isinstance(quotes, MoreTicks):
        return quotes
    made = [one for one in quotes if isinstance(one, RouteQuote)]
    if len(made) < len(quotes):
        return Hold("; ".join(one.reason for one in quotes if isinstance(one, NoRoute)))
    trades = tuple(_trade(snapshot, sell.token, buy, one, policy.limits.max_slippage) for one in made)
    return Plan(trades, tuple(made), Usd(sum(trade.value for trade in trades)))


def _all_of(sell: Amount, routes: Sequence[RouteQuote]) -> tuple[RouteQuote, ...]:
    """What floats have left over goes with the last."""
    if not routes:
        return ()
    *first, last = routes
    return (*first, replace(last, amount_in=sell.raw - sum(one.amount_in for one in first)))


def _trade(snapshot: Snapshot, sold: Token, buy: Token, quote: RouteQuote, slippage: Bps) -> Trade:
    """Its floor as of the trades of a plan."""
    price, sell = snapshot.price(sold), Amount(sold, quote.amount_in)
    floor = raised(floor_of(sell, price, snapshot.price(buy), slippage), quote.amount_out, slippage)
    return Trade(sell, buy, price.value_down(sell.raw), floor)
