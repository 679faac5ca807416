"""Portfolio, pools and fees in; the trades that bring every weight to where the policy wants it, or why there are none.

Trades are sized together, costs included: each is priced to the wei on the pools as the trades before it
leave them, what they lose shrinks the whole, and the sizes follow until both agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rebalancer.core.cost import gas_price_in, gas_price_now, impact_bps_up
from rebalancer.core.model import (
    Calendar,
    Fees,
    Hold,
    Limits,
    Plan,
    Policy,
    Portfolio,
    Position,
    Quote,
    Snapshot,
    Trade,
)
from rebalancer.core.pairing import Grain, Leg, Pair, match_legs, wants_of
from rebalancer.core.render import amount, bps, money
from rebalancer.core.trigger import edge_of
from rebalancer.market.pools import Pool
from rebalancer.market.routing import MoreTicks, NoRoute, RouteQuote, best_route, quote_route
from rebalancer.market.swap import NeedTicks
from rebalancer.units import BPS, ONE, Address, Amount, Bps, Price, Usd, Weight, bps_of_down, mul_div_down, mul_div_up

SIZING_ROUNDS = 4
"""Costs are a few thousandths of what is traded, so each round is about a hundred times closer than the last."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What the sizing rests on, and does not change."""

    policy: Policy
    portfolio: Portfolio
    snapshot: Snapshot
    fees: Fees
    desired: Mapping[Address, Weight]
    grain: Grain


@dataclass(frozen=True, slots=True)
class _Priced:
    """Legs with what arrives for each, in dollars at the oracle, rounded down."""

    legs: tuple[Leg, ...]
    received: tuple[Usd, ...]


@dataclass(frozen=True, slots=True)
class _Refused:
    """Pairs that the pools cannot carry at their size, and why."""

    reasons: Mapping[Pair, str]


def make_plan(policy: Policy, portfolio: Portfolio, snapshot: Snapshot, fees: Fees) -> Plan | Hold | MoreTicks:
    """The trades of one rebalance, in the order in which they are to be made.

    A pair whose pools do not reach its floor is left out, with the reason, and the rest is planned
    without it; where nothing is left the reasons are the Hold's. MoreTicks: the same question again with those ticks.
    """
    grain = Grain(policy.limits.min_trade, Usd(bps_of_down(portfolio.value, policy.limits.max_trade)))
    task = _Task(policy, portfolio, snapshot, fees, desired_weights(policy, portfolio), grain)
    refused: dict[Pair, str] = {}
    while True:
        # Each turn but the last refuses at least one more pair, and there are finitely many.
        match _sized(task, refused):
            case MoreTicks() as needs:
                return needs
            case _Refused(reasons):
                refused.update(reasons)
            case _Priced(legs=()):
                return Hold(_why_nothing(task, refused))
            case _Priced(legs):
                trades = tuple(_trade(leg, policy.limits.max_slippage) for leg in legs)
                return Plan(trades, Usd(sum(trade.value for trade in trades)), tuple(refused.values()))


def desired_weights(policy: Policy, portfolio: Portfolio) -> dict[Address, Weight]:
    """Where each weight should be after the rebalance, by token.

    That is its target, or, with a return share, the point that far from the target towards the edge of
    its band for a weight beyond it, and where it is for a weight this side of it. What then does not
    even out is given or taken by cash first, then by whoever is furthest from its target, none beyond
    it. A token without a band, or with a target of zero, goes to its target.
    """
    desired = {p.balance.token.address: _return_point(policy, p) for p in portfolio.positions}
    over = sum(p.weight for p in portfolio.positions) - sum(desired.values())
    gaps = [(p.target - desired[p.balance.token.address], p.balance.token.address) for p in portfolio.positions]
    cash = None if policy.cash is None else policy.cash.address
    for gap, address in sorted(gaps, key=lambda g: (g[1] != cash, -abs(g[0]))):
        if gap * over > 0:
            step = min(gap, over) if over > 0 else max(gap, over)
            desired[address] = Weight(desired[address] + step)
            over -= step
    return desired


def floor_of(sell: Amount, sold: Price, bought: Price, max_slippage: Bps) -> Amount:
    """Least that may arrive for `sell`: its oracle value less the slippage, rounded up into the bought token."""
    return bought.amount_up(Usd(mul_div_up(sold.value_up(sell.raw), BPS - max_slippage, BPS)))


def snapshot_after(snapshot: Snapshot, quote: Quote) -> Snapshot:
    """The snapshot with its pools as the quote leaves them; the same where its route is not known."""
    if quote.route is None:
        return snapshot
    match quote_route(quote.route, quote.trade.sell.raw):
        case RouteQuote(pools_after=after):
            return replace(snapshot, pools=_with_pools(snapshot.pools, after))
        case _:
            return snapshot


