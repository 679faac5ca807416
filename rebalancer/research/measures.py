"""A backtest in, what it came to out: growth, risk, costs and distance from the target weights, each by one formula.

All is counted after the operator's gas: the wealth at a time is the portfolio's value less all gas until then. Crypto
markets never close, so a year is 365 days, and what happens between two samples counts for the time between them.
With r the simple return between two samples and dt the years between them,

    mean         m = sum r / sum dt
    volatility   s = sqrt(sum (r - m dt)^2 / dt / (n - 1)), which for even samples is the standard deviation annualised
    Sharpe       m / s: Sharpe (1994), against a dollar that earns nothing
    Sortino      m / sqrt(sum min(r, 0)^2 / dt / n): Sortino and Price (1994), against no loss

Shares are fractions of one, dollars are dollars, times are Unix seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalancer.research.drawdown import Drawdown, drawdown_of
from rebalancer.research.model import Backtest, Floats, Prices, Times

YEAR = 365 * 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Dollars at the time when they were paid. Tax is no part of it: see `taxes`."""

    fee: float
    impact: float
    gas: float

    @property
    def total(self) -> float:
        return self.fee + self.impact + self.gas


@dataclass(frozen=True, slots=True)
class Measures:
    """What a backtest came to. None: the samples do not carry the figure."""

    years: float
    start: float
    end: float
    """Dollars, after gas."""
    total_return: float
    annual_return: float | None
    """None for less than a year: what a few months came to says nothing of twelve."""
    volatility: float | None
    sharpe: float | None
    """None for less than a year, as the next."""
    sortino: float | None
    drawdown: Drawdown
    rebalances: int
    turnover: float
    """A year, in all where there is less than one: the sum of what was sold, each time as a share of what the portfolio
    was worth then."""
    costs: Costs
    cost_rate: float
    """As turnover, each cost as a share of what the portfolio was worth then."""
    outside: float | None
    """Share of the time in which some weight was outside its band. None: it had no bands."""
    drift: float
    """Root of the mean over time of the sum of squared distances from the targets."""
    tracking_error: float | None
    """Standard deviation a year of what the returns differ from those of the mix (`mix_returns`)."""
    bonus: float | None
    """What it grew more than what it is held against, a year, in all where there is less than one: ln(ratio of their
    growth) / max(years, 1)."""
    bonus_error: float | None
    """Of `bonus`: the standard deviation of its differences a year * sqrt(years) / max(years, 1)."""


def measure(backtest: Backtest, hold: Backtest | None = None, edges: Floats | None = None) -> Measures:
    """All of them. `hold` is over the same times; `edges`, of the shape of `backtest.targets`: how far each weight may
    stand from its target, NaN where it has no band."""
    wealth, years = wealth_of(backtest), years_between(backtest.prices.times)
    whole, grown = float(years.sum()), float(wealth[-1] / wealth[0])
    returns = _returns(wealth)
    volatility, sharpe, sortino = (None, None, None) if returns is None else _risk(returns, years, whole)
    (sold, paid), span = _shares(backtest), max(whole, 1.0)
    bonus = None if hold is None else growth_above(wealth, wealth_of(hold), years)
    return Measures(
        years=whole,
        start=float(wealth[0]),
        end=float(wealth[-1]),
        total_return=grown - 1,
        annual_return=grown ** (1 / whole) - 1 if whole >= 1 and grown > 0 else None,
        volatility=volatility,
        sharpe=sharpe,
        sortino=sortino,
        drawdown=drawdown_of(wealth, backtest.prices.times),
        rebalances=len(backtest.trades),
        turnover=sold / span,
        costs=costs_of(backtest),
        cost_rate=paid / span,
        outside=None if edges is None else _outside(backtest, edges, years),
        drift=_root_mean_square(drifts_after(backtest), drifts_before(backtest), years),
        tracking_error=None if returns is None else _mean_and_deviation(returns - mix_returns(backtest), years)[1],
        bonus=None if bonus is None else bonus[0],
        bonus_error=None if bonus is None else bonus[1],
    )


def values_of(backtest: Backtest) -> Floats:
    """Dollars that the portfolio is worth after each time, gas not counted."""
    found: Floats = (backtest.units * backtest.prices.usd).sum(axis=1)
    return found


def values_before(backtest: Backtest) -> Floats:
    """The same before what was traded at the time."""
    found: Floats = (units_before(backtest) * backtest.prices.usd).sum(axis=1)
    return found


def units_before(backtest: Backtest) -> Floats:
    """Whole tokens before each time; at the first, what was there before it was first traded."""
    opening = backtest.units[0].copy()
    for trade in backtest.trades:
        if trade.at == 0:
            opening -= trade.changes
    return np.concatenate((opening[np.newaxis], backtest.units[:-1]))


