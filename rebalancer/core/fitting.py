"""Routes that would be best in, the trades that the limits leave of them out, each cut with its reason.

Every round prices what is left to the wei, each route on the pools as those before it leave them, asks every limit, and
cuts what is beyond one. A route is only ever made smaller, so that no trade can come to pass a target by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from rebalancer.core.bands import outside
from rebalancer.core.batch_rules import goal_of, slack_of
from rebalancer.core.cost import impact_bps_up
from rebalancer.core.floors import floor_of, raised
from rebalancer.core.model import Calendar, Fees, Limits, Policy, Portfolio, Position, Snapshot, Trade
from rebalancer.core.module_room import beyond_module
from rebalancer.core.render import amount, bps, money
from rebalancer.core.room import Cuts, Room, beyond_room, nearest
from rebalancer.market.routing import MoreTicks, NoRoute, Route, RouteQuote, merged_needs, quote_route
from rebalancer.market.swap import NeedTicks
from rebalancer.units import ONE, Address, Amount, Token, Usd, Weight, bps_of_down, mul_div_down, mul_div_up

ROUNDS = 200
"""Each cuts a route by a hundredth, or drops it. What is beyond a limit even after them is dropped at once."""
_CRUMB = 1_000
"""A rest under a thousandth of an exit's last trade is a crumb, however small trades may be."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a plan rests on, and does not change. `room`: what may be moved in all; None: everything."""

    policy: Policy
    portfolio: Portfolio
    snapshot: Snapshot
    fees: Fees
    desired: Mapping[Address, Weight]
    room: Room | None

    def position(self, token: Token) -> Position:
        return next(p for p in self.portfolio.positions if p.balance.token.address == token.address)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Trades, the route of each, and in words what was cut or left out."""

    trades: tuple[Trade, ...]
    routes: tuple[RouteQuote, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """What is left of a route: its place among all, the trade that it makes, and what it pays exactly."""

    place: int
    trade: Trade
    quote: RouteQuote


def fitted(task: Task, routes: Sequence[RouteQuote]) -> Fitted | MoreTicks:
    """The routes within every limit."""
    raws = [quote.amount_in for quote in routes]
    reasons: dict[int, str] = {}
    for number in count():
        made = _made(task, routes, raws)
        if isinstance(made, MoreTicks):
            return made
        cuts = made if isinstance(made, Cuts) else _beyond(task, made)
        if not isinstance(made, Cuts) and not cuts.caps:
            left_out = tuple(f"{reason}; {_fate(routes[place], raws[place])}" for place, reason in reasons.items())
            return Fitted(tuple(one.trade for one in made), tuple(one.quote for one in made), left_out)
        for place, cap in cuts.caps.items():
            # From a certain round on whatever is refused goes: there are finitely many routes.
            most = cap if number < ROUNDS else Usd(0)
            raws[place] = _cut(task, routes[place], raws[place], most, again=place in reasons)
        # The first reason speaks of the size that was wanted.
        reasons = {**cuts.reasons, **reasons}
    raise AssertionError("a count has no end")


def beyond_limits(limits: Limits, sell: Position, bought: Position, found: RouteQuote) -> tuple[Usd, str] | None:
    """What of this trade the guards would let through once it is in a batch, and why not all; None: all of it.

    Said here, it costs the batch a part of one trade, and not all of them.
    """
    said = f"{amount(Amount(sell.balance.token, found.amount_in))} for {bought.balance.token}"
    value = sell.price.value_down(found.amount_in)
    floor = floor_of(Amount(sell.balance.token, found.amount_in), sell.price, bought.price, limits.max_slippage)
    if found.amount_out < floor.raw:
        return Usd(value // 2), (
            f"{said} would bring {amount(Amount(floor.token, found.amount_out))}, its floor is {amount(floor)} "
            f"(max_slippage of {bps(limits.max_slippage)}): the pools are too thin for so much, or off the oracle"
        )
    impact = impact_bps_up(found.route, found.amount_in, found.amount_out)
    if impact > limits.max_impact:
        # Within one range of liquidity the loss grows with the size.
        return Usd(mul_div_down(value, limits.max_impact, impact)), (
            f"{said} would lose {bps(impact)} to its own size (max_impact of {bps(limits.max_impact)}): the pools are "
            "too thin"
        )
    return None


def _made(task: Task, routes: Sequence[RouteQuote], raws: Sequence[int]) -> tuple[_Made, ...] | Cuts | MoreTicks:
    """What each route pays at its present size, in turn. Cuts: a pool does not take so much."""
    now = {pool.address: pool for pool in task.snapshot.pools}
    made: list[_Made] = []
    needs: list[NeedTicks] = []
    for place, (found, raw) in enumerate(zip(routes, raws, strict=True)):
        if raw == 0:
            continue
        route = Route(tuple(replace(hop, pool=now[hop.pool.address]) for hop in found.route.hops))
        match quote_route(route, raw):
            case MoreTicks(more):
                needs.extend(more)
            case NoRoute(reason):
                sell = task.position(_ends(found)[0])
                said = f"{amount(Amount(sell.balance.token, raw))} for {_ends(found)[1]}: {reason}"
                return Cuts({place: Usd(sell.price.value_down(raw) // 2)}, {place: said})
            case RouteQuote() as quote:
                made.append(_Made(place, _trade(task, quote), quote))
                now |= {pool.address: pool for pool in quote.pools_after}
    return MoreTicks(merged_needs(needs)) if needs else tuple(made)


def _trade(task: Task, quote: RouteQuote) -> Trade:
    sell, buy = (task.position(token) for token in _ends(quote))
    sold, slippage = Amount(sell.balance.token, quote.amount_in), task.policy.limits.max_slippage
    floor = raised(floor_of(sold, sell.price, buy.price, slippage), quote.amount_out, slippage)
    return Trade(sold, buy.balance.token, sell.price.value_down(sold.raw), floor)


def _ends(quote: RouteQuote) -> tuple[Token, Token]:
    return quote.route.hops[0].token_in, quote.route.hops[-1].token_out


# ---------------------------------------------------------------- the limits


def _beyond(task: Task, made: Sequence[_Made]) -> Cuts:
    """The routes that are beyond some limit, by their places among all."""
    trades, out = [one.trade for one in made], [one.quote.amount_out for one in made]
    cuts = [
        _own_limits(task, made),
        _past_target(task, made),
        _max_trade(task, trades),
        beyond_module(task.snapshot, trades, out),
    ]
    if task.room is not None:
        cuts.append(beyond_room(task.room, trades))
    found = nearest(cuts)
    if not found.caps:
        found = _crumbs(task, trades)
    if not found.caps:
        found = _idle(task, made)
    places = [one.place for one in made]
    return Cuts(
        {places[number]: cap for number, cap in found.caps.items()},
        {places[number]: reason for number, reason in found.reasons.items()},
    )


def _own_limits(task: Task, made: Sequence[_Made]) -> Cuts:
    """Trades that bring too little, or move their own price too far. A part of them at each tick gets there."""
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    for number, one in enumerate(made):
        sell, buy = task.position(one.trade.sell.token), task.position(one.trade.buy)
        found = beyond_limits(task.policy.limits, sell, buy, one.quote)
        if found is not None:
            caps[number], reasons[number] = found
    return Cuts(caps, reasons)


def _past_target(task: Task, made: Sequence[_Made]) -> Cuts:
    """What would take a weight past its target, by more than the guard lets it.

    Where much waits, the optimum reckons with what waiting costs, and sells a little more for it than it should.
    """
    brought = [task.position(one.trade.buy).price.value_down(one.quote.amount_out) for one in made]
    lost = sum(one.trade.value for one in made) - sum(brought)
    slack = slack_of(task.policy, task.portfolio, lost)
    value = {p.balance.token.address: int(p.value) for p in task.portfolio.positions}
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    for number, (one, received) in enumerate(zip(made, brought, strict=True)):
        sell, buy = one.trade.sell.token.address, one.trade.buy.address
        value[sell] -= one.trade.value
        value[buy] += received
        goals = {p.balance.token.address: goal_of(task.portfolio, p, lost) for p in task.portfolio.positions}
        past = max(goals[sell] - value[sell], value[buy] - goals[buy])
        if past > slack:
            caps[number] = Usd(max(one.trade.value - past, 0))
            reasons[number] = (
                f"{amount(one.trade.sell)} for {one.trade.buy} would take a weight {money(Usd(past))} past its target"
            )
    return Cuts(caps, reasons)


def _max_trade(task: Task, trades: Sequence[Trade]) -> Cuts:
    """All trades of a pair together move no more than one trade may."""
    most = Usd(bps_of_down(task.portfolio.value, task.policy.limits.max_trade))
    left: dict[tuple[Address, Address], int] = {}
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    for number, trade in enumerate(trades):
        pair = trade.sell.token.address, trade.buy.address
        room = left.get(pair, most)
        if trade.value > room:
            caps[number] = Usd(room)
            reasons[number] = (
                f"{amount(trade.sell)} for {trade.buy} moves {money(trade.value)}, max_trade leaves room for "
                f"{money(Usd(room))}: the rest waits"
            )
        left[pair] = max(room - trade.value, 0)
    return Cuts(caps, reasons)


def _crumbs(task: Task, trades: Sequence[Trade]) -> Cuts:
    """An exit that would leave a crumb: its last trade leaves enough for one more, with room for the price to fall."""
    least = task.policy.limits.min_trade
    for position in task.portfolio.positions:
        token = position.balance.token
        places = [number for number, trade in enumerate(trades) if trade.sell.token.address == token.address]
        if position.target != 0 or not places:
            continue
        last = trades[places[-1]]
        rest = position.price.value_down(position.balance.raw - sum(trades[number].sell.raw for number in places))
        short = 2 * least - rest
        if 0 < rest < max(least, mul_div_up(last.value, 1, _CRUMB)) and last.value - short >= least:
            said = f"{amount(last.sell)} for {last.buy} would leave {money(rest)}, too little to be sold ever"
            return Cuts({places[-1]: Usd(last.value - short)}, {places[-1]: said})
    return Cuts({}, {})


def _idle(task: Task, made: Sequence[_Made]) -> Cuts:
    """Trades between weights inside their bands, while the whole would leave another outside its own.

    What stays outside calls for the next tick's rebalance too. Were the rest always taken along, a token whose
    pools are too thin would have all others traded back to their targets at every tick, as if they had no bands.
    """
    policy, portfolio = task.policy, task.portfolio
    if isinstance(policy.trigger, Calendar):
        return Cuts({}, {})
    out = {p.balance.token.address for p in outside(policy, portfolio)}
    idle = [
        number
        for number, one in enumerate(made)
        if out.isdisjoint((one.trade.sell.token.address, one.trade.buy.address))
    ]
    if len(idle) < len(made) and not outside(policy, _after(portfolio, made)):
        return Cuts({}, {})
    said = {
        number: f"{amount(made[number].trade.sell)} for {made[number].trade.buy} waits: neither is outside its band"
        for number in idle
    }
    return Cuts(dict.fromkeys(idle, Usd(0)), said)


def _after(portfolio: Portfolio, made: Sequence[_Made]) -> Portfolio:
    """The portfolio as the trades leave it."""
    raw = {p.balance.token.address: p.balance.raw for p in portfolio.positions}
    for one in made:
        raw[one.trade.sell.token.address] -= one.quote.amount_in
        raw[one.trade.buy.address] += one.quote.amount_out
    held = [Amount(p.balance.token, raw[p.balance.token.address]) for p in portfolio.positions]
    values = [p.price.value_down(balance.raw) for p, balance in zip(portfolio.positions, held, strict=True)]
    total = Usd(sum(values))
    weights = [Weight(mul_div_down(value, ONE, total) if total else 0) for value in values]
    moved = zip(portfolio.positions, held, values, weights, strict=True)
    return Portfolio(
        tuple(replace(p, balance=b, value=v, weight=w, drift=Weight(w - p.target)) for p, b, v, w in moved), total
    )


def _cut(task: Task, found: RouteQuote, raw: int, most: Usd, *, again: bool) -> int:
    """A route's new size; 0 where it is too small for a trade.

    A cut changes what the others pay, and with them all sizes a little: who is cut again goes below that.
    """
    price = task.position(_ends(found)[0]).price
    cap = Usd(most * 99 // 100) if again else most
    less = min(raw - 1, price.amount_down(cap).raw)
    return less if price.value_down(less) >= max(task.policy.limits.min_trade, 1) else 0


def _fate(found: RouteQuote, raw: int) -> str:
    return "left out" if raw == 0 else f"cut to {amount(Amount(_ends(found)[0], raw))}"
