"""A table of outcomes in, how good each configuration was out.

As in a backtest (`measures`), all is counted after the operator's gas, and what a few months came to is not blown up to
a year: below one growth is that of all the time, and there is no Sharpe ratio.
"""

from __future__ import annotations

import numpy as np

from rebalancer.research.kernel.outcomes import FEE, FINAL, GAS, IMPACT, SOLD, TRADES
from rebalancer.research.kernel.tables import DRIFT, LEAST, PRODUCTS, RETURNS, SQUARES
from rebalancer.research.model import Floats, Study
from rebalancer.research.sweep.model import Deflated, Measures, Span
from rebalancer.research.sweep.statistics import most_by_luck, probability_above, sample_of, variance_of
from rebalancer.units import ONE

YEAR = 365 * 86_400
"""These markets never close."""
_MEASURED = GAS + 1
_FLAT = 1e-13
"""Of the variance of the portfolio left alone: what is left of a difference of equals."""
_ALL = 1 - 1e-12
"""A fall so deep leaves nothing."""


def years_of(study: Study, span: Span) -> float:
    return float(study.prices.times[span[1]] - study.prices.times[span[0]]) / YEAR


def growth_of(value: Floats, start: float, years: float) -> Floats:
    """Of a year, in all where there is less than one; nothing left is -1."""
    grown: Floats = np.maximum(value / start, 0.0) ** (1 / max(years, 1.0)) - 1
    return grown


def net_values(table: Floats) -> Floats:
    """Dollars at the last time, less all gas; of shape (configurations,)."""
    found: Floats = table[FINAL] - table[GAS]
    return found


def net_growth(study: Study, table: Floats, span: Span) -> Floats:
    """As `growth_of` has it."""
    return growth_of(net_values(table), study.start / ONE, years_of(study, span))


def total_growth(study: Study, table: Floats) -> Floats:
    """In all; nothing left is -1."""
    return growth_of(net_values(table), study.start / ONE, 1.0)


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
    spare = np.diff(hold := alone(study, span)) / hold[:-1]
    shared = (measured[PRODUCTS] - steps * mean * spare.mean()) / (steps - 1)
    apart = np.maximum(variance + spare.var(ddof=1) - 2 * shared, 0.0)
    apart[apart < _FLAT * spare.var(ddof=1)] = 0.0
    # Where gas has eaten everything there are no returns; in less than a year they say nothing of a ratio.
    lost = 1 - measured[LEAST] >= _ALL
    unknown = lost | (years < 1)
    return Measures(
        final=net_values(table),
        fee=table[FEE],
        impact=table[IMPACT],
        gas=table[GAS],
        trades=table[TRADES].astype(np.int64),
        turnover=table[SOLD] / max(years, 1.0),
        growth=net_growth(study, table, span),
        volatility=np.where(lost, np.nan, np.sqrt(variance * often)),
        sharpe=np.where(unknown, np.nan, _ratio(mean, variance) * np.sqrt(often)),
        ahead=np.where(unknown, np.nan, _ratio(mean - spare.mean(), apart) * np.sqrt(often)),
        drawdown=1 - measured[LEAST],
        tracking=np.sqrt(measured[DRIFT] / steps),
    )


def per_year(study: Study, span: Span) -> float:
    """Returns in a year."""
    return (span[1] - span[0]) / years_of(study, span)


def returns_of(values: Floats) -> Floats | None:
    """From each time to the next; None where nothing is left at some time."""
    return None if (values <= 0).any() else np.diff(values) / values[:-1]


def deflated(returns: Floats | None, ratios: Floats, years: float) -> Deflated | None:
    """Of the best of all trials, whose `ratios` are of a year, NaN where there is none. None for less than a year, or
    without returns."""
    if returns is None or years < 1:
        return None
    yearly, known = np.sqrt(len(returns) / years), ratios[~np.isnan(ratios)]
    sample, luck = sample_of(returns), most_by_luck(variance_of(known / yearly), len(ratios))
    chance = probability_above(sample, luck)
    return Deflated(float(sample.sharpe * yearly), float(luck * yearly), chance, len(ratios))


def _ratio(mean: Floats, variance: Floats) -> Floats:
    """0 where nothing moves."""
    return np.divide(mean, np.sqrt(variance), out=np.zeros_like(mean), where=variance > 0)
