"""The own router on the pools of a snapshot: the plan's very routes as quotes, exact as they are. Nobody is asked."""

from __future__ import annotations

from rebalancer.core.model import Call, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot
from rebalancer.market.routing import MoreTicks
from rebalancer.research.ports.chain import ROUTER
from rebalancer.units import Amount

_CALL = Call(ROUTER, b"")


class HistoryVenue:
    """Plays Venue for whole plans: there is one pool for each asset, so nobody has a better route for a pair."""

    name = "pools"
    spenders = (ROUTER,)

    def quote(self, request: QuoteRequest, snapshot: Snapshot) -> Quote | Refusal | MoreTicks:
        return Refusal(self.name, "answers for whole plans")

    def quote_plan(self, request: PlanRequest, snapshot: Snapshot) -> tuple[Quote, ...] | Refusal:
        plan = request.plan
        return tuple(
            Quote(self.name, trade, Amount(trade.buy, found.amount_out), ROUTER, _CALL, found.gas, found.route)
            for trade, found in zip(plan.trades, plan.routes, strict=True)
        )
