"""A seed in, the daily prices of a market that never was out: for trying things where there is no data at all.

Correlated geometric Brownian motions with jumps (Merton 1976), one factor for the whole market:

    d ln P_i = g dt + vol_i (sqrt(c) dM + sqrt(1 - c) dW_i) + common jumps + own jumps - their mean

so that any two logarithms have the correlation c between jumps, and the median of a price grows by g a year. Volatility
does not cluster, correlations do not rise in a fall but for the common jumps, no token dies and no peg breaks: what
does well here has shown only that its arithmetic is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.research.model import Floats, Prices

if TYPE_CHECKING:
    from numpy.random import Generator

DAY = 86_400
YEAR = 365 * DAY
START = 1_577_836_800
"""2020-01-01, 00:00 UTC."""
SYMBOLS = ("BTC", "ETH", "LINK", "UNI", "AAVE")
MOST_CELLS = 50_000_000
"""Times by symbols: 400 MB of floats."""
_FIRST = (30_000.0, 2_000.0, 15.0, 8.0, 100.0)
"""Dollars at the first time; a sixth symbol begins again."""
_DIGITS = 8
"""Significant ones of a price: the last bits of exp() differ between machines, and a seed must not."""


@dataclass(frozen=True, slots=True)
class Market:
    """What kind of market. Shares a year, as fractions of one; the defaults are those of large tokens, 2018 to 2024."""

    volatility: tuple[float, ...] = (0.6, 0.75, 0.9, 0.95, 1.0)
    """Of the first symbols, between jumps; all further ones have the last."""
    correlation: float = 0.65
    growth: float = 0.0
    """Of the median, in logarithms."""
    crashes: float = 3.0
    """Jumps of all tokens at once, in a year."""
    crash: float = -0.07
    """Their mean, in logarithms; as wide again is their deviation."""
    surprises: float = 4.0
    """Jumps of one token alone, in a year."""
    surprise: float = 0.08
    """Their deviation, in logarithms, about zero."""


CRYPTO = Market()


def make_market(
    seed: int = 1, days: int = 1_826, symbols: Sequence[str] = SYMBOLS, step: int = DAY, market: Market = CRYPTO
) -> Prices:
    """Prices of `days` days every `step` seconds, the first of them at 2020-01-01. The same seed, the same market.

    Raises ConfigError where that is no market: fewer than two times, no symbol, one twice, more than memory holds.
    """
    count = days * DAY // step if step > 0 else 0
    _check(seed, symbols, count, step)
    generator = np.random.Generator(np.random.PCG64(seed))
    growth = _growths(generator, count - 1, len(symbols), step / YEAR, market)
    paths = np.vstack([np.zeros(len(symbols)), np.cumsum(growth, axis=0)])
    first = np.array([_FIRST[place % len(_FIRST)] for place in range(len(symbols))])
    times = START + step * np.arange(count, dtype=np.int64)
    return Prices(tuple(symbols), times, _rounded(first * np.exp(paths)))


def _check(seed: int, symbols: Sequence[str], count: int, step: int) -> None:
    if seed < 0:
        raise ConfigError(f"synthetic prices: the seed is {seed}, expected zero or more")
    if step <= 0 or count < 2:
        raise ConfigError(f"synthetic prices: {count} times, expected at least two: more days, or a shorter step")
    if not symbols or len(set(symbols)) != len(symbols) or "" in symbols:
        raise ConfigError(f"synthetic prices: saw the symbols {', '.join(symbols) or 'none'}, expected each once")
    if count * len(symbols) > MOST_CELLS:
        raise ConfigError(
            f"synthetic prices: {count:,} times of {len(symbols)} symbols, expected at most {MOST_CELLS:,} prices; "
            "take fewer days, or a longer step"
        )


def _growths(generator: Generator, count: int, width: int, years: float, market: Market) -> Floats:
    """Logarithms, of shape (count, width)."""
    listed = market.volatility
    volatility = np.array([listed[min(place, len(listed) - 1)] for place in range(width)])
    shared = generator.standard_normal((count, 1)) * np.sqrt(market.correlation)
    own = generator.standard_normal((count, width)) * np.sqrt(1.0 - market.correlation)
    crashes = generator.poisson(market.crashes * years, (count, 1))
    surprises = generator.poisson(market.surprises * years, (count, width))
    # The sum of n normal jumps is normal: n times the mean, sqrt(n) times the deviation.
    crash = market.crash * crashes + abs(market.crash) * np.sqrt(crashes) * generator.standard_normal((count, 1))
    surprise = market.surprise * np.sqrt(surprises) * generator.standard_normal((count, width))
    mean = (market.growth - market.crashes * market.crash) * years
    found: Floats = volatility * np.sqrt(years) * (shared + own) + crash + surprise + mean
    return found


def _rounded(usd: Floats) -> Floats:
    texts = (float(f"{price:.{_DIGITS}g}") for price in usd.ravel().tolist())
    return np.fromiter(texts, dtype=np.float64, count=usd.size).reshape(usd.shape)
