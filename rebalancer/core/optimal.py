"""What drifting, trading and gas cost in; the cheapest trigger and return point, and what they cost a year, out.

A weight's drift x is taken as Brownian motion of standard deviation s in a year. At the trigger u, on either side, a
rebalance brings it back to the return point l <= u. That is s^2/(u^2 - l^2) trades and s^2/(u + l) of turnover a year,
and a mean squared drift of (u^2 + l^2)/6. With F for the gas of one rebalance, c for fee and impact of what is traded,
and lambda * x^2 for what a drift of x costs, all as shares of the portfolio, a year costs

    J = F s^2/(u^2 - l^2) + c s^2/(u + l) + lambda (u^2 + l^2)/6

With S = u + l, D = u - l and k = 6 s^2/lambda it is least where D^3 S = k F and S^3 = k (F/D + c). Without gas l = u
and u^3 = 3 c s^2/(4 lambda): trade at the edge, and little. Without fees l = 0 and u^4 = 6 F s^2/lambda: trade rarely,
and to the target. After Leland (1996) and Dybvig and Pezzo (2019); `scripts/bench/bands.py` holds a simulation
against it.

Shares and distances are at 1e18. Squares and cubes of them keep their scales, so that nothing is cut on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.units import ONE, Weight, mul_div_up

_WIDE = 2 * ONE
"""No two weights are further apart."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the two distances of one weight are chosen from. None of them is negative."""

    deviation: Weight
    """s: the standard deviation that the weight would have after a year."""
    gas: Weight
    """F: of one rebalance, as a share of the portfolio."""
    cost: Weight
    """c: fee and impact, as a share of what is traded."""
    penalty: int
    """lambda: what a year costs, as a share of the portfolio, with the weight one whole off its target. At 1e18."""
    least: Weight
    """The smallest trade: u - l is no less, but where `widest` leaves no room for it."""
    widest: Weight
    """The widest trigger."""


@dataclass(frozen=True, slots=True)
class Yearly:
    """What a year costs on average, as shares of the portfolio rounded up, and how often there is a rebalance."""

    tracking: Weight
    trading: Weight
    """Fee and impact."""
    gas: Weight
    trades: int
    """At 1e18."""

    @property
    def total(self) -> Weight:
        return Weight(self.tracking + self.trading + self.gas)


def cheapest(terms: Terms) -> tuple[Weight, Weight]:
    """(trigger, return point) of the least J, to the unit in the last place, for any terms."""
    step = max(_free_step(terms), terms.least, 1)
    # Where the smallest trade binds, the best middle for it; a return point past the target would be no return.
    span = max(_cube_root(_k(terms) * (mul_div_up(terms.gas, ONE, step) + terms.cost)), step)
    trigger = (span + step) >> 1
    if trigger <= terms.widest:
        return Weight(trigger), Weight((span - step) >> 1)
    return terms.widest, _return_point_of(terms, terms.widest)


def yearly(terms: Terms, trigger: Weight, back: Weight) -> Yearly:
    """What the rule (trigger, back) costs in a year. A weight that is never let go any distance trades without end:
    it is counted as let go by the unit in the last place."""
    span, step = max(trigger + back, 1), max(trigger - back, 1)
    squared = terms.deviation**2
    return Yearly(
        tracking=Weight(mul_div_up(terms.penalty, trigger**2 + back**2, 6 * ONE**2)),
        trading=Weight(mul_div_up(terms.cost, squared, span * ONE)),
        gas=Weight(mul_div_up(terms.gas, squared, span * step)),
        trades=squared * ONE // (span * step),
    )


def _k(terms: Terms) -> int:
    """6 s^2/lambda at 1e36. A penalty of zero counts as the smallest there is."""
    return 6 * terms.deviation**2 * ONE // max(terms.penalty, 1)


def _free_step(terms: Terms) -> int:
    """D of the least J with nothing in its way, rounded down: the root of D^3 S = k F with S^3 = k (F/D + c).

    The left side grows with D. Both sides cubed, and divided by k, it is D^8 (F + c D) <= k^2 F^3, without a root.
    """
    if terms.gas == 0:
        return 0
    right = _k(terms) ** 2 * terms.gas**3 * ONE**3
    low, high = 0, _WIDE
    while low < high:
        middle = (low + high + 1) >> 1
        if middle**8 * (terms.gas * ONE + terms.cost * middle) <= right:
            low = middle
        else:
            high = middle - 1
    return low


def _return_point_of(terms: Terms, trigger: Weight) -> Weight:
    """l of the least J for a trigger that is given, rounded down.

    There 2 l (k F/D^2 + S^2) = k c, whose left side grows with l.
    """
    fees, gas = _k(terms) * terms.cost, _k(terms) * terms.gas * ONE
    low, high = 0, max(trigger - max(terms.least, 1), 0)
    while low < high:
        back = (low + high + 1) >> 1
        step, span = trigger - back, trigger + back
        if 2 * back * (gas + step**2 * span**2) <= fees * step**2:
            low = back
        else:
            high = back - 1
    return Weight(low)


def _cube_root(cube: int) -> int:
    """The cube root of an integer that is not negative, rounded down: Newton's steps from above."""
    if cube == 0:
        return 0
    root = 1 << -(-cube.bit_length() // 3)
    while (lower := (2 * root + cube // root**2) // 3) < root:
        root = lower
    return root