def _return_point(policy: Policy, position: Position) -> Weight:
    bands = () if isinstance(policy.trigger, Calendar) else policy.trigger.bands
    edge = edge_of(bands, position.balance.token, position.target)
    # A target of zero means that the owners want none of it: there is no band to stay in.
    stay = 0 if edge is None or position.target == 0 else mul_div_down(edge, policy.return_share, BPS)
    return Weight(min(max(position.weight, position.target - stay), position.target + stay))


def _sized(task: _Task, refused: Mapping[Pair, str]) -> _Priced | _Refused | MoreTicks:
    """Match, price, and match again with what was lost, until neither changes."""
    lost, rates = 0, dict[Pair, int]()
    seen = _Priced((), ())
    for _ in range(SIZING_ROUNDS):
        wants = wants_of(task.portfolio, task.desired, lost, task.policy.cash)
        legs = match_legs(wants, task.grain, rates, refused)
        if legs == seen.legs:
            break
        answer = _price(task, legs)
        if not isinstance(answer, _Priced):
            return answer
        seen = answer
        rates = {
            leg.pair: mul_div_up(leg.value - received, ONE, leg.value)
            for leg, received in zip(seen.legs, seen.received, strict=True)
        }
        lost = sum(leg.value for leg in seen.legs) - sum(seen.received)
    return seen


def _price(task: _Task, legs: Sequence[Leg]) -> _Priced | _Refused | MoreTicks:
    """What arrives for each leg, in their order, on the pools as the legs before leave them."""
    pools = task.snapshot.pools
    received: list[Usd] = []
    reasons: dict[Pair, str] = {}
    needs: list[NeedTicks] = []
    for leg in legs:
        match _route(task, leg, pools):
            case MoreTicks(more):
                needs.extend(more)
            case NoRoute(reason):
                reasons[leg.pair] = reason
            case RouteQuote(amount_out=out, pools_after=after):
                pools = _with_pools(pools, after)
                received.append(leg.buy.price.value_down(out))
    if needs:
        return MoreTicks(_joined(needs))
    return _Refused(reasons) if reasons else _Priced(tuple(legs), tuple(received))


def _route(task: _Task, leg: Leg, pools: Sequence[Pool]) -> RouteQuote | NoRoute | MoreTicks:
    """The best route within the limits. NoRoute names the pair, what would arrive, and the limit in its way."""
    sell, bought = Amount(leg.sell.balance.token, leg.raw), leg.buy.price
    gas_price = gas_price_in(bought, task.snapshot.native, gas_price_now(task.snapshot.block, task.fees))
    said = f"{amount(sell)} for {bought.token}"
    match best_route(pools, sell, bought.token, task.policy.hubs, gas_price):
        case RouteQuote() as found:
            why_not = _beyond_limits(task.policy.limits, leg, found)
            return found if why_not is None else NoRoute(f"{said} {why_not}")
        case NoRoute(reason):
            return NoRoute(f"{said}: {reason}")
        case MoreTicks() as more:
            return more


def _beyond_limits(limits: Limits, leg: Leg, found: RouteQuote) -> str | None:
    """What a guard would say of this trade once it is in a batch; said here, it costs the batch one trade, not all."""
    bought = leg.buy.price
    floor = floor_of(Amount(leg.sell.balance.token, leg.raw), leg.sell.price, bought, limits.max_slippage)
    if found.amount_out < floor.raw:
        return (
            f"would bring {amount(Amount(bought.token, found.amount_out))}, its floor is {amount(floor)} "
            f"(max_slippage of {bps(limits.max_slippage)}): the pools are too thin for so much, or off the oracle"
        )
    impact = impact_bps_up(found.route, found.amount_in, found.amount_out)
    if impact > limits.max_impact:
        return (
            f"would lose {bps(impact)} to its own size (max_impact of {bps(limits.max_impact)}): the pools are too thin"
        )
    return None


def _why_nothing(task: _Task, refused: Mapping[Pair, str]) -> str:
    if refused:
        return "no trade can be made: " + "; ".join(refused.values())
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


def _trade(leg: Leg, max_slippage: Bps) -> Trade:
    sell = Amount(leg.sell.balance.token, leg.raw)
    floor = floor_of(sell, leg.sell.price, leg.buy.price, max_slippage)
    return Trade(sell, leg.buy.balance.token, leg.value, floor)


def _with_pools(pools: Sequence[Pool], after: Sequence[Pool]) -> tuple[Pool, ...]:
    changed = {pool.address: pool for pool in after}
    return tuple(changed.get(pool.address, pool) for pool in pools)


def _joined(needs: Iterable[NeedTicks]) -> tuple[NeedTicks, ...]:
    """One range of words for each pool, wide enough for all that the legs ask of it."""
    joined: dict[Address, NeedTicks] = {}
    for need in needs:
        seen = joined.setdefault(need.pool_address, need)
        joined[need.pool_address] = NeedTicks(
            need.pool_address,
            min(seen.word_low, need.word_low),
            max(seen.word_high, need.word_high),
            max(seen.best_possible, need.best_possible),
        )
    return tuple(joined.values())
