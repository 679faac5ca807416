"""One configuration whose weights are to be brought back: what it holds in, what it holds after all trades out.

All trades of a rebalance are sized together, as `market.joint` sizes them: those that move end in the proportions of
their desired weights, whatever fee and impact take. Each asset has one pool against the hub, so that a single number is
sought, the dollars K that all movers have together afterwards: at share q of them, an asset of v dollars sells
x = v - K q and brings the hub x (1-f)/(1 + x (1-f)/D), or buys a = K q - v for a/(1 - a/D)/(1-f), f the pool's fee and
D its depth. What reaches the hub less what leaves it falls with K and is concave: Newton's steps from above never pass
the root.

A desk is the paper on which this is worked out, a rule is a row of numbers: both are flat, and begin each of their
parts at a multiple of the assets, so that the compiler knows every place.
"""

from __future__ import annotations

from rebalancer.research.kernel.compiled import compiled
from rebalancer.research.model import Floats

# Parts of a desk, in dollars but for shares. Who stays where he is has MOVED and SHARE of zero.
MOVED, SHARE, FINAL, GAP, SUPPLY, DEMAND = range(6)
DESK = 6
# Parts of a rule: 1/trigger, 0 for no band; how far from its target a weight is left; what a pool leaves of what goes
# in, and 1 over that, both 1 for the hub; 1/depth, 0 for no end to it and for the hub; the target.
TIGHT, STAY, KEPT, NEED, THIN, TARGET = range(6)
RULE = 6
STEPS = 60
"""Two or three are usual, more where a pool is all but emptied."""
_ENOUGH = 1e-10
"""Of what moves: the step that comes after is right to its square."""
EXACT = 1e-14
"""Of what moves, where there are only lines: what digits lose."""
_DUST = 1e-15
_BOTTOM = 1 - 1e-6
"""Of a pool's depth: more of it cannot be bought."""


@compiled
def desired(n: int, desk: Floats, rules: Floats, place: int, cash: int) -> None:
    """What is held as MOVED in; MOVED and SHARE out, as `core.bands` has it: each weight within STAY of its target on
    the side where it is; what then does not even out is given or taken by `cash` first, then by whoever is furthest."""
    over, whole = 0.0, 0.0
    for i in range(n):
        whole += desk[MOVED * n + i]
    for i in range(n):
        target, stay = rules[place, TARGET * n + i], rules[place, STAY * n + i]
        drift = desk[MOVED * n + i] / whole - target
        beyond = max(drift - stay, 0.0) + min(drift + stay, 0.0)
        over += beyond
        # Two that stand equally far from their targets are equal to the last digit, as integers are.
        gap = -drift if beyond == 0.0 else -stay if drift > 0.0 else stay
        desk[GAP * n + i] = gap
        desk[SHARE * n + i] = 0.0 if beyond == 0.0 else target - gap
    while over != 0.0:
        i = _furthest(n, desk, over, cash)
        if i < 0:
            break
        gap = desk[GAP * n + i]
        step = min(gap, over) if over > 0.0 else max(gap, over)
        over -= step
        desk[SHARE * n + i] = rules[place, TARGET * n + i] - (gap - step)
        desk[GAP * n + i] = 0.0
    share = 0.0
    for i in range(n):
        share += desk[SHARE * n + i]
    for i in range(n):
        desk[MOVED * n + i] = desk[MOVED * n + i] if desk[SHARE * n + i] > 0.0 else 0.0
        desk[SHARE * n + i] /= share


@compiled
def _furthest(n: int, desk: Floats, over: float, cash: int) -> int:
    """Who gives or takes next; -1: nobody is left. The first of those that are as far."""
    if cash >= 0 and desk[GAP * n + cash] * over > 0.0:
        return cash
    found, most = -1, 0.0
    for i in range(n):
        gap = desk[GAP * n + i] if over > 0.0 else -desk[GAP * n + i]
        if gap > most:
            found, most = i, gap
    return found


@compiled
def settle_deep(shape: tuple[int, ...], desk: Floats, rules: Floats, place: int) -> float:
    """MOVED and SHARE in, the dollars that they have together in the end out, where no trade moves a price: what is
    sought is on a line with a bend for each asset, and one step finds it where it passes no bend."""
    n, moved = len(shape), 0.0
    for i in range(n):
        moved += desk[MOVED * n + i]
    total = moved
    for _ in range(STEPS):
        left, slope = 0.0, 0.0
        for i in range(n):
            share = desk[SHARE * n + i]
            over = desk[MOVED * n + i] - total * share
            rate = rules[place, KEPT * n + i] if over > 0.0 else rules[place, NEED * n + i]
            left += over * rate
            slope += share * rate
        if abs(left) <= EXACT * moved:
            break
        total += left / slope
    return total


