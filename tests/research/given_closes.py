"""Daily closes of assets whose volatilities and correlations are known, and how their targets are estimated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.adapters.targets.estimators import Closes, Floats, followed
from rebalancer.core.model.estimation import Bounds, Estimate, Estimation, EveryMonths, Method
from rebalancer.core.periods import DAY, started, updates_until
from rebalancer.units import PPM, Address, Ppm, Token

FIRST = 20_454 * DAY
"""2026-01-01."""
ANY = (0, PPM)


def closes_of(volatilities: Sequence[float], correlation: float, days: int, drift: float = 0.0) -> Closes:
    """A walk from FIRST on with these daily volatilities, all pairs alike, and the same mean return a day."""
    dice = np.random.default_rng(7)
    count = len(volatilities)
    matrix = np.full((count, count), correlation) + (1 - correlation) * np.eye(count)
    moves = dice.standard_normal((days - 1, count)) @ np.linalg.cholesky(matrix).T * np.asarray(volatilities) + drift
    usd = np.concatenate((np.ones((1, count)), np.cumprod(1 + moves, axis=0)))
    return Closes(FIRST + DAY * np.arange(days), usd)


def weights_at(of: Estimation, closes: Closes, at: int) -> Estimate:
    """What holds at that time, all updates made again."""
    due = updates_until(of, at)
    return followed(of, of.start, closes, due) if due else started(of, at)


def with_moments(covariance: Floats, mean: Sequence[float] = (), copies: int = 1) -> Floats:
    """Returns whose sample has this covariance and this mean, to the last digit."""
    count = len(covariance)
    dice = np.random.default_rng(1).standard_normal((20 * count * copies, count))
    dice -= dice.mean(axis=0)
    whitened = dice @ np.linalg.inv(np.linalg.cholesky(np.cov(dice, rowvar=False)).T)
    found: Floats = whitened @ np.linalg.cholesky(covariance).T
    return found + (np.asarray(mean) if len(mean) else 0.0)


def bounds(*ends: tuple[int, int]) -> tuple[Bounds, ...]:
    return tuple(
        Bounds(Token(f"T{place}", Address(f"0x{place:040x}"), 18), Ppm(low), Ppm(high))
        for place, (low, high) in enumerate(ends)
    )


def estimation(
    method: Method = Method.INVERSE_VOLATILITY,
    step: tuple[int, int] | None = None,
    ends: Sequence[tuple[int, int]] = (ANY, ANY, ANY),
    lookback: int = 60,
) -> Estimation:
    """Of three assets that start at 40, 30 and 30 %, each month anew."""
    start = (Ppm(400_000), Ppm(300_000), Ppm(300_000))
    of_step = None if step is None else (Ppm(step[0]), step[1])
    return Estimation(method, lookback, EveryMonths(1), of_step, start, bounds(*ends))
