"""Prices and the rules of thousands of configurations in, what each of them comes to out: the arithmetic of the tick
in doubles, compiled.

It looks at LANES configurations at once, time by time: a weight has left its band where |v - t V| > b V. That is one
comparison of the furthest of all assets where they have one trigger. Whoever has not left it, and that is nearly
everybody at nearly every time, costs no more than this; who has is brought back alone (`trades`).
"""

from __future__ import annotations

import numpy as np

from rebalancer.research.kernel.compiled import compiled
from rebalancer.research.kernel.notes import measure, write
from rebalancer.research.kernel.rebalancing import RULE, TIGHT
from rebalancer.research.kernel.tables import (
    DUE,
    EVEN,
    LANE_BEYOND,
    LANE_DUE,
    LANE_LIMIT,
    LANE_MEASURED,
    LANE_SQUARE,
    LANE_VALUE,
    LANES,
    NEVER,
    ROWS,
    VALUE,
    Kept,
    Market,
)
from rebalancer.research.kernel.trades import trade
from rebalancer.research.model import Floats

_NOWHERE = 1e100
"""A trigger that no weight passes."""


@compiled
def advance(  # noqa: PLR0913 - few and flat: see above
    shape: tuple[int, ...], market: Market, rules: Floats, book: Floats, kept: Kept, span: tuple[int, int]
) -> None:
    """Configurations span[0] to span[1] over all times; `book` is brought forward. `shape`: a zero for each asset, so
    that their number is known when this is compiled. The span is all EVEN, or none of it is.

    `rules`: (configurations, RULE x assets + RULES); `book`: (configurations, assets + BOOK).
    """
    n, noted, times = len(shape), kept.noted, len(market.prices)
    lanes = np.empty((2 * n + ROWS) * LANES)
    even = rules[span[0], RULE * n + EVEN] != 0.0
    for start in range(span[0], span[1], LANES):
        many = min(LANES, span[1] - start)
        _load(n, rules, book, lanes, (start, many))
        time = start - start  # of the type of what comes after: a plain 0 is another, and all would be compiled twice
        while time < times:
            # Where every time is to be noted each is looked at by itself, else all up to the next one with a trade.
            end = time + 1 if len(noted) > 0 else times
            ahead = (time, end)
            if even:
                found = _look(shape, noted, (0,), market, lanes, ahead)
            else:
                found = _look(shape, noted, (), market, lanes, ahead)
            if found < end:
                trade(shape, noted, market, rules, book, lanes, (found, start, many))
            if len(noted) > 0:
                if len(kept.measured) > 0:
                    measure(shape, market, lanes, time)
                write(shape, kept, lanes, (time, start, many))
            time = min(found, end - 1) + 1
        _store(shape, market, book, kept.measured, lanes, (start, many))


@compiled
def _load(n: int, rules: Floats, book: Floats, lanes: Floats, block: tuple[int, int]) -> None:
    start, many = block
    for lane in range(LANES):
        # Lanes beyond the last configuration go along with it, and never trade.
        place = start + min(lane, many - 1)
        for i in range(n):
            tight = rules[place, TIGHT * n + i]
            lanes[i * LANES + lane] = book[place, i]
            lanes[(n + i) * LANES + lane] = 1.0 / tight if tight > 0.0 and lane < many else _NOWHERE
        for row in range(ROWS):
            lanes[(2 * n + row) * LANES + lane] = 0.0
        lanes[(2 * n + LANE_LIMIT) * LANES + lane] = rules[place, RULE * n + EVEN] if lane < many else NEVER
        lanes[(2 * n + LANE_DUE) * LANES + lane] = book[place, n + DUE]


@compiled
def _look(  # noqa: C901, PLR0913, PLR0915 - one run of vectors, of which the compiler keeps what is asked for
    shape: tuple[int, ...],
    noted: tuple[int, ...],
    even: tuple[int, ...],
    market: Market,
    lanes: Floats,
    span: tuple[int, int],
) -> int:
    """The first time of a span at which any lane is to be traded, else its end. Where all times are `noted` with the
    value of every lane, and its distance from the targets; where lanes are `even` each has one trigger for all."""
    n, prices, target = len(shape), market.prices, market.target
    for time in range(span[0], span[1]):
        now, some = float(time), 0
        for lane in range(LANES):
            # Two sums side by side: one alone waits for each of its additions.
            whole, other = 0.0, 0.0
            for i in range(n):
                if i % 2 == 0:
                    whole += lanes[i * LANES + lane] * prices[time, i]
                else:
                    other += lanes[i * LANES + lane] * prices[time, i]
            whole += other
            square, also = 0.0, 0.0
            furthest = 0.0 if len(even) > 0 else -whole
            too = furthest
            for i in range(n):
                off = abs(lanes[i * LANES + lane] * prices[time, i] - target[i] * whole)
                if len(noted) > 0:
                    if i % 2 == 0:
                        square += off * off
                    else:
                        also += off * off
                if len(even) == 0:
                    off -= lanes[(n + i) * LANES + lane] * whole
                if i % 2 == 0:
                    furthest = max(furthest, off)
                else:
                    too = max(too, off)
            beyond = max(furthest, too)
            if len(even) > 0:
                beyond -= lanes[(2 * n + LANE_LIMIT) * LANES + lane] * whole
            if len(noted) > 0:
                lanes[(2 * n + LANE_VALUE) * LANES + lane] = whole
                lanes[(2 * n + LANE_SQUARE) * LANES + lane] = square + also
            lanes[(2 * n + LANE_BEYOND) * LANES + lane] = beyond
            some |= (beyond > 0.0) & (lanes[(2 * n + LANE_DUE) * LANES + lane] <= now)
        if some > 0:
            return time
    return span[1]


@compiled
def _store(  # noqa: PLR0913
    shape: tuple[int, ...], market: Market, book: Floats, measured: Floats, lanes: Floats, block: tuple[int, int]
) -> None:
    n, (start, many), last = len(shape), block, len(market.prices) - 1
    for lane in range(many):
        value = 0.0
        for i in range(n):
            book[start + lane, i] = lanes[i * LANES + lane]
            value += lanes[i * LANES + lane] * market.prices[last, i]
        book[start + lane, n + DUE] = lanes[(2 * n + LANE_DUE) * LANES + lane]
        book[start + lane, n + VALUE] = value
        for row in range(len(measured)):
            measured[row, start + lane] = lanes[(2 * n + LANE_MEASURED + row) * LANES + lane]