@compiled
def settle(shape: tuple[int, ...], desk: Floats, rules: Floats, place: int) -> float:
    """The same where trades move prices."""
    n, moved = len(shape), 0.0
    for i in range(n):
        moved += desk[MOVED * n + i]
    total = moved
    for i in range(n):
        thin, share, held = rules[place, THIN * n + i], desk[SHARE * n + i], desk[MOVED * n + i]
        if thin * (moved * share - held) > _BOTTOM:
            total = min(total, (held + _BOTTOM / thin) / share)
    for _ in range(STEPS):
        left, slope = 0.0, 0.0
        for i in range(n):
            over = desk[MOVED * n + i] - total * desk[SHARE * n + i]
            kept, need = rules[place, KEPT * n + i], rules[place, NEED * n + i]
            # Of a sale 1 + x (1-f)/D, of a purchase 1 - a/D.
            fall = 1.0 / (1.0 + rules[place, THIN * n + i] * (max(over, 0.0) * kept + min(over, 0.0)))
            left += (max(over, 0.0) * kept + min(over, 0.0) * need) * fall
            slope += desk[SHARE * n + i] * (kept if over > 0.0 else need) * fall * fall
        total += left / slope
        if abs(left) <= _ENOUGH * moved:
            break
    return total


@compiled
def toward(n: int, desk: Floats, rules: Floats, place: int, whole: float) -> None:
    """FINAL without the sales of what is not over its target, as `core.plan` leaves them out.

    Costs move every goal a little, and who is only just under his own would be sold for them. What they would have
    brought nobody gets: the widest ways from a sale to a purchase are taken first, as `market.paths` takes them.
    """
    _offered(n, desk, rules, place)
    for i in range(n):
        desk[GAP * n + i] = 0.0
    while True:
        seller, buyer, width = _widest(n, desk)
        if width <= _DUST * whole:
            break
        if desk[MOVED * n + seller] > rules[place, TARGET * n + seller] * whole:
            desk[GAP * n + buyer] += width
    for i in range(n):
        held, came = desk[MOVED * n + i], desk[GAP * n + i] * rules[place, KEPT * n + i]
        if desk[FINAL * n + i] > held:
            desk[FINAL * n + i] = held + came / (1.0 + came * rules[place, THIN * n + i])
        elif held <= rules[place, TARGET * n + i] * whole:
            desk[FINAL * n + i] = held


@compiled
def swaps_of(n: int, desk: Floats, rules: Floats, case: tuple[int, int, float]) -> tuple[float, float]:
    """(swaps, those through one pool alone, because they begin or end at the hub): from MOVED to FINAL, as
    `market.paths` takes them apart."""
    (place, hub, whole), swaps, short = case, 0.0, 0.0
    _offered(n, desk, rules, place)
    while True:
        seller, buyer, width = _widest(n, desk)
        if width <= _DUST * whole:
            return swaps, short
        swaps += 1.0
        short += 1.0 if seller == hub or buyer == hub else 0.0


@compiled
def _offered(n: int, desk: Floats, rules: Floats, place: int) -> None:
    """MOVED and FINAL in, SUPPLY and DEMAND out: what each sale brings the hub, and each purchase takes from it."""
    for i in range(n):
        over, thin = desk[MOVED * n + i] - desk[FINAL * n + i], rules[place, THIN * n + i]
        sold, bought = max(over, 0.0) * rules[place, KEPT * n + i], max(-over, 0.0)
        desk[SUPPLY * n + i] = sold / (1.0 + sold * thin)
        desk[DEMAND * n + i] = bought / (1.0 - bought * thin) * rules[place, NEED * n + i]


@compiled
def _widest(n: int, desk: Floats) -> tuple[int, int, float]:
    """(seller, buyer, dollars) of the widest way that is left, which is taken."""
    seller, buyer = int(desk[SUPPLY * n : SUPPLY * n + n].argmax()), int(desk[DEMAND * n : DEMAND * n + n].argmax())
    width = min(desk[SUPPLY * n + seller], desk[DEMAND * n + buyer])
    desk[SUPPLY * n + seller] -= width
    desk[DEMAND * n + buyer] -= width
    return seller, buyer, width
