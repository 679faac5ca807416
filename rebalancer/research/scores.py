"""A table of outcomes in, how good each configuration was out."""

from __future__ import annotations

import numpy as np

from rebalancer.research.kernel_tables import DRIFT, FALL, PRODUCTS, RETURNS, SQUARES, TOTAL
from rebalancer.research.model import Floats, Study
from rebalancer.research.outcomes import FEE, FINAL, GAS, IMPACT, SOLD, TRADES
from rebalancer.research.statistics import most_by_luck, probability_above, sample_of, variance_of
from rebalancer.research.sweep import Deflated, Measures
from rebalancer.units import ONE

YEAR = 365 * 86_400
"""These markets never close."""
_MEASURED = GAS + 1
_FLAT = 1e-13
"""Of the variance of the portfolio left alone: what is left of a difference of equals."""

Span = tuple[int, int]


def years_of(study: Study, span: Span) -> float:
    return float(study.prices.times[span[1]] - study.prices.times[span[0]]) / YEAR


def growth_of(value: Floats, start: float, years: float) -> Floats:
    """Of a year; nothing left is -1."""
    grown: Floats = np.maximum(value / start, 0.0) ** (1 / years) - 1
    return grown


def net_growth(study: Study, table: Floats, span: Span) -> Floats:
    """Of a year, after gas, which the operator paid beside it: what it came to is taken off at the end."""
    return growth_of(table[FINAL] - table[GAS], study.start / ONE, years_of(study, span))


def alone(study: Study, span: Span) -> Floats:
    """Dollars at each time of the portfolio that is on target at the first, and left alone."""
    weights = {target.token.address: target.weight / ONE for target in study.targets}
    prices = study.prices.usd[span[0] : span[1] + 1]
    found: Floats = prices / prices[0] @ np.array([weights[token.address] for token in study.policy.assets])
    return found * (study.start / ONE)


def measures_of(study: Study, table: Floats, span: Span) -> Measures:
    steps, years, measured, often = span[1] - span[0], years_of(study, span), table[_MEASURED:], per_year(study, span)
    mean = measured[RETURNS] / steps
    variance = np.maximum(measured[SQUARES] - steps * mean * mean, 0.0) / (steps - 1)
    value = measured[TOTAL] / (steps + 1)
    spare = np.diff(hold := alone(study, span)) / hold[:-1]
    shared = (measured[PRODUCTS] - steps * mean * spare.mean()) / (steps - 1)
    apart = np.maximum(variance + spare.var(ddof=1) - 2 * shared, 0.0)
    apart[apart < _FLAT * spare.var(ddof=1)] = 0.0
    return Measures(
        final=table[FINAL],
        fee=table[FEE],
        impact=table[IMPACT],
        gas=table[GAS],
        trades=table[TRADES].astype(np.int64),
        turnover=table[SOLD] / value / years,
        growth=net_growth(study, table, span),
        volatility=np.sqrt(variance * often),
        sharpe=_ratio(mean, variance) * np.sqrt(often),
        ahead=_ratio(mean - spare.mean(), apart) * np.sqrt(often),
        drawdown=measured[FALL],
        tracking=np.sqrt(measured[DRIFT] / (steps + 1) / len(study.policy.assets)),
    )


def per_year(study: Study, span: Span) -> float:
    """Returns in a year."""
    return (span[1] - span[0]) / years_of(study, span)


def deflated(returns: Floats, ratios: Floats, yearly: float) -> Deflated:
    """Of the best of all trials, whose `ratios` are of a year; `yearly` is what makes them that."""
    sample, luck = sample_of(returns), most_by_luck(variance_of(ratios / yearly), len(ratios))
    return Deflated(sample.sharpe * yearly, luck * yearly, probability_above(sample, luck), len(ratios))


def _ratio(mean: Floats, variance: Floats) -> Floats:
    """0 where nothing moves."""
    return np.divide(mean, np.sqrt(variance), out=np.zeros_like(mean), where=variance > 0)
