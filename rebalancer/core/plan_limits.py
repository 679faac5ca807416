"""The limits of a plan: trades on their routes in, those that are too large, with what each may move and why, out.

A rule is a function that answers with cuts. What a guard would say of the batch later is said here first: there it
blocks all of it, here it costs a part of one trade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rebalancer.core.bands import outside
from rebalancer.core.batch_rules import POOL_TOLERANCE, goal_of, passage, slack_of
from rebalancer.core.cost import impact_bps_up, route_impact
from rebalancer.core.drift import moved_by
from rebalancer.core.floors import floor_of
from rebalancer.core.flows import Through, followed, through
from rebalancer.core.model import Calendar, Fees, Limits, Policy, Portfolio, Position, Snapshot, Trade
from rebalancer.core.module_room import beyond_module
from rebalancer.core.render import amount, bps, money
from rebalancer.core.room import Cuts, Room, beyond_room, nearest
from rebalancer.market.routing import RouteQuote
from rebalancer.units import Address, Amount, Bps, Token, Usd, Weight, bps_of_down, mul_div_down, mul_div_up

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
class Made:
    """What is left of a route: its place among all, the trade that it makes, and what it pays exactly."""

    place: int
    trade: Trade
    quote: RouteQuote


def beyond(task: Task, made: Sequence[Made]) -> Cuts:
    """The routes that are beyond some limit, by their places among all."""
    trades, out = [one.trade for one in made], [one.quote.amount_out for one in made]
    cuts = [
        _own_limits(task, made),
        _pool_impact(task, made),
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


def _own_limits(task: Task, made: Sequence[Made]) -> Cuts:
    """Trades that bring too little, or move their own price too far. A part of them at each tick gets there."""
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    for number, one in enumerate(made):
        sell, buy = task.position(one.trade.sell.token), task.position(one.trade.buy)
        found = beyond_limits(task.policy.limits, sell, buy, one.quote)
        if found is not None:
            caps[number], reasons[number] = found
    return Cuts(caps, reasons)


def _pool_impact(task: Task, made: Sequence[Made]) -> Cuts:
    """Routes that together move a pool's price too far: each gives up the same part."""
    limit = task.policy.limits.max_impact
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    swaps = followed([(one.quote.route, one.quote.amount_in) for one in made], task.snapshot.pools).swaps
    for flow in through(swaps) or ():
        if flow.impact <= limit + POOL_TOLERANCE:
            continue
        for number, one in enumerate(made):
            cap = Usd(mul_div_down(one.trade.value, limit, flow.impact))
            if _goes_through(one, flow) and cap < caps.get(number, one.trade.value):
                caps[number] = cap
                reasons[number] = (
                    f"{amount(one.trade.sell)} for {one.trade.buy}: {passage(flow)} would lose "
                    f"{bps(Bps(flow.impact))} to their own size (max_impact of {bps(limit)})"
                )
    return Cuts(caps, reasons)


def _goes_through(one: Made, flow: Through) -> bool:
    ways = {(hop.pool.address, hop.token_in.address) for hop in one.quote.route.hops}
    return (flow.pool.address, flow.token_in.address) in ways


def _past_target(task: Task, made: Sequence[Made]) -> Cuts:
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
            whole = sum(t.value for t in trades if (t.sell.token.address, t.buy.address) == pair)
            said = f"{trade.sell.token} for {trade.buy} would move {money(Usd(whole))}"
            reasons[number] = f"{said}, max_trade allows {money(most)}: the rest waits"
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


def _idle(task: Task, made: Sequence[Made]) -> Cuts:
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
    if len(idle) < len(made) and not outside(policy, moved_by(portfolio, _changes(made))):
        return Cuts({}, {})
    said = {
        number: f"{amount(made[number].trade.sell)} for {made[number].trade.buy} waits: neither is outside its band"
        for number in idle
    }
    return Cuts(dict.fromkeys(idle, Usd(0)), said)


def beyond_limits(limits: Limits, sell: Position, bought: Position, found: RouteQuote) -> tuple[Usd, str] | None:
    """What of this trade the guards would let through once it is in a batch, and why not all; None: all of it.

    Said here, it costs the batch a part of one trade, and not all of them.
    """
    said = f"{amount(Amount(sell.balance.token, found.amount_in))} for {bought.balance.token}"
    value = sell.price.value_down(found.amount_in)
    floor = floor_of(Amount(sell.balance.token, found.amount_in), sell.price, bought.price, limits.max_slippage)
    if found.amount_out < floor.raw:
        lost, ideal = route_impact(found.route, found.amount_in, found.amount_out)
        # Of so much less the floor and the ideal are less in proportion, and what its own size loses in its square.
        return Usd(mul_div_down(value, max(ideal - floor.raw, 0), max(lost, 1))), (
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


def _changes(made: Sequence[Made]) -> list[Amount]:
    sold = [Amount(one.trade.sell.token, -one.quote.amount_in) for one in made]
    return [*sold, *(Amount(one.trade.buy, one.quote.amount_out) for one in made)]
