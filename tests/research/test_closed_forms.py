"""The closed forms of a drifting weight, through the kernel: turnover, rebalances, mean squared drift.

Half of the portfolio is an asset whose returns are so small that its weight is a Brownian motion; trading is free, for
the path to be the drift's alone. It is looked at in steps of s, and so is found beyond a trigger: by 0.5826 s on
average (Chernoff, 1965; Broadie, Glasserman and Kou, 1997), with a variance of s^2/4 (Siegmund, 1985). The formulas
hold for a trigger that much wider, the variance put in where squares are. One rule's drift is known to 1 % from ten
million steps: so each rule is tried with many bands on the same path, in one call, and what is held against the
formulas is the mean of what each has come to over what it should.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
from given_grids import DAY, HOLD
from given_studies import study_of

from rebalancer.core.bands import SHY_OF_EDGE
from rebalancer.core.model import Back
from rebalancer.research.kernel.outcomes import GAS, SOLD, TRADES, outcomes
from rebalancer.research.kernel.tables import DRIFT
from rebalancer.research.model import Floats
from rebalancer.units import BPS, ONE, Usd, Weight

STEP = 0.0001
"""s: of the weight, in one day; a quarter of the asset's returns."""
BANDS = tuple(STEP * half / 2 for half in range(20, 52))
DAYS = tuple(range(20, 52))
DRAWN = [replace(HOLD, band=Weight(round(b * 10**6) * (ONE // 10**6)), back=back) for back in Back for b in BANDS]
RULES = (*DRAWN, *(replace(HOLD, every=days * DAY) for days in DAYS))
TIMES = 200_000


def simulated(seed: int) -> Floats:
    """(turnover, rebalances, mean squared drift) of each rule, by step."""
    returns = np.random.default_rng(seed).normal(0, 4 * STEP, TIMES)
    usd = np.stack([np.exp(np.cumsum(returns)), np.ones(TIMES)], axis=1)
    study = replace(study_of(usd, ("A", "USD"), fee=0), start=Usd(10**36))
    table = outcomes(study, RULES, (0, TIMES - 1))
    return np.stack([table[SOLD], table[TRADES], table[GAS + 1 + DRIFT] / 2]) / TIMES


def formulas() -> Floats:
    """The same: by Wald's identities for x^2 and x^4, from a rebalance to the next."""
    square = STEP**2
    found = []
    for back in Back:
        for band in BANDS:
            inner = {Back.TARGET: 0.0, Back.HALF: band / 2, Back.EDGE: band - SHY_OF_EDGE / BPS}[back]
            outer = band + 0.5826 * STEP
            second, fourth = outer**2 + square / 4, outer**4 + 6 * outer**2 * square / 4
            steps = (second - inner**2) / square
            found.append(((outer - inner) / steps, 1 / steps, (fourth - inner**4) / (6 * steps * square)))
    found += [(STEP * sqrt(2 / (pi * days)), 1 / days, square * days / 2) for days in DAYS]
    return np.array(found).T


def compare(seeds: int, tolerance: tuple[float, float, float]) -> None:
    """`tolerance`: of turnover, rebalances, and mean squared drift."""
    with ThreadPoolExecutor(2) as threads:
        found = np.mean(list(threads.map(simulated, range(seeds))), axis=0)
    apart = (found / formulas()).reshape(3, -1, len(BANDS)).mean(axis=2) - 1
    assert (np.abs(apart) <= np.array(tolerance)[:, np.newaxis]).all(), apart


def test_kernel__on_a_weight_that_drifts__has_the_turnover_and_the_drift_of_the_closed_forms() -> None:
    compare(6, (0.025, 0.025, 0.025))


@pytest.mark.slow
def test_kernel__on_a_long_drift__comes_as_near_to_the_closed_forms_as_they_were_checked() -> None:
    # Standard errors are a fifth of these, or less.
    compare(160, (0.025, 0.025, 0.005))
