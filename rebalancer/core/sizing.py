"""Desired weights and pools in, legs with what arrives for each out, or the pairs that the pools cannot carry.

Trades are sized together, costs included: each is priced to the wei on the pools as the trades before it
leave them, what they lose shrinks the whole, and the sizes follow until both agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rebalancer.core.cost import gas_price_in, gas_price_now, impact_bps_up
from rebalancer.core.floors import floor_of
from rebalancer.core.model import Fees, Limits, Policy, Portfolio, Snapshot
from rebalancer.core.pairing import Grain, Leg, Pair, match_legs, wants_of
from rebalancer.core.render import amount, bps
from rebalancer.market.pools import Pool
from rebalancer.market.routing import MoreTicks, NoRoute, RouteQuote, best_route, merged_needs
from rebalancer.market.swap import NeedTicks
from rebalancer.units import ONE, Address, Amount, Usd, Weight, mul_div_up

SIZING_ROUNDS = 4
"""Costs are a few thousandths of what is traded, so each round is about a hundred times closer than the last."""


@dataclass(frozen=True, slots=True)
class Task:
    """What the sizing rests on, and does not change."""

    policy: Policy
    portfolio: Portfolio
    snapshot: Snapshot
    fees: Fees
    desired: Mapping[Address, Weight]
    grain: Grain


@dataclass(frozen=True, slots=True)
class Priced:
    """Legs in their order, with what arrives for each in base units of its bought token."""

    legs: tuple[Leg, ...]
    out: tuple[int, ...]

    @property
    def received(self) -> tuple[Usd, ...]:
        """What arrives, in dollars at the oracle, rounded down."""
        return tuple(leg.buy.price.value_down(out) for leg, out in zip(self.legs, self.out, strict=True))


@dataclass(frozen=True, slots=True)
class Refused:
    """Pairs that the pools cannot carry at their size: the most that they do carry in dollars, and why not all."""

    caps: Mapping[Pair, Usd]
    reasons: Mapping[Pair, str]


def sized(task: Task, caps: Mapping[Pair, Usd]) -> Priced | Refused | MoreTicks:
    """Match, price, and match again with what was lost, until neither changes. No pair moves more than its cap."""
    lost, rates = 0, dict[Pair, int]()
    seen = Priced((), ())
    for _ in range(SIZING_ROUNDS):
        wants = wants_of(task.portfolio, task.desired, lost, task.policy.cash)
        legs = match_legs(wants, task.grain, rates, caps)
        if legs == seen.legs:
            break
        answer = _price(task, legs)
        if not isinstance(answer, Priced):
            return answer
        seen = answer
        rates = {
            leg.pair: mul_div_up(leg.value - received, ONE, leg.value)
            for leg, received in zip(seen.legs, seen.received, strict=True)
        }
        lost = sum(leg.value for leg in seen.legs) - sum(seen.received)
    return seen


def _price(task: Task, legs: Sequence[Leg]) -> Priced | Refused | MoreTicks:
    """What arrives for each leg, in their order, on the pools as the legs before leave them."""
    pools = task.snapshot.pools
    out: list[int] = []
    caps: dict[Pair, Usd] = {}
    reasons: dict[Pair, str] = {}
    needs: list[NeedTicks] = []
    for leg in legs:
        found = _route(task, leg, pools)
        if isinstance(found, NoRoute):
            reasons[leg.pair] = found.reason
            found = _part(task, leg, pools)
            caps[leg.pair] = leg.sell.price.value_down(found.amount_in) if isinstance(found, RouteQuote) else Usd(0)
        match found:
            case MoreTicks(more):
                needs.extend(more)
            case RouteQuote(amount_out=arrives, pools_after=after):
                pools = with_pools(pools, after)
                out.append(arrives)
    if needs:
        return MoreTicks(merged_needs(needs))
    return Refused(caps, reasons) if caps else Priced(tuple(legs), tuple(out))


def _part(task: Task, leg: Leg, pools: Sequence[Pool]) -> RouteQuote | NoRoute | MoreTicks:
    """The first of a half, a quarter, an eighth of a leg that the pools carry, none of them below the smallest trade.

    Trading a part at each tick gets there in the end; waiting for pools to grow may never.
    """
    found: RouteQuote | NoRoute | MoreTicks = NoRoute("too small to be parted")
    raw = leg.raw // 2
    while isinstance(found, NoRoute) and leg.sell.price.value_down(raw) >= max(task.grain.least, 1):
        found = _route(task, replace(leg, raw=raw, value=leg.sell.price.value_down(raw)), pools)
        raw //= 2
    return found


def _route(task: Task, leg: Leg, pools: Sequence[Pool]) -> RouteQuote | NoRoute | MoreTicks:
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


def with_pools(pools: Sequence[Pool], after: Sequence[Pool]) -> tuple[Pool, ...]:
    """The pools, with those of `after` in the places of their former selves."""
    changed = {pool.address: pool for pool in after}
    return tuple(changed.get(pool.address, pool) for pool in pools)
