"""What is noted on the way: sums over time for the measures of a sweep, and paths of single configurations.

All but drifts are of the wealth: what the portfolio is worth less all gas until then, as
`measures.wealth_of` has it. Whoever pays the operator is the same person.
"""

from __future__ import annotations

from rebalancer.research.kernel.compiled import compiled
from rebalancer.research.kernel.tables import (
    BEFORE,
    DRIFT,
    LANE_MEASURED,
    LANE_SQUARE,
    LANE_VALUE,
    LANES,
    LEAST,
    PAID,
    PEAK,
    PRODUCTS,
    RETURNS,
    SQUARES,
    Kept,
    Market,
)
from rebalancer.research.model import Floats

_LEFT = 1e-20
"""Of the value, where gas has eaten all of it: the fall is then 1 to the last digit, and nothing is divided by zero."""


@compiled
def measure(shape: tuple[int, ...], market: Market, lanes: Floats, time: int) -> None:
    """Sums over time, after the trades of this one."""
    n, alone, first = len(shape), market.days[time, 2], time == 0
    # A time ends one step and begins another, but for the first and the last. What is traded between: see `trades`.
    ends = 0.5 if first or time == len(market.prices) - 1 else 1.0
    row = 2 * n + LANE_MEASURED
    for lane in range(LANES):
        value = lanes[(2 * n + LANE_VALUE) * LANES + lane]
        wealth = max(value - lanes[(row + PAID) * LANES + lane], _LEFT * value)
        # One division for two: they are dear.
        both = 1.0 / (wealth * value)
        one = both * value
        back = 0.0 if first else wealth * lanes[(row + BEFORE) * LANES + lane] - 1.0
        peak = one if first else min(lanes[(row + PEAK) * LANES + lane], one)
        least = 1.0 if first else lanes[(row + LEAST) * LANES + lane]
        lanes[(row + BEFORE) * LANES + lane] = one
        lanes[(row + RETURNS) * LANES + lane] += back
        lanes[(row + SQUARES) * LANES + lane] += back * back
        lanes[(row + PRODUCTS) * LANES + lane] += back * alone
        lanes[(row + PEAK) * LANES + lane] = peak
        lanes[(row + LEAST) * LANES + lane] = min(least, wealth * peak)
        lanes[(row + DRIFT) * LANES + lane] += ends * lanes[(2 * n + LANE_SQUARE) * LANES + lane] * (both * wealth) ** 2


@compiled
def write(shape: tuple[int, ...], kept: Kept, lanes: Floats, at: tuple[int, int, int]) -> None:
    n, (time, start, many) = len(shape), at
    for lane in range(many):
        if len(kept.values) > 0:
            paid = lanes[(2 * n + LANE_MEASURED + PAID) * LANES + lane]
            kept.values[time, start + lane] = lanes[(2 * n + LANE_VALUE) * LANES + lane] - paid
        if len(kept.units) > 0:
            for i in range(n):
                kept.units[time, start + lane, i] = lanes[i * LANES + lane]
