"""Policy and portfolio in; which weights have left their bands, and where a rebalance brings every weight, out.

Both rest on two distances for each token: how far it may drift, and how far back a rebalance goes. Those of
`Optimal`, and those that follow volatility, are computed in `optimal_bands` beforehand. A token that waits
(`patience`) stays where it is, whatever its band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from rebalancer.core.contributions import with_cash
from rebalancer.core.model import (
    Back,
    Band,
    Calendar,
    Contributions,
    Drawn,
    Known,
    Optimal,
    Policy,
    Portfolio,
    Position,
    Width,
)
from rebalancer.units import ONE, Address, Bps, Token, Usd, Weight, bps_of_up, mul_div_down

SHY_OF_EDGE = Bps(5)
"""How far inside its band a rebalance aims at least, as a share of the portfolio. Costs and the price of the next
block move a weight by a few hundredths of a point: one brought to the very edge would be outside again at once."""
_SHY = bps_of_up(ONE, SHY_OF_EDGE)

By = Mapping[Address, Band]
"""Bands by token. A token that is missing never calls for a rebalance, and goes to its target in one."""


def bands_of(policy: Policy, portfolio: Portfolio) -> dict[Address, Band]:
    """The bands by token; none for a calendar. ValueError where they wait to be computed from a snapshot."""
    if isinstance(policy.trigger, Calendar):
        return {}
    match policy.trigger.bands:
        case Drawn(widths, back):
            width_of = {width.token.address: width for width in reversed(widths)}
            found = [_drawn(width_of.get(p.balance.token.address), back, p) for p in portfolio.positions]
            bands = tuple([band for band in found if band is not None])
        case Known(bands):
            pass
        case Optimal():
            raise ValueError("these bands depend on gas and pools: `optimal_bands.resolved` makes them known")
        case other:
            assert_never(other)
    return {band.token.address: band for band in bands}


def edge_of(widths: tuple[Width, ...], token: Token, target: Weight) -> Weight | None:
    """How far the token's weight may stand from `target`: the nearer edge, rounded down. None: no width."""
    return _edge(next((w for w in widths if w.token.address == token.address), None), target)


def _edge(width: Width | None, target: Weight) -> Weight | None:
    if width is None or width.relative is None:
        return None if width is None else width.absolute
    relative = Weight(mul_div_down(target, width.relative, ONE))
    return relative if width.absolute is None else min(width.absolute, relative)


def outside(policy: Policy, portfolio: Portfolio, *, nearly: bool = False) -> tuple[Position, ...]:
    """The positions beyond the edges of their bands that a trade can bring back, the furthest first.

    `nearly`: with those that are less than SHY_OF_EDGE inside.

    What would move is worth min_trade at least. A few cents cannot be traded, and must not have everything
    else traded at every tick: a stranger can send them, and an exit can leave them behind.
    """
    return beyond_edges(policy, portfolio, bands_of(policy, portfolio), _SHY if nearly else 0)


def beyond_edges(policy: Policy, portfolio: Portfolio, bands: By, shy: int = 0) -> tuple[Position, ...]:
    """The same, `shy` inside the edges of these bands."""
    least = policy.limits.min_trade
    beyond = [(_beyond(bands, p, shy), p) for p in free(policy, portfolio)]
    far = [(by, p) for by, p in beyond if by > 0 and worth_moving(bands, portfolio, p) >= least]
    return tuple(p for _, p in sorted(far, key=lambda x: -x[0]))


def free(policy: Policy, portfolio: Portfolio) -> tuple[Position, ...]:
    """The positions that a rebalance of this tick need not leave where they are."""
    waiting = policy.waits
    positions = portfolio.positions
    return tuple(p for p in positions if p.balance.token.address not in waiting) if waiting else positions


def worth_moving(bands: By, portfolio: Portfolio, position: Position) -> Usd:
    """The dollars between a position and the point that a rebalance brings it back to, rounded down.

    A token with a target of zero is to go as a whole: there it is all that is left of it.
    """
    if position.target == 0:
        return position.value
    return Usd(mul_div_down(portfolio.value, abs(position.weight - _return_point(bands, position)), ONE))


def desired_weights(policy: Policy, portfolio: Portfolio) -> dict[Address, Weight]:
    """Where each weight should be after the rebalance, by token.

    Where the policy lets cash go first, that is where cash above its target, or below it, brings them.
    """
    match policy.contributions:
        case Contributions.ONLY if policy.cash is not None:
            return _with_cash(policy, portfolio, policy.cash, sells=False)
        case Contributions.FIRST:
            return cash_alone(policy, portfolio) or _all_back(policy, portfolio)
        case _:
            return _all_back(policy, portfolio)


