"""The leanest kernel that we can write of the bare arithmetic: what `bench/sweep.py` holds the real one against.

One kind of trigger, an absolute band; back to the targets; one fee; no depth, no calendar, no books but the final
value and the count of rebalances. Trades are sized together with the fee exact. The number of assets and the width of a
block are known when it is compiled; a block stays in the nearest cache, and the inner loop is one run of vectors in
which each product is computed once. Tried and slower: blocks of 64 (by 6 %) and of 256; vectors over the days of one
configuration instead of over configurations (the look is as fast, its many starts anew cost more); flags and values
written down for each time; and a division more in the step of Newton's that only confirms the root.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

LANES = 128
ASSETS = 10
CHUNK = 128

_LOOSE = {"contract", "nnan", "ninf", "nsz", "reassoc"}


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_LOOSE)
def floor(  # noqa: C901, PLR0913, PLR0915 - a call costs more than a line here
    prices: Any, targets: Any, bands: Any, fee: float, span: Any, books: Any
) -> None:
    final, trades = books
    held, over, band, worth = np.empty(ASSETS * LANES), np.empty(LANES), np.empty(LANES), np.empty(ASSETS)
    kept, need, days = 1.0 - fee, 1.0 / (1.0 - fee), len(prices)
    for start in range(span[0], span[1], LANES):
        many = min(LANES, span[1] - start)
        for lane in range(LANES):
            band[lane] = bands[start + lane] if lane < many else 1e9
            for i in range(ASSETS):
                held[i * LANES + lane] = targets[i] / prices[0, i]
        for day in range(1, days):
            some = 0
            for lane in range(LANES):
                even, odd, one, other = 0.0, 0.0, 0.0, 0.0
                for i in range(ASSETS):
                    if i % 2 == 0:
                        even += held[i * LANES + lane] * prices[day, i]
                    else:
                        odd += held[i * LANES + lane] * prices[day, i]
                whole = even + odd
                for i in range(ASSETS):
                    off = abs(held[i * LANES + lane] * prices[day, i] - targets[i] * whole)
                    if i % 2 == 0:
                        one = max(one, off)
                    else:
                        other = max(other, off)
                beyond = max(one, other) - band[lane] * whole
                over[lane] = beyond
                some |= beyond > 0.0
            if some == 0:
                continue
            for lane in range(LANES):
                if over[lane] > 0.0:
                    whole = 0.0
                    for i in range(ASSETS):
                        worth[i] = held[i * LANES + lane] * prices[day, i]
                        whole += worth[i]
                    total = whole
                    for _ in range(20):
                        left, slope = 0.0, 0.0
                        for i in range(ASSETS):
                            off = worth[i] - total * targets[i]
                            rate = kept if off > 0.0 else need
                            left += off * rate
                            slope += targets[i] * rate
                        if abs(left) <= 1e-14 * whole:
                            break
                        total += left / slope
                    for i in range(ASSETS):
                        held[i * LANES + lane] = total * targets[i] / prices[day, i]
                    trades[start + lane] += 1
        for lane in range(many):
            value = 0.0
            for i in range(ASSETS):
                value += held[i * LANES + lane] * prices[days - 1, i]
            final[start + lane] = value


def run_floor(prices: Any, targets: Any, bands: Any, fee: float, threads: ThreadPoolExecutor) -> tuple[Any, Any]:
    """(final values of one dollar, rebalances), on as many threads as there are."""
    final, trades = np.empty(len(bands)), np.zeros(len(bands), dtype=np.int64)
    spans = [(start, min(start + CHUNK, len(bands))) for start in range(0, len(bands), CHUNK)]
    list(threads.map(lambda span: floor(prices, targets, bands, fee, span, (final, trades)), spans))
    return final, trades
