"""Routes that would be best in, the trades that the limits leave of them out, each cut with its reason.

Every round prices what is left to the wei, each route on the pools as those before it leave them, asks every limit
(`plan_limits`), and cuts what is beyond one. A route is only ever made smaller, so that no trade can come to pass a
target by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rebalancer.core.floors import floor_of, raised
from rebalancer.core.model import Trade
from rebalancer.core.plan_limits import Made, Task, beyond
from rebalancer.core.render import amount
from rebalancer.core.room import Cuts
from rebalancer.market.routing import MoreTicks, NoRoute, RouteQuote, quote_in_turn
from rebalancer.units import Amount, Token, Usd

Pair = tuple[Token, Token]
"""What is sold, and what is bought."""

ROUNDS = 200
"""Each cuts a route by a hundredth, or drops it. What is beyond a limit even after them is dropped at once."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Trades, the route of each, and by pair of tokens why it was cut or left out: the first reason that there was."""

    trades: tuple[Trade, ...]
    routes: tuple[RouteQuote, ...]
    reasons: Mapping[Pair, str]


def fitted(task: Task, routes: Sequence[RouteQuote]) -> Fitted | MoreTicks:
    """The routes within every limit."""
    raws = [quote.amount_in for quote in routes]
    reasons: dict[int, str] = {}
    rounds = 0
    while True:
        rounds += 1
        made = _made(task, routes, raws)
        if isinstance(made, MoreTicks):
            return made
        cuts = made if isinstance(made, Cuts) else beyond(task, made)
        if not isinstance(made, Cuts) and not cuts.caps:
            return Fitted(tuple(one.trade for one in made), tuple(one.quote for one in made), _by_pair(routes, reasons))
        for place, cap in cuts.caps.items():
            # From a certain round on whatever is refused goes: there are finitely many routes.
            most = cap if rounds <= ROUNDS else Usd(0)
            raws[place] = _cut(task, routes[place], raws[place], most, again=place in reasons)
        # The first reason speaks of the size that was wanted.
        reasons = {**cuts.reasons, **reasons}


def _by_pair(routes: Sequence[RouteQuote], reasons: Mapping[int, str]) -> Mapping[Pair, str]:
    by_pair: dict[Pair, str] = {}
    for place, reason in reasons.items():
        by_pair.setdefault(_ends(routes[place]), reason)
    return by_pair


def _made(task: Task, routes: Sequence[RouteQuote], raws: Sequence[int]) -> tuple[Made, ...] | Cuts | MoreTicks:
    """What each route pays at its present size, in turn. Cuts: a pool does not take so much."""
    places = [place for place, raw in enumerate(raws) if raw]
    answers = quote_in_turn(task.snapshot.pools, [(routes[place].route, raws[place]) for place in places])
    if isinstance(answers, MoreTicks):
        return answers
    both = list(zip(places, answers, strict=True))
    refused = {place: answer.reason for place, answer in both if isinstance(answer, NoRoute)}
    if refused:
        sales = {place: (Amount(_ends(routes[place])[0], raws[place]), _ends(routes[place])[1]) for place in refused}
        halves = {p: Usd(task.position(sell.token).price.value_down(sell.raw) // 2) for p, (sell, _) in sales.items()}
        return Cuts(halves, {p: f"{amount(sell)} for {buy}: {refused[p]}" for p, (sell, buy) in sales.items()})
    return tuple(Made(place, _trade(task, quote), quote) for place, quote in both if isinstance(quote, RouteQuote))


def _trade(task: Task, quote: RouteQuote) -> Trade:
    sell, buy = (task.position(token) for token in _ends(quote))
    sold, slippage = Amount(sell.balance.token, quote.amount_in), task.policy.limits.max_slippage
    floor = raised(floor_of(sold, sell.price, buy.price, slippage), quote.amount_out, slippage)
    return Trade(sold, buy.balance.token, sell.price.value_down(sold.raw), floor)


def _ends(quote: RouteQuote) -> tuple[Token, Token]:
    return quote.route.hops[0].token_in, quote.route.hops[-1].token_out


def _cut(task: Task, found: RouteQuote, raw: int, most: Usd, *, again: bool) -> int:
    """A route's new size; 0 where it is too small for a trade.

    A cut changes what the others pay, and with them all sizes a little: who is cut again goes below that.
    """
    price = task.position(_ends(found)[0]).price
    cap = Usd(most * 99 // 100) if again else most
    less = min(raw - 1, price.amount_down(cap).raw)
    return less if price.value_down(less) >= max(task.policy.limits.min_trade, 1) else 0
