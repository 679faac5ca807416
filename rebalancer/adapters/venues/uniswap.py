"""Uniswap V2 and V3 through SwapRouter02: a trade and the snapshot's pools in, the best route as a quote out.

Nothing is asked of anybody: the pools of the snapshot are computed exactly, so what is quoted is what the
chain would pay at that block.
"""

from __future__ import annotations

from rebalancer.adapters.venues.router import swap_call
from rebalancer.core.cost import fees_for, gas_price_in, gas_price_now
from rebalancer.core.model import Limits, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot, Trade
from rebalancer.market.routing import MoreTicks, NoRoute, RouteQuote, best_route
from rebalancer.units import Address, Amount, Token


class UniswapVenue:
    """Routes are direct or over one of `hubs`; `limits` say what gas is expected to cost."""

    name = "uniswap"

    def __init__(self, router: Address, hubs: tuple[Token, ...], limits: Limits) -> None:
        self.spenders = (router,)
        self._router = router
        self._hubs = hubs
        self._limits = limits

    def quote(self, request: QuoteRequest, snapshot: Snapshot) -> Quote | Refusal | MoreTicks:
        """The route with the most bought net of gas, its floor the trade's own."""
        trade = request.trade
        if trade.sell.raw <= 0:
            return Refusal(self.name, f"{trade.sell.raw} {trade.sell.token} is nothing to sell")
        unit_price = gas_price_now(snapshot.block, fees_for(snapshot.block, self._limits))
        gas_price = gas_price_in(snapshot.price(trade.buy), snapshot.native, unit_price)
        match best_route(snapshot.pools, trade.sell, trade.buy, self._hubs, gas_price):
            case MoreTicks() as more:
                return more
            case NoRoute(reason):
                return Refusal(self.name, reason)
            case RouteQuote() as found:
                return self._quote(trade, found, request.wallet, request.deadline)

    def quote_plan(self, request: PlanRequest, snapshot: Snapshot) -> tuple[Quote, ...] | Refusal:
        """The very routes that were planned: they are exact on these pools, one after the other."""
        plan = request.plan
        both = zip(plan.trades, plan.routes, strict=True)
        return tuple(self._quote(trade, found, request.wallet, request.deadline) for trade, found in both)

    def _quote(self, trade: Trade, found: RouteQuote, wallet: Address, deadline: int) -> Quote:
        amounts = (trade.sell.raw, trade.floor.raw)
        return Quote(
            venue=self.name,
            trade=trade,
            expected=Amount(trade.buy, found.amount_out),
            spender=self._router,
            call=swap_call(self._router, found.route, wallet, amounts, deadline),
            gas=found.gas,
            route=found.route,
        )
