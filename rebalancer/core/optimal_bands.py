"""Policy, portfolio and snapshot in; the policy with the two distances of this block for each token out.

Gas and pools move, so what is cheapest does too: `Optimal` bands are computed at each tick, from what it has read
anyway. Each token is looked at on its own, as if it were traded against cash: what two tokens share in one batch is
not counted, and makes the true cost a little less. Drawn bands may follow volatility: drawn for one, they are as much
wider or narrower as there is more of it or less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rebalancer.core.bands import SHY_OF_EDGE, bands_of, edge_of
from rebalancer.core.cost import fees_for, gas_price_in, gas_price_now
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    Band,
    Calendar,
    Drawn,
    Known,
    Optimal,
    Policy,
    Portfolio,
    Position,
    Snapshot,
    Threshold,
    Volatility,
    Width,
)
from rebalancer.core.optimal import Terms, cheapest
from rebalancer.market.pools import spot_out_down
from rebalancer.market.routing import RouteQuote, best_known_route
from rebalancer.units import BPS, ONE, Bps, Token, Usd, Wei, Weight, bps_of_down, bps_of_up, mul_div_down, mul_div_up

BATCH_GAS = 140_000
"""What a rebalance uses beside its swaps: the transaction, the Safe, the module with its feeds and walls.
One V3 swap through the module uses 259,645 in all (tests/contracts/module_gas.json), and counts as 120,000."""
PROBES = (Bps(100), Bps(10), Bps(1))
"""Of the portfolio: the trade whose fee and impact are taken for those of all, the first that the pools carry as far
as they were read. Bands ask for trades of about the first."""
LEAST_VOLATILITY = Weight(ONE // 100)
"""1 % a year. Two dollars hardly move against each other; without a least a weight that never drifted would get no band
at all, and be traded for every cent that a deposit puts it off."""
MOST_VOLATILITY = Weight(3 * ONE)
"""300 % a year: three times what lively tokens move by. Beyond it a feed, a node or a figure is likelier wrong."""

MOST_FACTOR = 2
"""A band that follows volatility is held between half and twice what the owners drew: they know it best."""


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A position with what its two distances are chosen from, and the most that its trigger may be."""

    position: Position
    terms: Terms


def resolved(policy: Policy, portfolio: Portfolio, snapshot: Snapshot, measured: Sequence[Volatility] = ()) -> Policy:
    """The policy with its bands as distances that are known, and with what is `measured` where nothing is given; a
    calendar has no bands.

    Unavailable where a token's volatility is neither given in the policy nor `measured`, or a band follows one that is
    not measured.
    """
    policy = _completed(policy, measured)
    trigger = policy.trigger
    if isinstance(trigger, Calendar):
        return policy
    if isinstance(trigger.bands, Optimal):
        known = Known(tuple(_band(one) for one in reckoned(policy, portfolio, snapshot, measured)))
    else:
        known = Known(tuple(bands_of(_following(policy, measured), portfolio).values()))
    return replace(
        policy, trigger=Threshold(known) if isinstance(trigger, Threshold) else replace(trigger, bands=known)
    )


def reckoned(
    policy: Policy, portfolio: Portfolio, snapshot: Snapshot, measured: Sequence[Volatility] = ()
) -> tuple[Reckoned, ...]:
    """What the cheapest bands of each position follow from, in the order of the portfolio. Unavailable as above."""
    per_year = {v.token.address: v.per_year for v in _completed(policy, measured).tracking.volatilities}
    widest = () if isinstance(policy.trigger, Calendar) else policy.trigger.bands
    drawn = widest.widest if isinstance(widest, Optimal) else ()
    if missing := [p for p in portfolio.positions if p.target and p.balance.token.address not in per_year]:
        raise Unavailable(
            f"the volatility of {missing[0].balance.token} is neither given nor measured yet: give it as `volatility` "
            "in the configuration, or wait until there is history enough"
        )
    found = []
    for position in portfolio.positions:
        volatility = per_year.get(position.balance.token.address, Weight(0))
        cost, gas = _probed(policy, portfolio, position, snapshot)
        terms = Terms(
            deviation=deviation_of(position.target, volatility),
            gas=gas,
            cost=cost,
            penalty=policy.tracking.penalty,
            least=_least(policy, portfolio),
            widest=widest_of(drawn, position),
        )
        found.append(Reckoned(position, terms))
    return tuple(found)


def not_given(policy: Policy) -> tuple[Token, ...]:
    """The assets whose volatility the owners leave to be measured."""
    given = {v.token.address for v in policy.tracking.volatilities}
    return tuple(token for token in policy.assets if token.address not in given)


def to_measure(policy: Policy) -> tuple[Token, ...]:
    """Those that a tick cannot do without: of what is not given none where neither the bands nor a named cost of drift
    ask for it, and what bands follow, given or not. So bands that are drawn once and for all wait for no history."""
    optimal = not isinstance(policy.trigger, Calendar) and isinstance(policy.trigger.bands, Optimal)
    return _in_order(policy, (not_given(policy) if optimal or policy.tracking.named else (), followed(policy)))


def measurable(policy: Policy) -> tuple[Token, ...]:
    """All whose measured volatility has a meaning for this policy."""
    return _in_order(policy, (not_given(policy), followed(policy)))


def followed(policy: Policy) -> tuple[Token, ...]:
    """The tokens whose bands are drawn for a volatility, and follow it."""
    bands = None if isinstance(policy.trigger, Calendar) else policy.trigger.bands
    widths = bands.widths if isinstance(bands, Drawn) else ()
    return tuple(width.token for width in widths if width.drawn_at is not None)


