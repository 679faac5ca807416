"""Portfolio, pools and fees in; the trades that bring every weight to where the policy wants it out, or why none.

All of them are one optimum over all pools at once (`market.joint`), which then is made to fit the limits (`fitting`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rebalancer.core.bands import desired_weights
from rebalancer.core.cost import gas_price_now
from rebalancer.core.drift import moved_by
from rebalancer.core.fitting import Fitted, fitted
from rebalancer.core.model import (
    Fees,
    Hold,
    ModuleWallet,
    Plan,
    Policy,
    Portfolio,
    Position,
    Snapshot,
)
from rebalancer.core.model.module import MOST_SWAPS
from rebalancer.core.module_room import limits_in, reason_to_wait
from rebalancer.core.plan_limits import Task
from rebalancer.core.render import amount, money
from rebalancer.core.room import Room
from rebalancer.core.waiting import why_nothing, why_too_dear, why_waits
from rebalancer.market.routing import MoreTicks, NoRoute, RouteQuote
from rebalancer.units import ONE, Address, Amount, Token, Usd, Weight, bps_of_down, mul_div_down

if TYPE_CHECKING:
    from rebalancer.market.joint import Freedom, JointRoutes

MODULE_HOPS = 3
SAFE_HOPS = 4
"""Pools that one swap may go through: as many as a module's path has room for, and where gas leaves off to pay."""
_UNSOLVED = "the best of all routes was not found, only the best single ones: please report it with this block's number"


def make_plan(
    policy: Policy, portfolio: Portfolio, snapshot: Snapshot, fees: Fees, room: Room | None = None
) -> Plan | Hold | MoreTicks:
    """The trades of one rebalance, in the order in which they are to be made.

    What the pools cannot carry within the limits waits, with the reason, as does what costs more than it may, and the
    rest is planned around it; where nothing is left the reasons are the Hold's. A trade that moves more than a
    wallet's module lets it, or than there is `room` for (None: for everything), is cut. Under a trigger with bands
    some trade touches a weight outside its band, or there is none. MoreTicks: the same question again with those ticks.
    """
    if (wait := reason_to_wait(snapshot)) is not None:
        return wait
    policy = replace(policy, limits=limits_in(snapshot, policy.limits))
    limits = policy.limits
    if room is not None and room.most < limits.min_trade:
        return Hold(f"{room.reason}; min_trade is {money(limits.min_trade)}")
    most = Usd(bps_of_down(portfolio.value, limits.max_trade))
    if 0 < most < limits.min_trade:
        return Hold(
            f"max_trade allows {money(most)} of this portfolio, and min_trade asks for {money(limits.min_trade)}: no "
            "trade fits between them"
        )
    desired = desired_weights(policy, portfolio)
    task = Task(policy, portfolio, snapshot, fees, desired, room)
    movers = _movers(portfolio, desired)
    if (nothing := _why_none(task, movers)) is not None:
        return Hold(nothing)
    found = _routes(task, movers)
    if isinstance(found, MoreTicks):
        return found
    fit = fitted(task, found.routes)
    if isinstance(fit, Fitted) and fit.reasons and fit.trades:
        fit = _again(task, fit)
    if isinstance(fit, MoreTicks):
        return fit
    return _plan(task, found, fit)


def _again(task: Task, cut: Fitted) -> Fitted | MoreTicks:
    """The moves that limits have left, on the routes that are best for so much: what was cut is planned anew.

    A cut leaves the routes that carried most of the whole. Of a part the best may be others, and fewer.
    """
    sold = [Amount(quote.route.hops[0].token_in, -quote.amount_in) for quote in cut.routes]
    bought = [Amount(quote.route.hops[-1].token_out, quote.amount_out) for quote in cut.routes]
    moved = moved_by(task.portfolio, [*sold, *bought])
    traded = {change.token.address for change in (*sold, *bought)}
    desired = {
        now.balance.token.address: after.weight if now.balance.token.address in traded else now.weight
        for now, after in zip(task.portfolio.positions, moved.positions, strict=True)
    }
    part = replace(task, desired=desired)
    found = _routes(part, _movers(task.portfolio, desired))
    if isinstance(found, MoreTicks):
        return found
    fit = fitted(part, found.routes)
    if isinstance(fit, MoreTicks):
        return fit
    best = fit if fit.trades and _worth(task, fit) > _worth(task, cut) else cut
    return replace(
        best, reasons={**cut.reasons, **{pair: why for pair, why in fit.reasons.items() if pair not in cut.reasons}}
    )


def _worth(task: Task, fit: Fitted) -> int:
    """In dollars, where each that is moved is worth what it may cost at most."""
    price = {p.balance.token.address: p.price for p in task.portfolio.positions}
    moved = sum(trade.value for trade in fit.trades)
    brought = sum(price[q.route.hops[-1].token_out.address].value_down(q.amount_out) for q in fit.routes)
    gas = sum(quote.gas for quote in fit.routes) * gas_price_now(task.snapshot.block, task.fees)
    return bps_of_down(Usd(moved), task.policy.limits.max_cost) + brought - moved - task.snapshot.native.value_up(gas)


