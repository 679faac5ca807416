"""A venue without pools: it pays the oracle's price less a spread, or plays what it was given."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.model import Call, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot
from rebalancer.market.routing import MoreTicks
from rebalancer.units import BPS, Address, Amount, Bps, bps_of_down

ROUTER = Address("0x0000000000000000000000000000000000000bBB")
SPREAD = Bps(10)


class FakeVenue:
    """`answers` are played first, in their order. `asked` holds every request."""

    name = "fake"
    spenders = (ROUTER,)

    def __init__(self, spread: Bps = SPREAD, answers: Sequence[Refusal | MoreTicks] = ()) -> None:
        self.asked: list[QuoteRequest] = []
        self._spread = spread
        self._answers = list(answers)

    def quote(self, request: QuoteRequest, snapshot: Snapshot) -> Quote | Refusal | MoreTicks:
        self.asked.append(request)
        if self._answers:
            return self._answers.pop(0)
        trade = request.trade
        if trade.sell.raw <= 0:
            return Refusal(self.name, f"{trade.sell.raw} {trade.sell.token} is nothing to sell")
        value = snapshot.price(trade.sell.token).value_down(trade.sell.raw)
        fair = snapshot.price(trade.buy).amount_down(value)
        expected = Amount(trade.buy, bps_of_down(fair.raw, Bps(BPS - self._spread)))
        call = Call(ROUTER, repr((trade, request.wallet, request.deadline)).encode())
        return Quote(self.name, trade, expected, ROUTER, call, 150_000, None)

    def quote_plan(self, request: PlanRequest, snapshot: Snapshot) -> tuple[Quote, ...] | Refusal:
        return Refusal(self.name, "it answers pair by pair")
