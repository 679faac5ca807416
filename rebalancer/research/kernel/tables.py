"""What the kernel works on: the columns and rows of its tables, and what stays the same for all configurations.

Tables are flat and few: what a compiled function is handed costs more than what it computes.
"""

from __future__ import annotations

from typing import NamedTuple

from rebalancer.research.model import Floats, Times

LANES = 128
"""Configurations that are looked at together: enough that what is made ready for each time is worth it, and few enough
that what is known of them stays in the nearest cache."""
STAYS, MOVES = 1, 2
# Columns of a rule after its parts: 1, or -1 where no band has to be left, or NEVER where none can be; the row of
# `Market.due`; whether a rebalance may leave a weight off its target (STAYS) and a trade moves a price (MOVES); where
# the trigger of all assets is the same, LIMIT times that, else 0.
LIMIT, CADENCE, KIND, EVEN = range(4)
RULES = 4
NEVER = 1e300
# Columns of a book after its units: the first time at which something may be traded, dollars, a count, what was sold
# as shares of the portfolio then, dollars.
DUE, VALUE, TRADES, SOLD, FEE, IMPACT, GAS = range(7)
BOOK = 7
# Rows of what is measured: 1/wealth before, sums of returns, of their squares, and of their products with those of the
# portfolio left alone; 1/height, the least share of one; squared drifts, of each step the mean of what it began with
# and ended with; the gas until now.
BEFORE, RETURNS, SQUARES, PRODUCTS, PEAK, LEAST, DRIFT, PAID = range(8)
MEASURED = 8
# Rows of a block of lanes, after units and trigger of each asset: the trigger of all of them; when something may be
# traded again; dollars; the sum of squared distances from the targets, and by how much a trigger is passed, in dollars.
LANE_LIMIT, LANE_DUE, LANE_VALUE, LANE_SQUARE, LANE_BEYOND, LANE_MEASURED = range(6)
ROWS = 5 + MEASURED


class Market(NamedTuple):
    """What is the same for all configurations. Assets are filled up with ones that nobody holds."""

    prices: Floats
    """(times, assets)."""
    due: Times
    """(cadences, times): the first time at which one is due again that was last traded at this one."""
    opened: Times
    """(cadences, times): the first time from this one on at which one is due yet that was not traded since: a moment of
    a schedule passes."""
    days: Floats
    """(times, 3): 0 where nothing may be traded, dollars for a unit of gas, the return of the portfolio left alone."""
    target: Floats
    """(assets,)."""
    hub: int
    """Its place; -1: it is none of the assets."""
    cash: int
    """Which takes first what does not even out; -1: none."""


class Kept(NamedTuple):
    """What is written down on the way; each is left empty where nobody asks for it."""

    noted: tuple[int, ...]
    """One zero, or none where nothing is written down: known when the kernel is compiled."""
    measured: Floats
    """(MEASURED, configurations)."""
    values: Floats
    """(times, configurations): dollars after the trades of each time, less all gas until then."""
    units: Floats
    """(times, configurations, assets): after the trades of each time."""
