"""Who makes which trade: a plan and the venues in, the quotes of a batch in their order out.

The own router answers from the snapshot, exactly, and asks nobody. The others compete with it (`competing`).
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.competition import Pair, Question, pair_of, pairs_of
from rebalancer.core.cost import received
from rebalancer.core.model import Hold, PlanRequest, Quote, QuoteRequest, Refusal
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Ports, Venue
from rebalancer.units import Usd


def choose_quotes(ports: Ports, question: Question) -> tuple[Quote, ...] | Hold | MoreTicks:
    """What brings the most for the plan. Hold where a pair has no quote that reaches its floor: half a rebalance is not
    what was planned. Raises Unavailable where nothing can be simulated.
    """
    own = own_quotes(ports, question)
    if isinstance(own, MoreTicks):
        return own
    if ports.outside.spenders:
        from rebalancer.competing import Competition  # late: a tick that holds does not pay for it

        return Competition(ports, question, own).winner()
    return own


def own_quotes(ports: Ports, question: Question) -> tuple[Quote, ...] | Hold | MoreTicks:
    """The best of those that answer from the snapshot: for the whole, and in it for a pair what another does better."""
    snapshot, plan, wallet = question.snapshot, question.plan, ports.wallet

    def worth(quotes: Sequence[Quote]) -> Usd:
        return received(quotes, snapshot, question.fees)

    request = PlanRequest(plan, wallet.address, wallet.operator, question.deadline, question.slippage)
    answers = [(venue, venue.quote_plan(request, snapshot)) for venue in ports.venues]
    wholes = [quotes for _, quotes in answers if not isinstance(quotes, Refusal) and _reaches_floors(quotes)]
    whole = max(wholes, key=worth, default=())
    others = tuple(venue for venue, quotes in answers if isinstance(quotes, Refusal))
    better: dict[Pair, Quote] = {}
    for trade in pairs_of(plan, snapshot):
        alone = tuple(quote for quote in whole if pair_of(quote.trade) == pair_of(trade))
        pair = QuoteRequest(trade, wallet.address, wallet.operator, question.deadline, question.slippage)
        found = _best_quote(others, pair, question)
        if isinstance(found, MoreTicks):
            return found
        if isinstance(found, Quote) and (not alone or worth((found,)) > worth(alone)):
            better[pair_of(trade)] = found
        elif not alone:
            assert isinstance(found, Hold), "a quote is taken where there is no other"
            return found
    # What is exact is exact in the order of the plan.
    return (*better.values(), *(quote for quote in whole if pair_of(quote.trade) not in better))


def _best_quote(venues: Sequence[Venue], request: QuoteRequest, question: Question) -> Quote | Hold | MoreTicks:
    trade, snapshot, fees = request.trade, question.snapshot, question.fees
    refusals: list[str] = []
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


def _reaches_floors(quotes: Sequence[Quote]) -> bool:
    return all(quote.expected.raw >= quote.trade.floor.raw for quote in quotes)
