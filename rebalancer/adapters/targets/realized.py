"""Prices on one grid of times in; the yearly standard deviation of each asset against the rest of them out.

What moves a weight w is the asset's growth against that of everything else: logit(w) = ln(w/(1-w)) changes by

    x_i = ln(g_i) - ln(sum_{j != i} w_j g_j / sum_{j != i} w_j)

with g the growth of a price over an interval and w the weights at its beginning, here the targets. So a weight on its
target moves by w(1-w) x_i, the `s` of `core.optimal` is w(1-w) times the deviation of x_i, and the covariances are in
it: no matrix is needed. The variance of a year is the realized one,

    vol_i^2 = sum x_i^2 / years,

without taking a mean off: over months the mean is noise, and at most a hundredth of the variance. It is unbiased for
intervals of any length, so that a grid may have gaps (Andersen, Bollerslev, Diebold and Labys 2003; the last price
before each time stands for it, as in Gencay, Dacorogna and others 2001). Its standard error is vol/sqrt(2 n) of n
intervals. An interval should be long against the silence of the feeds: prices of different age look less correlated
than they are (Epps 1979), and a feed writes nothing below its threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, log, sqrt

from rebalancer.units import Weight

YEAR = 365 * 86_400
"""Seconds: these markets never close."""
_DIGITS = 10**6
"""Of a result, cut there: a thousand times finer than it can be known, and the same on every machine."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The prices of all assets at one time in Unix seconds, in any unit that stays the same. None is zero or less."""

    time: int
    prices: tuple[int, ...]


def deviations_down(samples: Sequence[Sample], weights: Sequence[Weight]) -> tuple[Weight, ...]:
    """One for each asset, 1e18 to 100 % a year; at least two samples, in the order of time.

    Zero where there is no rest: an asset alone does not move its weight.
    """
    elapsed = samples[-1].time - samples[0].time
    growths = [_growths(a, b) for a, b in zip(samples, samples[1:], strict=False)]
    found = []
    for place in range(len(weights)):
        squares = fsum(_against_rest(growth, weights, place) ** 2 for growth in growths)
        found.append(Weight(int(sqrt(squares * YEAR / elapsed) * _DIGITS) * (10**18 // _DIGITS)))
    return tuple(found)


def _growths(before: Sample, after: Sample) -> list[float]:
    return [b / a for a, b in zip(before.prices, after.prices, strict=True)]


def _against_rest(growths: Sequence[float], weights: Sequence[Weight], place: int) -> float:
    """x_i of one interval."""
    rest = sum(weight for j, weight in enumerate(weights) if j != place)
    if rest == 0:
        return 0.0
    others = fsum(
        weight * growth for j, (weight, growth) in enumerate(zip(weights, growths, strict=True)) if j != place
    )
    return log(growths[place]) - log(others / rest)
