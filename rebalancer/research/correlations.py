"""Daily prices and weights in; which assets move together, how surely, in crashes too, and what each adds out.

Returns are logarithmic, of a day. Intervals are Fisher's (z = atanh r, deviation 1/sqrt(n - 3)) at 95 %. What
diversifies is measured by the diversification ratio, the weights' mean volatility over the volatility of the whole
(Choueifaty and Coignard 2008): 1 where all move as one, and its square is about how many bets there are. The worst days
are a question of their own (`crashes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.research.crashes import Crashes, crashes_of
from rebalancer.research.model import Floats, Prices

TOGETHER = 0.8
"""Of such a pair two thirds of either's variance is the other's: as bets, they are one and a tenth."""
LEAST = 30
"""Returns: of fewer, the interval of a correlation of a half is wider than a half."""
TENTH = 0.1
"""Of the portfolio, to try what is not in it."""
DAY = 86_400
YEAR = 365
"""Days: these markets never close."""
_SURE = 1.96


@dataclass(frozen=True, slots=True)
class Pair:
    """The correlation of two assets, and between which ends it lies; of the worst days, and there if it is constant."""

    one: str
    other: str
    correlation: float
    low: float
    high: float
    worst: float | None
    worst_constant: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """What one asset is to the whole."""

    symbol: str
    weight: float
    volatility: float
    """Of a year."""
    risk: float
    """Its share of the variance of the whole."""
    ratio_without: float | None
    """The diversification ratio of all others, in their proportions; None: there are no two others."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What an asset that is not held would do: a tenth in it, taken from all others alike."""

    symbol: str
    volatility: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Correlations:
    """Of assets that moved, over `samples` days."""

    symbols: tuple[str, ...]
    matrix: Floats
    """Of shape (assets, assets)."""
    pairs: tuple[Pair, ...]
    """The most alike first."""
    clusters: tuple[tuple[str, ...], ...]
    """Assets whose correlation with each other is TOGETHER or more in the mean; those of one alone are left out."""
    parts: tuple[Part, ...]
    candidates: tuple[Candidate, ...]
    volatility: float
    """Of the whole, in a year, with what never moved in it."""
    moving: float
    """What part of the whole moves: all other figures are of that alone."""
    ratio: float
    still: tuple[str, ...]
    """What never moved."""
    since: int
    until: int
    samples: int
    crashes: Crashes | None
    """None: too few days are among the worst."""


def correlations_of(prices: Prices, weights: Sequence[float]) -> Correlations:
    """`prices` at midnights; `weights` of their columns, zero for what is not held. ConfigError for a short history."""
    of_a_day = np.diff(prices.times) == DAY
    if np.count_nonzero(of_a_day) < LEAST:
        raise ConfigError(
            f"prices: {np.count_nonzero(of_a_day)} returns of one day, expected at least {LEAST}: give a longer "
            "history, or daily prices"
        )
    returns = np.diff(np.log(prices.usd), axis=0)[of_a_day]
    moves = returns.std(axis=0) > 0
    held = np.asarray(weights) * moves
    if np.count_nonzero(held) < 2:
        raise ConfigError("prices: fewer than two assets that are held have moved, so that nothing moves together")
    symbols = tuple(symbol for symbol, moved in zip(prices.symbols, moves, strict=True) if moved)
    returns, shares = returns[:, moves], held[moves] / held.sum()
    covariance: Floats = np.cov(returns, rowvar=False) * float(YEAR)
    crashes = crashes_of(returns, shares)
    parts, candidates = _parts(symbols, shares, covariance), _candidates(symbols, shares, covariance)
    matrix = np.corrcoef(returns, rowvar=False)
    return Correlations(
        symbols=symbols,
        matrix=matrix,
        pairs=_pairs(symbols, matrix, len(returns), crashes),
        clusters=_clusters(symbols, matrix),
        parts=parts,
        candidates=candidates,
        volatility=_volatility(shares, covariance) * float(held.sum()),
        moving=float(held.sum()),
        ratio=diversification(shares, covariance),
        still=tuple(symbol for symbol, moved in zip(prices.symbols, moves, strict=True) if not moved),
        since=int(prices.times[0]),
        until=int(prices.times[-1]),
        samples=len(returns),
        crashes=crashes,
    )


def diversification(weights: Floats, covariance: Floats) -> float:
    """The weights' mean volatility over that of the whole."""
    return float(weights @ np.sqrt(np.diag(covariance))) / _volatility(weights, covariance)


def _volatility(weights: Floats, covariance: Floats) -> float:
    return float(np.sqrt(weights @ covariance @ weights))


def _pairs(symbols: tuple[str, ...], matrix: Floats, samples: int, crashes: Crashes | None) -> tuple[Pair, ...]:
    found = []
    for i, j in combinations(range(len(symbols)), 2):
        known = float(matrix[i, j])
        worst = (None, None) if crashes is None else (float(crashes.matrix[i, j]), float(crashes.if_constant[i, j]))
        found.append(Pair(symbols[i], symbols[j], known, *interval(known, samples), *worst))
    return tuple(sorted(found, key=lambda pair: -pair.correlation))


def interval(correlation: float, samples: int) -> tuple[float, float]:
    """Where it lies at 95 %, of days that are independent and normal."""
    z = np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))
    wide = _SURE / np.sqrt(samples - 3)
    return float(np.tanh(z - wide)), float(np.tanh(z + wide))


def _clusters(symbols: tuple[str, ...], matrix: Floats) -> tuple[tuple[str, ...], ...]:
    """By average linkage: the two that are most alike in the mean are joined, while they are so by TOGETHER."""
    groups = [[place] for place in range(len(symbols))]
    while len(groups) > 1:
        alike = [(float(matrix[np.ix_(a, b)].mean()), a, b) for a, b in combinations(groups, 2)]
        most, one, other = max(alike, key=lambda each: each[0])
        if most < TOGETHER:
            break
        groups = [group for group in groups if group not in (one, other)] + [sorted(one + other)]
    named = (tuple(symbols[place] for place in group) for group in groups if len(group) > 1)
    return tuple(sorted(named, key=len, reverse=True))


def _parts(symbols: tuple[str, ...], shares: Floats, covariance: Floats) -> tuple[Part, ...]:
    risks = shares * (covariance @ shares) / (shares @ covariance @ shares)
    volatilities = np.sqrt(np.diag(covariance))
    found = []
    for place in np.flatnonzero(shares):
        others = np.where(np.arange(len(shares)) == place, 0.0, shares)
        ratio = diversification(others, covariance) if np.count_nonzero(others) > 1 else None
        figures = (float(shares[place]), float(volatilities[place]), float(risks[place]))
        found.append(Part(symbols[place], *figures, ratio))
    return tuple(found)


def _candidates(symbols: tuple[str, ...], shares: Floats, covariance: Floats) -> tuple[Candidate, ...]:
    """The one that makes the ratio the largest first."""
    found = []
    for place in np.flatnonzero(shares == 0):
        mixed = shares * (1 - TENTH)
        mixed[place] = TENTH
        found.append(Candidate(symbols[place], _volatility(mixed, covariance), diversification(mixed, covariance)))
    return tuple(sorted(found, key=lambda one: -one.ratio))