def cash_alone(policy: Policy, portfolio: Portfolio) -> dict[Address, Weight] | None:
    """Where cash that goes first brings each weight, by token; None where it does not go first, or does not suffice:
    some weight would end at the edge of its band, or beyond it, and a block later all would be traded after all.
    """
    if policy.cash is None or policy.contributions is not Contributions.FIRST:
        return None
    # A calendar has no bands that cash alone could bring the weights into.
    if not bands_of(policy, portfolio):
        return None
    moved = _with_cash(policy, portfolio, policy.cash, sells=True)
    return None if outside(policy, _at(portfolio, moved), nearly=True) else moved


def _with_cash(policy: Policy, portfolio: Portfolio, cash: Token, *, sells: bool) -> dict[Address, Weight]:
    bands = bands_of(policy, portfolio)
    stays = {p.balance.token.address: _stay(bands, p.balance.token.address) for p in portfolio.positions}
    stand = {p.balance.token.address: p.weight for p in portfolio.positions}
    return stand | with_cash(replace(portfolio, positions=free(policy, portfolio)), cash, stays, sells=sells)


def _all_back(policy: Policy, portfolio: Portfolio) -> dict[Address, Weight]:
    """Each weight at its return point.

    That is its target, or as far from it as its band says, on the side where the weight is; a weight nearer to its
    target stays where it is. What then does not even out is given or taken by cash first, then by whoever is furthest
    from its target, none beyond it. A token without a band, or with a target of zero, goes to its target.
    """
    bands = bands_of(policy, portfolio)
    movable = free(policy, portfolio)
    desired = {p.balance.token.address: p.weight for p in portfolio.positions}
    desired |= {p.balance.token.address: _return_point(bands, p) for p in movable}
    over = sum(p.weight for p in portfolio.positions) - sum(desired.values())
    gaps = [(p.target - desired[p.balance.token.address], p.balance.token.address) for p in movable]
    cash = None if policy.cash is None else policy.cash.address
    for gap, address in sorted(gaps, key=lambda g: (g[1] != cash, -abs(g[0]))):
        if gap * over > 0:
            step = min(gap, over) if over > 0 else max(gap, over)
            desired[address] = Weight(desired[address] + step)
            over -= step
    if over and policy.waits:
        _take_back(movable, desired, over)
    return desired


def _take_back(movable: Sequence[Position], desired: dict[Address, Weight], over: int) -> None:
    """Who would buy waits, or who would sell: then as much of the other side stays, of the nearest to its target first.

    `over`: what is sold without a buyer; negative: bought without a seller.
    """
    for position in sorted(movable, key=lambda p: abs(p.drift)):
        moved = position.weight - desired[position.balance.token.address]
        if moved * over > 0:
            step = min(moved, over) if over > 0 else max(moved, over)
            desired[position.balance.token.address] = Weight(desired[position.balance.token.address] + step)
            over -= step


def _drawn(width: Width | None, back: Back, position: Position) -> Band | None:
    edge = _edge(width, position.target)
    if edge is None:
        return None
    match back:
        case Back.TARGET:
            stay = 0
        case Back.HALF:
            stay = edge >> 1
        case Back.EDGE:
            stay = int(edge)
        case other:
            assert_never(other)
    return Band(position.balance.token, edge, Weight(max(min(stay, edge - _SHY), 0)))


def _beyond(bands: By, position: Position, shy: int) -> int:
    """How far a weight stands beyond `shy` inside its edge; 0 without a band, negative further in."""
    band = bands.get(position.balance.token.address)
    return 0 if band is None else abs(position.drift) - max(band.trigger - shy, 0)


def _return_point(bands: By, position: Position) -> Weight:
    # A target of zero means that the owners want none of it: there is no band to stay in.
    stay = 0 if position.target == 0 else _stay(bands, position.balance.token.address)
    return Weight(min(max(position.weight, position.target - stay), position.target + stay))


def _stay(bands: By, address: Address) -> Weight:
    band = bands.get(address)
    return Weight(0) if band is None else band.back


def _at(portfolio: Portfolio, weights: Mapping[Address, Weight]) -> Portfolio:
    """The portfolio as it would be at these weights, were trading free."""
    moved = []
    for position in portfolio.positions:
        weight = weights[position.balance.token.address]
        value = Usd(mul_div_down(portfolio.value, weight, ONE))
        moved.append(replace(position, value=value, weight=weight, drift=Weight(weight - position.target)))
    return replace(portfolio, positions=tuple(moved))
