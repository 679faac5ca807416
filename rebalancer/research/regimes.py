"""A backtest in, how it did while markets rose, fell or went sideways, out.

A market rises at a time when the mix of all assets but dollars, in equal parts at each sample, has returned more than
`LEAST` over the `BACK` before it, and falls when it has lost more. That looks back only, so that each label could have
been put there at the time; but it is put on what has just happened, and so says what such times were like, not what
follows them. The first `BACK` of the history has no label, and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rebalancer.research.measures import values_before, wealth_of, years_between
from rebalancer.research.model import Backtest, Floats, Prices

BACK = 90 * 86_400
"""Seconds."""
LEAST = 0.20


class Regime(StrEnum):
    """What the market was doing."""

    RISING = "rising"
    FALLING = "falling"
    SIDEWAYS = "sideways"


@dataclass(frozen=True, slots=True)
class Spell:
    """All time in one regime together. None: there was none of it."""

    regime: Regime
    share: float
    """Of the time that has a label."""
    growth: float | None
    """In all of that time: 0.1 is 10 %."""
    against: float | None
    """The same of what it is held against."""
    turnover: float | None
    """Of a year of it."""


def spells(backtest: Backtest, hold: Backtest) -> tuple[Spell, ...]:
    """One for each regime; none where the history is too short to label any of it."""
    labels = labels_of(backtest.prices)
    if all(label is None for label in labels):
        return ()
    return tuple(_spell(regime, labels, backtest, hold) for regime in Regime)


def labels_of(prices: Prices) -> tuple[Regime | None, ...]:
    """For each time, what the market had been doing by then; None where too little of it is known."""
    index = _equal_mix(prices)
    since = np.searchsorted(prices.times, prices.times - BACK, side="right") - 1
    return tuple(None if start < 0 else _label(float(index[at] / index[start] - 1)) for at, start in enumerate(since))


def is_dollar(prices: Prices) -> NDArray[np.bool_]:
    """Of each column, whether it is worth one dollar at all times."""
    found: NDArray[np.bool_] = (prices.usd == 1.0).all(axis=0)
    return found


def _label(past: float) -> Regime:
    if past > LEAST:
        return Regime.RISING
    return Regime.FALLING if past < -LEAST else Regime.SIDEWAYS


def _equal_mix(prices: Prices) -> Floats:
    """What one dollar became; always one where there is nothing but dollars."""
    usd = prices.usd[:, ~is_dollar(prices)]
    if usd.shape[1] == 0:
        return np.ones(len(prices.times))
    return np.concatenate((np.ones(1), np.cumprod((usd[1:] / usd[:-1]).mean(axis=1))))


def _spell(regime: Regime, labels: tuple[Regime | None, ...], backtest: Backtest, hold: Backtest) -> Spell:
    """What happened between two times belongs to the label of the later."""
    ours = np.array([label is regime for label in labels])
    years = years_between(backtest.prices.times)
    labelled = float(years[[label is not None for label in labels[1:]]].sum())
    spent = float(years[ours[1:]].sum())
    before = values_before(backtest)
    sold = sum(trade.traded / before[trade.at] for trade in backtest.trades if ours[trade.at])
    return Spell(
        regime=regime,
        share=spent / labelled if labelled else 0.0,
        growth=_growth(wealth_of(backtest), ours),
        against=_growth(wealth_of(hold), ours),
        turnover=float(sold) / spent if spent else None,
    )


def _growth(wealth: Floats, ours: NDArray[np.bool_]) -> float | None:
    if not ours[1:].any() or not (wealth > 0).all():
        return None
    return float(np.prod((wealth[1:] / wealth[:-1])[ours[1:]])) - 1