def wealth_of(backtest: Backtest) -> Floats:
    """Dollars after each time, less all the gas that the operator has paid until then; at the first what was there
    before anything was paid, so that a cost of the first time is in the first return."""
    gas = np.zeros(len(backtest.prices.times))
    for trade in backtest.trades:
        gas[trade.at] += trade.gas
    found: Floats = values_of(backtest) - np.cumsum(gas)
    found[0] = values_before(backtest)[0]
    return found


def years_between(times: Times) -> Floats:
    """Years from each time to the next; one fewer than times."""
    found: Floats = np.diff(times) / YEAR
    return found


def costs_of(backtest: Backtest) -> Costs:
    """All that was paid."""
    return Costs(
        fee=sum(trade.fee for trade in backtest.trades),
        impact=sum(trade.impact for trade in backtest.trades),
        gas=sum(trade.gas for trade in backtest.trades),
    )


def growth_above(wealth: Floats, other: Floats, years: Floats) -> tuple[float, float | None] | None:
    """What one grew more than the other, in logarithms, and the standard error of that: a year, in all where there is
    less than one. None where either has lost everything on the way."""
    if not ((wealth > 0).all() and (other > 0).all()):
        return None
    mean, deviation = _mean_and_deviation(np.diff(np.log(wealth / other)), years)
    whole = float(years.sum())
    share = whole / max(whole, 1.0)
    return mean * share, None if deviation is None else deviation / math.sqrt(whole) * share


def weights_after(backtest: Backtest) -> Floats:
    """Of shape (times, assets), as they stand after what was traded."""
    return _weights(backtest.units, backtest.prices)


def weights_before(backtest: Backtest) -> Floats:
    """The same before it: as far as the prices have moved them."""
    return _weights(units_before(backtest), backtest.prices)


def drifts_after(backtest: Backtest) -> Floats:
    return weights_after(backtest) - backtest.targets


def drifts_before(backtest: Backtest) -> Floats:
    """From the targets that held until then."""
    targets: Floats = np.concatenate((backtest.targets[:1], backtest.targets[:-1]))
    return weights_before(backtest) - targets


def mix_returns(backtest: Backtest) -> Floats:
    """From each time to the next, what the target weights return when they are held without drift and without cost."""
    prices = backtest.prices.usd
    found: Floats = (backtest.targets[:-1] * (prices[1:] / prices[:-1])).sum(axis=1) - 1
    return found


def _returns(wealth: Floats) -> Floats | None:
    """Simple returns; None where gas has eaten everything."""
    if not (wealth > 0).all():
        return None
    found: Floats = np.diff(wealth) / wealth[:-1]
    return found


def _risk(returns: Floats, years: Floats, whole: float) -> tuple[float | None, float | None, float | None]:
    """(volatility, Sharpe, Sortino); no ratios of less than a year, where their standard error is above one."""
    mean, deviation = _mean_and_deviation(returns, years)
    if whole < 1:
        return deviation, None, None
    below = float(np.sqrt((np.minimum(returns, 0.0) ** 2 / years).mean()))
    return deviation, mean / deviation if deviation else None, mean / below if below else None


def _mean_and_deviation(returns: Floats, years: Floats) -> tuple[float, float | None]:
    """A year, as the module's formulas say; no deviation of fewer than two returns."""
    mean = float(returns.sum() / years.sum())
    if len(returns) < 2:
        return mean, None
    return mean, float(np.sqrt(((returns - mean * years) ** 2 / years).sum() / (len(returns) - 1)))


def _shares(backtest: Backtest) -> tuple[float, float]:
    """What was sold, and what was paid, each time as a share of what the portfolio was worth then; their sums."""
    before = values_before(backtest)
    sold = sum(trade.traded / before[trade.at] for trade in backtest.trades)
    paid = sum((trade.fee + trade.impact + trade.gas) / before[trade.at] for trade in backtest.trades)
    return float(sold), float(paid)


def _weights(units: Floats, prices: Prices) -> Floats:
    values = units * prices.usd
    found: Floats = values / values.sum(axis=1, keepdims=True)
    return found


def _root_mean_square(after: Floats, before: Floats, years: Floats) -> float:
    return math.sqrt(_over_time((after**2).sum(axis=1), (before**2).sum(axis=1), years))


def _outside(backtest: Backtest, edges: Floats, years: Floats) -> float | None:
    if np.isnan(edges).all():
        return None
    after = _any_beyond(drifts_after(backtest), edges)
    before = _any_beyond(drifts_before(backtest), np.concatenate((edges[:1], edges[:-1])))
    return _over_time(after, before, years)


def _any_beyond(drifts: Floats, edges: Floats) -> Floats:
    # A comparison with NaN is false: an asset without a band is never outside.
    found: NDArray[np.bool_] = (np.abs(drifts) > edges).any(axis=1)
    return found.astype(np.float64)


def _over_time(after: Floats, before: Floats, years: Floats) -> float:
    """Mean over the time between the samples of what starts as `after` one and has become `before` the next: that of
    the two ends, for what lies between has not been seen."""
    return float((years * (after[:-1] + before[1:])).sum() / (2 * years.sum()))
