"""Policy and portfolio in; which weights have left their bands, and where a rebalance brings every weight, out."""

from __future__ import annotations

from rebalancer.core.model import Band, Calendar, Policy, Portfolio, Position, Trigger
from rebalancer.units import BPS, ONE, Address, Bps, Token, Usd, Weight, bps_of_up, mul_div_down

SHY_OF_EDGE = Bps(5)
"""How far inside its band a rebalance aims at least, as a share of the portfolio. Costs and the price of the next
block move a weight by a few hundredths of a point: one brought to the very edge would be outside again at once."""


def bands_of(trigger: Trigger) -> tuple[Band, ...]:
    """The bands of a trigger; a calendar has none."""
    return () if isinstance(trigger, Calendar) else trigger.bands


def edge_of(bands: tuple[Band, ...], token: Token, target: Weight) -> Weight | None:
    """How far the token's weight may stand from `target`: the nearer edge, rounded down. None: no band."""
    band = next((b for b in bands if b.token.address == token.address), None)
    if band is None:
        return None
    edges = [] if band.absolute is None else [int(band.absolute)]
    if band.relative is not None:
        edges.append(mul_div_down(target, band.relative, ONE))
    return Weight(min(edges)) if edges else None


def outside(policy: Policy, portfolio: Portfolio) -> tuple[Position, ...]:
    """The positions beyond the edges of their bands that a trade can bring back, the furthest first.

    What would move is worth min_trade at least. A few cents cannot be traded, and must not have everything
    else traded at every tick: a stranger can send them, and an exit can leave them behind.
    """
    bands = bands_of(policy.trigger)
    beyond = [(_beyond(bands, p), p) for p in portfolio.positions]
    far = [(by, p) for by, p in beyond if by > 0 and worth_moving(policy, portfolio, p) >= policy.limits.min_trade]
    return tuple(p for _, p in sorted(far, key=lambda x: -x[0]))


def worth_moving(policy: Policy, portfolio: Portfolio, position: Position) -> Usd:
    """The dollars between a position and the point that a rebalance brings it back to, rounded down.

    A token with a target of zero is to go as a whole: there it is all that is left of it.
    """
    if position.target == 0:
        return position.value
    return Usd(mul_div_down(portfolio.value, abs(position.weight - _return_point(policy, position)), ONE))


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


def _beyond(bands: tuple[Band, ...], position: Position) -> int:
    """How far a weight stands beyond its edge; 0 without a band, negative inside."""
    edge = edge_of(bands, position.balance.token, position.target)
    return 0 if edge is None else abs(position.drift) - edge


def _return_point(policy: Policy, position: Position) -> Weight:
    edge = edge_of(bands_of(policy.trigger), position.balance.token, position.target)
    # A target of zero means that the owners want none of it: there is no band to stay in.
    if edge is None or position.target == 0:
        return position.target
    stay = max(min(mul_div_down(edge, policy.return_share, BPS), edge - bps_of_up(ONE, SHY_OF_EDGE)), 0)
    return Weight(min(max(position.weight, position.target - stay), position.target + stay))
