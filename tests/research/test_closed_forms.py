"""The closed forms of a drifting weight, through the kernel: turnover, rebalances, mean squared drift.

Half of the portfolio is an asset whose returns are so small that its weight is a Brownian motion. It is looked at in
steps of s, and so is found beyond a trigger by 0.5826 s on average (Chernoff, 1965; Broadie, Glasserman and Kou, 1997):
the formulas hold for a trigger that much wider. Trading is free, for the path to be the drift's alone.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
from given_grids import DAY, HOLD, threshold
from given_studies import study_of

from rebalancer.core.bands import SHY_OF_EDGE
from rebalancer.core.model import Back
from rebalancer.core.model.snapshot import SLOT
from rebalancer.research.kernel_tables import DRIFT
from rebalancer.research.outcomes import GAS, SOLD, TRADES, outcomes
from rebalancer.units import BPS, Usd

STEP = 0.0001
"""s: of the weight, in one day; a quarter of the asset's returns."""
BAND = 0.002
BEYOND = 0.5826 * STEP
EDGE = BAND - SHY_OF_EDGE / BPS
CALENDAR = 50
RULES = (
    threshold(BAND),
    threshold(BAND, Back.HALF),
    threshold(BAND, Back.EDGE),
    # A rebalance settles a block after its time, and the next is due as long after that.
    replace(HOLD, every=CALENDAR * DAY - SLOT),
)


def simulated(seeds: int, days: int) -> list[tuple[float, float, float]]:
    """(turnover, rebalances, mean squared drift) of each rule, the first two by step."""
    found = np.zeros((3, len(RULES)))
    for seed in range(seeds):
        returns = np.random.default_rng(seed).normal(0, 4 * STEP, days)
        usd = np.stack([np.exp(np.cumsum(returns)), np.ones(days)], axis=1)
        study = replace(study_of(usd, ("A", "USD"), fee=0), start=Usd(10**36))
        table = outcomes(study, RULES, (0, days - 1))
        growth = usd[:, 0].mean() / 2 + 0.5
        found += table[SOLD] / 1e18 / growth, table[TRADES], table[GAS + 1 + DRIFT] / 2
    return [tuple(column) for column in (found / (seeds * days)).T]


def formulas() -> list[tuple[float, float, float]]:
    trigger, square = BAND + BEYOND, STEP**2
    drawn = [
        # Drift is noted after each trade, and so without the last step before it: s^2/2 less.
        (square / (trigger + back), square / (trigger**2 - back**2), (trigger**2 + back**2) / 6 - square / 2)
        for back in (0.0, BAND / 2, EDGE)
    ]
    periodic = (STEP * sqrt(2 / (pi * CALENDAR)), 1 / CALENDAR, square * (CALENDAR - 1) / 2)
    return [*drawn, periodic]


def compare(seeds: int, days: int, tolerance: tuple[float, float]) -> None:
    for found, expected in zip(simulated(seeds, days), formulas(), strict=True):
        assert found[:2] == pytest.approx(expected[:2], rel=tolerance[0])
        assert found[2] == pytest.approx(expected[2], rel=tolerance[1])


def test_kernel__on_a_weight_that_drifts__has_the_turnover_and_the_drift_of_the_closed_forms() -> None:
    compare(12, 150_000, (0.04, 0.05))


@pytest.mark.slow
def test_kernel__on_a_long_drift__comes_as_near_to_the_closed_forms_as_they_were_checked() -> None:
    compare(250, 200_000, (0.025, 0.005))