def _in_order(policy: Policy, several: Iterable[tuple[Token, ...]]) -> tuple[Token, ...]:
    wanted = {token.address for tokens in several for token in tokens}
    return tuple(token for token in policy.assets if token.address in wanted)


def _following(policy: Policy, measured: Sequence[Volatility]) -> Policy:
    """The policy with the edges of its drawn bands as wide as what is measured has them."""
    if isinstance(policy.trigger, Calendar) or not isinstance(policy.trigger.bands, Drawn):
        return policy
    drawn = policy.trigger.bands
    if all(width.drawn_at is None for width in drawn.widths):
        return policy
    per_year = {v.token.address: v.per_year for v in measured}
    widths = tuple(_followed(width, per_year.get(width.token.address)) for width in drawn.widths)
    return replace(policy, trigger=replace(policy.trigger, bands=replace(drawn, widths=widths)))


def _followed(width: Width, seen: Weight | None) -> Width:
    if width.drawn_at is None:
        return width
    if seen is None:
        raise Unavailable(
            f"the band of {width.token} follows a volatility that is not measured yet: wait until there is history "
            "enough, or leave out the band's `volatility`"
        )
    least, most = width.drawn_at // MOST_FACTOR, width.drawn_at * MOST_FACTOR
    seen = Weight(min(max(seen, least), most))

    def wide(edge: Weight | None) -> Weight | None:
        return None if edge is None else Weight(mul_div_down(edge, seen, width.drawn_at or ONE))

    return replace(width, absolute=wide(width.absolute), relative=wide(width.relative))


def _completed(policy: Policy, measured: Sequence[Volatility]) -> Policy:
    """What the owners give goes first."""
    given = policy.tracking.volatilities
    known = {v.token.address for v in given}
    further = tuple(v for v in measured if v.token.address not in known)
    return replace(policy, tracking=replace(policy.tracking, volatilities=(*given, *further))) if further else policy


def deviation_of(target: Weight, volatility: Weight) -> Weight:
    """s = w (1 - w) vol, rounded up: what a weight moves by when its token moves against the rest."""
    return Weight(mul_div_up(target * (ONE - target), max(volatility, LEAST_VOLATILITY), ONE**2))


def widest_of(drawn: tuple[Width, ...], position: Position) -> Weight:
    """The widest trigger: half of the target, or of what is left beside it, or what the owners drew where it is less.

    Further out the weight no longer moves by the same s: at half its target by half of it.
    """
    half = Weight(max(min(position.target, ONE - position.target), 0) >> 1)
    edge = edge_of(drawn, position.balance.token, position.target)
    return half if edge is None else min(half, edge)


def _band(one: Reckoned) -> Band:
    return Band(one.position.balance.token, *cheapest(one.terms))


def _least(policy: Policy, portfolio: Portfolio) -> Weight:
    """The smallest trade, as a share of the portfolio: at least so far inside its band a rebalance aims."""
    smallest = mul_div_up(policy.limits.min_trade, ONE, portfolio.value) if portfolio.value else ONE
    return Weight(min(max(smallest, bps_of_up(ONE, SHY_OF_EDGE)), ONE))


def _probed(policy: Policy, portfolio: Portfolio, position: Position, snapshot: Snapshot) -> tuple[Weight, Weight]:
    """(fee and impact as a share of what is traded, gas of one rebalance as a share of the portfolio), rounded up.

    Of a small trade of the token for cash. Where no pool takes it, it costs the most that the owners allow.
    """
    price = gas_price_now(snapshot.block, fees_for(snapshot.block, policy.limits))
    found = _probe(policy, portfolio, position, (snapshot, price))
    cost = Weight(mul_div_up(policy.limits.max_slippage, ONE, BPS)) if found is None else _lost_up(found)
    paid = snapshot.native.value_up((BATCH_GAS + (0 if found is None else found.gas)) * price)
    return cost, Weight(mul_div_up(paid, ONE, max(portfolio.value, 1)))


def _probe(policy: Policy, portfolio: Portfolio, position: Position, at: tuple[Snapshot, Wei]) -> RouteQuote | None:
    """The best path for the first of PROBES that is carried, at the pools and the gas price of `at`."""
    snapshot, price = at
    other = _counterpart(policy, portfolio, position)
    if other is None:
        return None
    in_bought = gas_price_in(other.price, snapshot.native, price)
    for share in PROBES:
        sell = position.price.amount_down(Usd(max(bps_of_down(portfolio.value, share), policy.limits.min_trade)))
        if sell.raw == 0:
            return None
        found = best_known_route(snapshot.pools, sell, other.balance.token, policy.hubs, in_bought)
        if isinstance(found, RouteQuote):
            return found
    return None


def _lost_up(found: RouteQuote) -> Weight:
    """What fees and our own size take of a trade, against the pools' mid prices; pools off the oracle are no cost
    that comes back at each rebalance."""
    ideal = found.amount_in
    for hop in found.route.hops:
        ideal = spot_out_down(hop.pool, hop.token_in, ideal) or 0
    return Weight(mul_div_up(max(ideal - found.amount_out, 0), ONE, ideal) if ideal else ONE)


def _counterpart(policy: Policy, portfolio: Portfolio, position: Position) -> Position | None:
    """Cash, or for cash itself and where there is none, the largest other token by its target."""
    others = [p for p in portfolio.positions if p is not position]
    if policy.cash is not None:
        others = [p for p in others if p.balance.token.address == policy.cash.address] or others
    return max(others, key=lambda p: p.target, default=None)