def _left_out(fit: Fitted) -> Iterator[str]:
    """Each pair that was cut, with the reason, and what is made of it."""
    for (sell, buy), reason in fit.reasons.items():
        made = sum(trade.sell.raw for trade in fit.trades if (trade.sell.token, trade.buy) == (sell, buy))
        yield f"{reason}; {f'cut to {amount(Amount(sell, made))}' if made else 'left out'}"


def _plan(task: Task, found: JointRoutes, fit: Fitted) -> Plan | Hold:
    left_out = (*_left_out(fit), *why_waits(task, found.routes), *([] if found.solved else [_UNSOLVED]))
    if not fit.trades:
        return Hold("no trade can be made: " + "; ".join(left_out) if left_out else why_nothing(task))
    return Plan(fit.trades, fit.routes, Usd(sum(trade.value for trade in fit.trades)), left_out)


def freedom_of(policy: Policy, snapshot: Snapshot, fees: Fees, moving: Sequence[Token]) -> Freedom:
    """What the routes between tokens may be, within the limits and for the wallet of the snapshot."""
    from rebalancer.market.joint import Freedom  # late: a tick that holds does not pay for numpy

    limits, by_module = policy.limits, isinstance(snapshot.wallet, ModuleWallet)
    known = {token.address: token for token in (*policy.hubs, *policy.assets)}
    hubs = [token for address, token in known.items() if address not in {one.address for one in moving}]
    return Freedom(
        hubs=tuple(snapshot.price(token) for token in hubs),
        gas_price=snapshot.native.value_up(gas_price_now(snapshot.block, fees)),
        most_swaps=MOST_SWAPS,
        most_hops=MODULE_HOPS if by_module else SAFE_HOPS,
        mixed=not by_module,
        least_swap=limits.min_trade,
        most_impact=limits.max_impact,
        # Where the next dollar costs more it waits, and so all that are traded cost less together.
        most_cost=limits.max_cost,
    )


def _movers(portfolio: Portfolio, desired: Mapping[Address, Weight]) -> tuple[Position, ...]:
    """The positions that are not where they are wanted. The others stay, whatever the costs do to the rest."""
    return tuple(p for p in portfolio.positions if desired[p.balance.token.address] != p.weight)


def _both_sides(movers: tuple[Position, ...], desired: Mapping[Address, Weight]) -> bool:
    signs = {desired[p.balance.token.address] > p.weight for p in movers}
    return signs == {True, False}


def _why_none(task: Task, movers: tuple[Position, ...]) -> str | None:
    """Why no routes need be looked for, which is what takes long; None: they must be."""
    return why_too_dear(task, SAFE_HOPS) if _both_sides(movers, task.desired) else why_nothing(task)


def _routes(task: Task, movers: tuple[Position, ...]) -> JointRoutes | MoreTicks:
    """The optimum over all pools, its routes those from what is over to what is under."""
    from rebalancer.market.joint import Holding, JointRoutes, joint_routes  # late: see freedom_of

    shares = _shares([task.desired[p.balance.token.address] for p in movers])
    freedom = freedom_of(task.policy, task.snapshot, task.fees, [p.balance.token for p in movers])
    holdings = [Holding(p.balance, p.price, share) for p, share in zip(movers, shares, strict=True)]
    match joint_routes(task.snapshot.pools, holdings, freedom):
        case MoreTicks() as more:
            return more
        case NoRoute():
            return JointRoutes((), Usd(0), {})
        case found:
            toward = tuple(quote for quote in found.routes if _is_toward(task, quote))
            return replace(found, routes=_whole_exits(task, toward))


def _shares(desired: list[Weight]) -> list[Weight]:
    """The desired weights among those that move, together ONE: what rounding leaves goes to the largest."""
    total = sum(desired)
    shares = [mul_div_down(weight, ONE, total) for weight in desired]
    shares[shares.index(max(shares))] += ONE - sum(shares)
    return [Weight(share) for share in shares]


def _whole_exits(task: Task, quotes: tuple[RouteQuote, ...]) -> tuple[RouteQuote, ...]:
    """What an exit would leave behind, too little for a trade ever, goes with its last swap."""
    last = {quote.route.hops[0].token_in.address: number for number, quote in enumerate(quotes)}
    sizes = [quote.amount_in for quote in quotes]
    for position in task.portfolio.positions:
        number = last.get(position.balance.token.address)
        if position.target != 0 or number is None:
            continue
        sold = sum(size for size, quote in zip(sizes, quotes, strict=True) if _sells(quote, position))
        rest = position.balance.raw - sold
        if position.price.value_down(rest) < task.policy.limits.min_trade:
            sizes[number] += rest
    return tuple(replace(quote, amount_in=size) for quote, size in zip(quotes, sizes, strict=True))


def _sells(quote: RouteQuote, position: Position) -> bool:
    return quote.route.hops[0].token_in.address == position.balance.token.address


def _is_toward(task: Task, quote: RouteQuote) -> bool:
    """Costs move every goal a little: who is only just over his own must not be taken for one who is under it."""
    drift = {p.balance.token.address: p.drift for p in task.portfolio.positions}
    hops = quote.route.hops
    return drift[hops[0].token_in.address] > 0 > drift[hops[-1].token_out.address]
