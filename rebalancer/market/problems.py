"""A market, and the problem of some of its pools: rows, what is held and wanted in, curves to solve on out.

Waiting is a pool among the others. It takes a token of which there is too much, and gives one of which there is too
little, for a fee and without end; so what the pools carry only dearly, or not at all, stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebalancer.market.curves import Floats, Row, curves_of, level_row
from rebalancer.market.optimum import Problem

Stock = tuple[Floats, Floats]
"""By token: dollars held, and the share wanted."""

_PAST = 0.1
"""What it costs to be past what is wanted, of each dollar: more than pools ever pay beyond the oracle, and little more.
Who is at his goal comes to be past it by his share of all costs."""
_DEEP = 1e6
"""Times what is held: the liquidity of waiting, so that the price of it hardly depends on how much waits."""


@dataclass(frozen=True, slots=True)
class Market:
    """Pools as rows, with the places of their tokens, the units of gas of a swap through each, and its kind."""

    rows: tuple[Row, ...]
    zero: tuple[int, ...]
    one: tuple[int, ...]
    gas: tuple[int, ...]
    kinds: tuple[int, ...]


def problem_of(
    market: Market, pools: Sequence[int], stock: tuple[Floats, Floats], wait: float | None
) -> Problem | None:
    """The market of some pools, and, where waiting is allowed, of one more token: a dollar that waits.

    `wait`: what it costs to leave a dollar where it is not wanted; None: nothing may be left. None where there is
    nothing to trade on.
    """
    held, wanted = stock
    rows = [market.rows[pool] for pool in pools]
    zero, one = [market.zero[pool] for pool in pools], [market.one[pool] for pool in pools]
    if wait is None:
        return Problem(curves_of(rows, zero, one), held, wanted) if rows else None
    waiter = len(held)
    active = [token for token in range(waiter) if held[token] > 0 or wanted[token] > 0]
    waits = [_waits(float(held[token] - wanted[token] * held.sum()), float(held.sum()), wait) for token in active]
    curves = curves_of([*rows, *waits], [*zero, *active], [*one, *(waiter for _ in active)])
    return Problem(curves, np.append(held, 0.0), np.append(wanted, 0.0))


def _waits(over: float, held: float, wait: float) -> Row:
    """Waiting, as a pool: who is over stays over for it, and who is under stays under.

    The other way it is dear: where pools pay more than waiting costs, nobody is to be taken past what is wanted.
    """
    kept = 1 - wait / 2, 1 - _PAST
    return level_row(kept if over > 0 else kept[::-1], held * _DEEP)
