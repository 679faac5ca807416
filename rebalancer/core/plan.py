"""Portfolio, pools and fees in; the trades that bring every weight to where the policy wants it out, or why none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rebalancer.core.bands import desired_weights, outside
from rebalancer.core.floors import floor_of, raised
from rebalancer.core.model import (
    Calendar,
    Fees,
    Hold,
    Plan,
    Policy,
    Portfolio,
    Quote,
    Snapshot,
    Trade,
)
from rebalancer.core.module_room import beyond_module, limits_in, reason_to_wait
from rebalancer.core.pairing import Grain, Leg, Pair, wants_of
from rebalancer.core.render import amount, money
from rebalancer.core.room import Room
from rebalancer.core.sizing import Priced, Refused, Task, sized, with_pools
from rebalancer.market.routing import MoreTicks, RouteQuote, quote_route
from rebalancer.units import ONE, Amount, Bps, Usd, Weight, bps_of_down, mul_div_down


def make_plan(
    policy: Policy, portfolio: Portfolio, snapshot: Snapshot, fees: Fees, room: Room | None = None
) -> Plan | Hold | MoreTicks:
    """The trades of one rebalance, in the order in which they are to be made.

    A pair whose pools cannot carry it within the limits is cut to what they do carry, or left out, with the
    reason, and the rest is planned around it; where nothing is left the reasons are the Hold's. So is a pair that
    moves more than a wallet's module lets it, or than there is `room` for (None: for everything). Under a trigger
    with bands some trade touches a weight outside its band, or there is none.
    MoreTicks: the same question again with those ticks.
    """
    if (wait := reason_to_wait(snapshot)) is not None:
        return wait
    policy = replace(policy, limits=limits_in(snapshot, policy.limits))
    if room is not None and room.most < policy.limits.min_trade:
        return Hold(f"{room.reason}; min_trade is {money(policy.limits.min_trade)}")
    grain = Grain(policy.limits.min_trade, Usd(bps_of_down(portfolio.value, policy.limits.max_trade)))
    return _search(Task(policy, portfolio, snapshot, fees, desired_weights(policy, portfolio), grain), room)


def _search(task: Task, room: Room | None) -> Plan | Hold | MoreTicks:
    policy = task.policy
    caps: dict[Pair, Usd] = {}
    reasons: dict[Pair, str] = {}
    while True:
        # Each turn but the last lowers the cap of at least one pair by a hundredth or more, and there are
        # finitely many pairs and dollars.
        match sized(task, caps):
            case MoreTicks() as needs:
                return needs
            case Refused(lower, why):
                caps.update(lower)
                # The first reason speaks of the size that was wanted.
                reasons = {**why, **reasons}
            case Priced(legs=()):
                return Hold(_why_nothing(task, reasons))
            case Priced() as priced if idle := _idle(policy, task.portfolio, priced):
                caps.update((leg.pair, Usd(0)) for leg in idle)
                reasons |= {leg.pair: _waits(leg) for leg in idle}
            case Priced() as priced:
                trades = _trades(priced, policy.limits.max_slippage)
                beyond = _nearer(beyond_module(task.snapshot, trades, priced.out), _beyond_room(room, trades))
                if beyond is None:
                    return _plan(trades, priced, reasons)
                caps.update({pair: _cut(cap, pair in caps) for pair, cap in beyond.caps.items()})
                reasons = {**beyond.reasons, **reasons}


def snapshot_after(snapshot: Snapshot, quote: Quote) -> Snapshot:
    """The snapshot with its pools as the quote leaves them; the same where its route is not known."""
    if quote.route is None:
        return snapshot
    match quote_route(quote.route, quote.trade.sell.raw):
        case RouteQuote(pools_after=after):
            return replace(snapshot, pools=with_pools(snapshot.pools, after))
        case _:
            return snapshot


def _idle(policy: Policy, portfolio: Portfolio, priced: Priced) -> tuple[Leg, ...]:
    """Legs between weights inside their bands, while the whole would leave another outside its own.

    What stays outside calls for the next tick's rebalance too. Were the rest always taken along, a token whose
    pools are too thin would have all others traded back to their targets at every tick, as if they had no bands.
    """
    if isinstance(policy.trigger, Calendar):
        return ()
    out = {p.balance.token.address for p in outside(policy, portfolio)}
    idle = tuple(leg for leg in priced.legs if out.isdisjoint(leg.pair))
    return idle if len(idle) == len(priced.legs) or outside(policy, _after(portfolio, priced)) else ()


def _after(portfolio: Portfolio, priced: Priced) -> Portfolio:
    """The portfolio as the legs leave it."""
    raw = {p.balance.token.address: p.balance.raw for p in portfolio.positions}
    for leg, arrives in zip(priced.legs, priced.out, strict=True):
        sold, bought = leg.pair
        raw[sold] -= leg.raw
        raw[bought] += arrives
    held = [Amount(p.balance.token, raw[p.balance.token.address]) for p in portfolio.positions]
    values = [p.price.value_down(balance.raw) for p, balance in zip(portfolio.positions, held, strict=True)]
    total = Usd(sum(values))
    weights = [Weight(mul_div_down(value, ONE, total) if total else 0) for value in values]
    moved = zip(portfolio.positions, held, values, weights, strict=True)
    return Portfolio(
        tuple(replace(p, balance=b, value=v, weight=w, drift=Weight(w - p.target)) for p, b, v, w in moved), total
    )


def _beyond_room(room: Room | None, trades: Sequence[Trade]) -> Refused | None:
    """Pairs that find no room after those before them, or not for so much, with what there is; None: all fit."""
    if room is None:
        return None
    left = int(room.most)
    caps: dict[Pair, Usd] = {}
    reasons: dict[Pair, str] = {}
    for trade in trades:
        if trade.value > left:
            pair = trade.sell.token.address, trade.buy.address
            caps[pair] = Usd(left)
            reasons[pair] = f"{amount(trade.sell)} for {trade.buy} moves {money(trade.value)}, {room.reason}"
        left = max(left - trade.value, 0)
    return Refused(caps, reasons) if caps else None


def _nearer(one: Refused | None, other: Refused | None) -> Refused | None:
    """For each pair the lower of its two caps, with its reason."""
    if one is None or other is None:
        return one or other
    lower = {p: cap for p, cap in other.caps.items() if p not in one.caps or cap < one.caps[p]}
    return Refused({**one.caps, **lower}, {**one.reasons, **{pair: other.reasons[pair] for pair in lower}})


def _cut(cap: Usd, again: bool) -> Usd:
    """A pair's new cap. A cut changes the costs, and with them all sizes a little: who is cut again goes below that."""
    return Usd(cap * 99 // 100) if again else cap


def _trades(priced: Priced, max_slippage: Bps) -> tuple[Trade, ...]:
    return tuple(_trade(leg, out, max_slippage) for leg, out in zip(priced.legs, priced.out, strict=True))


def _plan(trades: tuple[Trade, ...], priced: Priced, reasons: Mapping[Pair, str]) -> Plan:
    made = {leg.pair: leg for leg in priced.legs}
    left_out = tuple(f"{reason}; {_fate(made.get(pair))}" for pair, reason in reasons.items())
    return Plan(trades, Usd(sum(trade.value for trade in trades)), left_out)


def _trade(leg: Leg, out: int, max_slippage: Bps) -> Trade:
    sell = Amount(leg.sell.balance.token, leg.raw)
    floor = raised(floor_of(sell, leg.sell.price, leg.buy.price, max_slippage), out, max_slippage)
    return Trade(sell, leg.buy.balance.token, leg.value, floor)


def _fate(leg: Leg | None) -> str:
    return "left out" if leg is None else f"cut to {amount(Amount(leg.sell.balance.token, leg.raw))}"


def _waits(leg: Leg) -> str:
    sell = Amount(leg.sell.balance.token, leg.raw)
    return f"{amount(sell)} for {leg.buy.balance.token} waits: neither is outside its band"


def _why_nothing(task: Task, reasons: Mapping[Pair, str]) -> str:
    if reasons:
        return "no trade can be made: " + "; ".join(reasons.values())
    if task.portfolio.value == 0:
        return "the wallet holds nothing of value: there is nothing to trade"
    if task.grain.most < task.grain.least:
        return (
            f"max_trade allows {money(task.grain.most)} of this portfolio, and min_trade asks for "
            f"{money(task.grain.least)}: no trade fits between them"
        )
    wants = wants_of(task.portfolio, task.desired, 0, task.policy.cash)
    if not wants.sells or not wants.buys:
        return "every weight is where a rebalance would leave it"
    largest = max((*wants.sells, *wants.buys), key=lambda want: want.value)
    return (
        f"all that is off is too small to trade: the most is {money(Usd(largest.value))} of "
        f"{largest.position.balance.token}, and no pair reaches min_trade of {money(task.grain.least)}"
    )
