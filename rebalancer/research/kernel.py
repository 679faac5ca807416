"""Prices and the rules of thousands of configurations in, what each of them comes to out: the arithmetic of the tick
in doubles, compiled.

It looks at LANES configurations at once, time by time: a weight has left its band where |v - t V| > b V. With v/b and
t/b kept for each, that is one comparison of the furthest of all assets with V. Whoever has not left it, and that is
nearly everybody at nearly every time, costs no more than this; who has is brought back alone (`kernel_trades`).
"""

from __future__ import annotations

import numpy as np

from rebalancer.research.compiled import compiled
from rebalancer.research.kernel_notes import measure, write
from rebalancer.research.kernel_tables import (
    DUE,
    EVEN,
    LANE_DUE,
    LANE_LIMIT,
    LANE_MEASURED,
    LANE_VALUE,
    LANES,
    LIMIT,
    NEVER,
    ROWS,
    VALUE,
    Flags,
    Kept,
    Market,
)
from rebalancer.research.kernel_trades import trade
from rebalancer.research.model import Floats
from rebalancer.research.rebalancing import DESK, RULE, TARGET, TIGHT


@compiled
def advance(  # noqa: PLR0913 - few and flat: see above
    shape: tuple[int, ...], market: Market, rules: Floats, book: Floats, kept: Kept, span: tuple[int, int]
) -> None:
    """Configurations span[0] to span[1] over all times; `book` is brought forward. `shape`: a zero for each asset, so
    that their number is known when this is compiled. The span is all EVEN, or none of it is.

    `rules`: (configurations, RULE x assets + RULES); `book`: (configurations, assets + BOOK).
    """
    n, prices = len(shape), market.prices
    lanes, out, desk = np.empty((3 * n + ROWS) * LANES), np.empty(LANES + 1, np.bool_), np.empty(DESK * n)
    measured, written = len(kept.measured) > 0, len(kept.values) > 0 or len(kept.units) > 0
    noted, even = measured or written, rules[span[0], RULE * n + EVEN] != 0.0
    for start in range(span[0], span[1], LANES):
        many = min(LANES, span[1] - start)
        _load(n, rules, book, lanes, (start, many))
        time = 0
        while time < len(prices):
            # Where every time is to be noted each is looked at by itself, else all up to the next one with a trade.
            ahead = (time, time + 1 if noted else len(prices))
            time = _look_even(shape, market, lanes, out, ahead) if even else _look(shape, prices, lanes, out, ahead)
            if out[LANES]:
                trade(shape, market, rules, book, (lanes, out, desk), (time, start, many))
            if measured:
                measure(shape, market, lanes, time)
            if written:
                write(shape, kept, lanes, (time, start, many))
            time += 1
        _store(len(shape), book, kept.measured, lanes, (start, many))


@compiled
def _load(n: int, rules: Floats, book: Floats, lanes: Floats, block: tuple[int, int]) -> None:
    start, many = block
    for lane in range(LANES):
        # Lanes beyond the last configuration go along with it, and never trade.
        place = start + min(lane, many - 1)
        for i in range(n):
            tight, units = rules[place, TIGHT * n + i], book[place, i]
            lanes[i * LANES + lane] = units
            lanes[(n + i) * LANES + lane] = units * tight
            lanes[(2 * n + i) * LANES + lane] = rules[place, TARGET * n + i] * tight
        for row in range(ROWS):
            lanes[(3 * n + row) * LANES + lane] = 0.0
        limit = rules[place, RULE * n + EVEN]
        limit = rules[place, RULE * n + LIMIT] if limit == 0.0 else limit
        lanes[(3 * n + LANE_LIMIT) * LANES + lane] = limit if lane < many else NEVER
        lanes[(3 * n + LANE_DUE) * LANES + lane] = book[place, n + DUE]


@compiled
def _look(shape: tuple[int, ...], prices: Floats, lanes: Floats, out: Flags, span: tuple[int, int]) -> int:
    """The first time of a span at which any lane is to be traded, else the last: with the value of every lane then, and
    whether it is to be traded; behind them, whether any is."""
    n, last = len(shape), span[1] - 1
    for time in range(span[0], span[1]):
        now, some = float(time), 0
        for lane in range(LANES):
            # Two sums side by side: one alone waits for each of its additions.
            even, odd, one, other = 0.0, 0.0, 0.0, 0.0
            for i in range(n):
                if i % 2 == 0:
                    even += lanes[i * LANES + lane] * prices[time, i]
                else:
                    odd += lanes[i * LANES + lane] * prices[time, i]
            value = even + odd
            for i in range(n):
                off = abs(lanes[(n + i) * LANES + lane] * prices[time, i] - lanes[(2 * n + i) * LANES + lane] * value)
                if i % 2 == 0:
                    one = max(one, off)
                else:
                    other = max(other, off)
            beyond = max(one, other) > lanes[(3 * n + LANE_LIMIT) * LANES + lane] * value
            call = beyond & (lanes[(3 * n + LANE_DUE) * LANES + lane] <= now)
            lanes[(3 * n + LANE_VALUE) * LANES + lane] = value
            out[lane] = call
            some |= call
        out[LANES] = some > 0
        if some > 0:
            return time
    return last


@compiled
def _look_even(shape: tuple[int, ...], market: Market, lanes: Floats, out: Flags, span: tuple[int, int]) -> int:
    """The same where each lane has one trigger for all assets."""
    prices, target = market.prices, market.target
    n, last = len(shape), span[1] - 1
    for time in range(span[0], span[1]):
        now, some = float(time), 0
        for lane in range(LANES):
            # Two sums side by side: one alone waits for each of its additions.
            even, odd, one, other = 0.0, 0.0, 0.0, 0.0
            for i in range(n):
                if i % 2 == 0:
                    even += lanes[i * LANES + lane] * prices[time, i]
                else:
                    odd += lanes[i * LANES + lane] * prices[time, i]
            value = even + odd
            for i in range(n):
                off = abs(lanes[i * LANES + lane] * prices[time, i] - target[i] * value)
                if i % 2 == 0:
                    one = max(one, off)
                else:
                    other = max(other, off)
            beyond = max(one, other) > lanes[(3 * n + LANE_LIMIT) * LANES + lane] * value
            call = beyond & (lanes[(3 * n + LANE_DUE) * LANES + lane] <= now)
            lanes[(3 * n + LANE_VALUE) * LANES + lane] = value
            out[lane] = call
            some |= call
        out[LANES] = some > 0
        if some > 0:
            return time
    return last


@compiled
def _store(n: int, book: Floats, measured: Floats, lanes: Floats, block: tuple[int, int]) -> None:
    start, many = block
    for lane in range(many):
        for i in range(n):
            book[start + lane, i] = lanes[i * LANES + lane]
        book[start + lane, n + DUE] = lanes[(3 * n + LANE_DUE) * LANES + lane]
        book[start + lane, n + VALUE] = lanes[(3 * n + LANE_VALUE) * LANES + lane]
        for row in range(len(measured)):
            measured[row, start + lane] = lanes[(3 * n + LANE_MEASURED + row) * LANES + lane]
