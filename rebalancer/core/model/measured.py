"""What daily prices say of tokens: how far they move, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.units import Token, Usd, Weight


@dataclass(frozen=True, slots=True)
class Volatility:
    """The standard deviation of a token's return against the rest of the portfolio: 1e18 is 100 % in a year."""

    token: Token
    per_year: Weight


@dataclass(frozen=True, slots=True)
class Measured:
    """How far tokens have moved against the rest of the portfolio; all times in Unix seconds."""

    volatilities: tuple[Volatility, ...]
    since: int
    """Of the first price."""
    until: int
    """Of the newest."""
    samples: int
    """Returns."""


NOTHING_MEASURED = Measured((), 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Trend:
    """Dollars of one whole token over the days of a `Patience`; None: its windows ask for no such figure."""

    token: Token
    average: Usd | None
    """Of the daily prices."""
    highest: Usd | None
    """Of the daily prices."""


@dataclass(frozen=True, slots=True)
class Trends:
    """One for each token that has a history; times in Unix seconds. A token without one is never waited for."""

    trends: tuple[Trend, ...]
    since: int
    """Of the first price."""
    until: int
    """Of the newest."""


NO_TRENDS = Trends((), 0, 0)
