"""What is noted on the way: sums over time for the measures of a sweep, and paths of single configurations."""

from __future__ import annotations

from rebalancer.research.compiled import compiled
from rebalancer.research.kernel_tables import (
    BEFORE,
    DRIFT,
    FALL,
    LANE_MEASURED,
    LANE_VALUE,
    LANES,
    PEAK,
    PRODUCTS,
    RETURNS,
    SQUARES,
    TOTAL,
    Kept,
    Market,
)
from rebalancer.research.model import Floats


@compiled
def measure(shape: tuple[int, ...], market: Market, lanes: Floats, time: int) -> None:
    """Sums over time, after the trades of this one."""
    n, row, prices, target, alone = (
        len(shape),
        3 * len(shape) + LANE_MEASURED,
        market.prices,
        market.target,
        market.days[time, 2],
    )
    for lane in range(LANES):
        value, square = lanes[(3 * n + LANE_VALUE) * LANES + lane], 0.0
        for i in range(n):
            drift = lanes[i * LANES + lane] * prices[time, i] - target[i] * value
            square += drift * drift
        one = 1.0 / value
        back = value * lanes[(row + BEFORE) * LANES + lane] - 1.0 if time > 0 else 0.0
        peak = max(lanes[(row + PEAK) * LANES + lane], value)
        lanes[(row + BEFORE) * LANES + lane] = one
        lanes[(row + RETURNS) * LANES + lane] += back
        lanes[(row + SQUARES) * LANES + lane] += back * back
        lanes[(row + PRODUCTS) * LANES + lane] += back * alone
        lanes[(row + TOTAL) * LANES + lane] += value
        lanes[(row + PEAK) * LANES + lane] = peak
        lanes[(row + FALL) * LANES + lane] = max(lanes[(row + FALL) * LANES + lane], 1.0 - value / peak)
        lanes[(row + DRIFT) * LANES + lane] += square * one * one


@compiled
def write(shape: tuple[int, ...], kept: Kept, lanes: Floats, at: tuple[int, int, int]) -> None:
    n, (time, start, many) = len(shape), at
    for lane in range(many):
        if len(kept.values) > 0:
            kept.values[time, start + lane] = lanes[(3 * n + LANE_VALUE) * LANES + lane]
        if len(kept.units) > 0:
            for i in range(n):
                kept.units[time, start + lane, i] = lanes[i * LANES + lane]
