"""The words of a study as frozen values: what is looked back on, what is asked of it, and what came of it.

Nothing here computes. Floats are for looking back only: what the live tick decides on are the integers that
`Prices.usd` stands for, each to its last digit (`prices.reading.usd_of`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalancer.core.model import Back, Cadence, Policy, Target
from rebalancer.core.model.estimation import Estimation
from rebalancer.units import Ppm, Token, Usd, Weight

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""

DOLLAR = "USD"
"""The unit itself: its price is one at all times, and no source has a column of it."""

LEAST_FEE = Ppm(1)
"""What a pool keeps at least: where trading in circles is free, a plan is no better than others, and weights miss their
targets."""

BASE_GAS = 100_000
"""What a rebalance uses beside its swaps, whose own gas is reckoned a fifth high (`market.routing`). So a batch of two
V3 swaps counts as 340,000: one through a module of five tokens was measured to use 348,867 (tests/contracts), a Safe's
own 103,267 less (ADR 10). `core.optimal_bands.BATCH_GAS` is of one swap through that module, which weighs one token."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What one whole token was worth in dollars: `usd` of shape (times, symbols), none zero, none missing.

    `times` in Unix seconds, each later than the one before; a price is what was known at that second.
    """

    symbols: tuple[str, ...]
    times: Times
    usd: Floats


@dataclass(frozen=True, slots=True)
class Frictions:
    """What trading costs, one entry for each asset of the policy where nothing else is said."""

    fee: tuple[Ppm, ...]
    """What the asset's pool against the hub keeps of what goes in. Of the hub itself it says nothing."""
    depth: tuple[Usd | None, ...]
    """Dollars on either side of a constant-product pool over all prices against the hub: a trade of v loses v/depth to
    its own size. None: so deep that nothing is lost."""
    gas_price: Times
    """Wei for a unit of gas, by time; of shape (times,)."""
    coin: Floats
    """Dollars of the chain's native coin, by time; of shape (times,)."""


@dataclass(frozen=True, slots=True)
class Study:
    """One question to the past: had this policy held this portfolio from the first time on, what had come of it?

    `prices` has a column for each asset of `policy.assets`, in their order. Each has a pool against `hub` and no other.
    """

    policy: Policy
    targets: tuple[Target, ...]
    hub: Token
    """An asset, or dollars that a trade only passes through."""
    prices: Prices
    frictions: Frictions
    start: Usd
    """What it is worth at the first time, all of it on target: nothing is paid to come there."""
    estimation: Estimation | None = None
    """How the targets are found, from the study's own first time on; None: they stay as they are."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One member of a sweep's grid. Bands without `every`: a threshold; `every` without bands: a calendar; both: a
    hybrid; neither: nothing is ever traded."""

    band: Weight | None
    """How far any weight may stand off its target, as a share of the portfolio."""
    relative: Weight | None
    """The same as a share of the target; the nearer of both edges counts."""
    back: Back
    """How far back a rebalance goes; a calendar goes to the target, whatever it says."""
    every: Cadence | None
    """Seconds since the last rebalance, or a schedule."""
    fee: Ppm | None
    """Of every pool; None: as the study has them."""
    depth: Usd | None
    """Dollars on either side of every pool; None: as the study has them."""


@dataclass(frozen=True, slots=True)
class Traded:
    """One rebalance that was made. Amounts in whole tokens, costs in dollars."""

    at: int
    """Its place in `Prices.times`."""
    changes: tuple[float, ...]
    """Of each asset, signed."""
    traded: float
    """Dollars that changed hands: what was sold, at the oracle."""
    fee: float
    impact: float
    gas: float
    """The operator's, and so no part of the portfolio's value."""
    why: str


HALTED = "halted, and resumed at once"
"""What stands before the reason of a halt."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of a study, or of something that it is held against.

    `units`: whole tokens held after each time, of shape (times, assets); the value at a time is units x prices there.
    """

    name: str
    prices: Prices
    targets: Floats
    """Weights at each time, of shape (times, assets)."""
    units: Floats
    trades: tuple[Traded, ...]
    held: tuple[tuple[str, int], ...] = ()
    """Why nothing was done where something was called for, and how often; the most frequent first."""
