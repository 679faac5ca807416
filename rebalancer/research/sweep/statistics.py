"""Returns in, how likely their Sharpe ratio is to be more than luck, out.

Bailey and Lopez de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and
Non-Normality", 2014. Ratios here are of one period, not of a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, sqrt
from statistics import NormalDist

import numpy as np

from rebalancer.research.model import Floats

_EULER = 0.5772156649015329
_NORMAL = NormalDist()
_ROUNDING = 1e-12
"""Of the largest return: so little apart they are the same."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of returns."""

    sharpe: float
    count: int
    skew: float = 0.0
    kurtosis: float = 3.0
    """3 is the normal distribution's."""


def sample_of(returns: Floats) -> Sample:
    """Without interest on cash. Returns that never move have a ratio of 0, and so have those that rounding moves."""
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    if spread <= _ROUNDING * float(np.abs(returns).max(initial=0.0)):
        return Sample(0.0, len(returns))
    scaled = (returns - returns.mean()) / returns.std()
    return Sample(float(returns.mean()) / spread, len(returns), float((scaled**3).mean()), float((scaled**4).mean()))


def most_by_luck(variance: float, trials: int) -> float:
    """The best ratio that is to be expected of so many independent trials without any skill, whose ratios have this
    variance: the paper's equation for SR0. One trial is nobody's choice, and needs no luck."""
    if trials < 2:
        return 0.0
    first, second = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance) * ((1 - _EULER) * first + _EULER * second)


def probability_above(sample: Sample, than: float) -> float:
    """That the true ratio is above `than`: the paper's PSR. Too short or too odd a sample says nothing: 0.5."""
    sharpe = sample.sharpe
    spread = 1 - sample.skew * sharpe + (sample.kurtosis - 1) / 4 * sharpe * sharpe
    if sample.count < 2 or spread <= 0:
        return 0.5
    return _NORMAL.cdf((sharpe - than) * sqrt(sample.count - 1) / sqrt(spread))


def variance_of(ratios: Floats) -> float:
    """Across trials."""
    return float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
