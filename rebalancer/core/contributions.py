"""Portfolio in; where cash above its target, or cash below it, brings the weights on its own, out.

New money is cash above its target, and a withdrawal leaves it below. New money goes to the laggards, cash that lacks
comes from the leaders where they may be sold: no asset is sold to buy another. Who is furthest goes first, as water
fills a vessel: of all ways to spend so much, that leaves the least sum of squared drifts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rebalancer.core.model import Portfolio, Position
from rebalancer.units import Address, Token, Weight


def with_cash(
    portfolio: Portfolio, cash: Token, stays: Mapping[Address, Weight], *, sells: bool
) -> dict[Address, Weight]:
    """The weights after cash has been given to the laggards, or taken from the leaders; none passes its target.

    `stays`: how far from its target each token may be left by a rebalance. Cash moves as much as the others need to
    come so near, and at least until it is so near itself; what the others do not need goes on filling the furthest.
    `sells`: whether the leaders may be sold to fill up cash; where not, cash below its target waits for new money.
    """
    weights = {p.balance.token.address: p.weight for p in portfolio.positions}
    till = next((p for p in portfolio.positions if p.balance.token.address == cash.address), None)
    if till is None or till.drift == 0 or (till.drift < 0 and not sells):
        return weights
    side = 1 if till.drift > 0 else -1
    others = [p for p in portfolio.positions if p is not till]
    short = [max(-side * p.drift, 0) for p in others]
    needs = [max(far - _stay(stays, p), 0) for far, p in zip(short, others, strict=True)]
    spare = abs(till.drift)
    first = poured(min(spare, sum(needs)), needs)
    rest = max(spare - _stay(stays, till) - sum(first), 0)
    then = poured(rest, [far - got for far, got in zip(short, first, strict=True)])
    for position, one, other in zip(others, first, then, strict=True):
        weights[position.balance.token.address] = Weight(position.weight + side * (one + other))
    weights[cash.address] = Weight(till.weight - side * (sum(first) + sum(then)))
    return weights


def poured(amount: int, depths: Sequence[int]) -> tuple[int, ...]:
    """`amount` over vessels of these depths, the deepest first: what is left open is level, none is filled beyond.

    Sums to `amount`, or to all the depths where that is less. Of vessels as deep as each other the first gets what
    does not divide.
    """
    order = sorted(range(len(depths)), key=lambda place: -depths[place])
    left = min(amount, sum(depths))
    level = _level(left, [depths[place] for place in order])
    got = [max(depth - level, 0) for depth in depths]
    over = sum(got) - left
    # The level is the highest whole one that gives enough: up to one unit for each vessel too much.
    for place in reversed(order):
        if over > 0 and got[place] > 0:
            got[place] -= 1
            over -= 1
    return tuple(got)


def _level(amount: int, falling: Sequence[int]) -> int:
    """The highest depth left open in every vessel above it, once `amount` is poured; `falling`: deepest first."""
    total = 0
    for count, depth in enumerate(falling, 1):
        total += depth
        level = (total - amount) // count
        if count == len(falling) or level >= falling[count]:
            return level
    return 0


def _stay(stays: Mapping[Address, Weight], position: Position) -> int:
    return 0 if position.target == 0 else stays[position.balance.token.address]
