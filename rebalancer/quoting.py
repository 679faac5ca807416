"""Who makes which trade: a plan and the venues in, the quotes of a batch in their order out.

A venue that answers for a whole plan is asked once. The others answer pair by pair, and each pair goes to whoever
brings the most for it, gas paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rebalancer.core.cost import received
from rebalancer.core.model import Fees, Hold, Plan, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot, Trade
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Ports, Venue
from rebalancer.units import Address, Usd

Pair = tuple[Address, Address]
"""(sold token, bought token)."""


def choose_quotes(
    ports: Ports, plan: Plan, fees: Fees, deadline: int, snapshot: Snapshot
) -> tuple[Quote, ...] | Hold | MoreTicks:
    """What brings the most: the best answer to the whole plan, and in it for a pair what another venue does better.

    Hold where a pair has no quote that reaches its floor: half a rebalance is not what was planned.
    """

    def worth(quotes: Sequence[Quote]) -> Usd:
        return received(quotes, snapshot, fees)

    request = PlanRequest(plan, ports.wallet.address, ports.wallet.operator, deadline)
    answers = [(venue, venue.quote_plan(request, snapshot)) for venue in ports.venues]
    wholes = [quotes for _, quotes in answers if not isinstance(quotes, Refusal) and _reaches_floors(quotes)]
    whole = max(wholes, key=worth, default=())
    others = tuple(venue for venue, quotes in answers if isinstance(quotes, Refusal))
    better: dict[Pair, Quote] = {}
    for trade in _by_pair(plan, snapshot):
        own = tuple(quote for quote in whole if _pair(quote.trade) == _pair(trade))
        found = _best_quote(others, QuoteRequest(trade, request.wallet, request.operator, deadline), snapshot, fees)
        if isinstance(found, MoreTicks):
            return found
        if isinstance(found, Quote) and (not own or worth((found,)) > worth(own)):
            better[_pair(trade)] = found
        elif not own:
            assert isinstance(found, Hold), "a quote is taken where there is no other"
            return found
    # What is exact is exact in the order of the plan.
    return (*better.values(), *(quote for quote in whole if _pair(quote.trade) not in better))


def _best_quote(
    venues: Sequence[Venue], request: QuoteRequest, snapshot: Snapshot, fees: Fees
) -> Quote | Hold | MoreTicks:
    trade, refusals = request.trade, list[str]()
    best: Quote | None = None
    for venue in venues:
        match venue.quote(request, snapshot):
            case MoreTicks() as need:
                return need
            case Refusal(name, reason):
                refusals.append(f"{name}: {reason}")
            case Quote() as quote if quote.expected.raw < trade.floor.raw:
                refusals.append(f"{quote.venue}: {quote.expected.raw} is below the floor of {trade.floor.raw}")
            case Quote() as quote:
                if best is None or received((quote,), snapshot, fees) > received((best,), snapshot, fees):
                    best = quote
    return best or Hold(
        f"no venue sells {trade.sell.token} for {trade.buy}: {'; '.join(refusals) or 'none is configured'}"
    )


def _by_pair(plan: Plan, snapshot: Snapshot) -> tuple[Trade, ...]:
    """All trades of a pair as one, for who knows nothing of routes. Its floor is the sum of theirs."""
    pairs: dict[Pair, Trade] = {}
    for trade in plan.trades:
        seen = pairs.get(_pair(trade))
        if seen is not None:
            sell = seen.sell + trade.sell
            value = snapshot.price(sell.token).value_down(sell.raw)
            trade = replace(seen, sell=sell, value=value, floor=seen.floor + trade.floor)
        pairs[_pair(trade)] = trade
    return tuple(pairs.values())


def _pair(trade: Trade) -> Pair:
    return trade.sell.token.address, trade.buy.address


def _reaches_floors(quotes: Sequence[Quote]) -> bool:
    return all(quote.expected.raw >= quote.trade.floor.raw for quote in quotes)
