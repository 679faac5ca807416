"""Targets that are estimated: by which method, from which days, how often, between which bounds, how far at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rebalancer.units import Ppm, Token


class Method(Enum):
    """How the weights follow from past prices. The first two need no figure but the deviations, or none at all."""

    EQUAL = "equal"
    INVERSE_VOLATILITY = "inverse_volatility"
    EQUAL_RISK = "equal_risk"
    """Each token contributes the same to the variance of the whole."""
    MINIMUM_VARIANCE = "minimum_variance"
    MAXIMUM_SHARPE = "maximum_sharpe"
    """Of the mean to the deviation over the days that are looked back on."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that a token's target may be. Where both are the same it is not estimated."""

    token: Token
    least: Ppm
    most: Ppm


@dataclass(frozen=True, slots=True)
class EveryMonths:
    """Estimated anew at 00:00 UTC on the first of every so many months: 1, or 3 from January on."""

    months: int


@dataclass(frozen=True, slots=True)
class EveryDays:
    """Estimated anew at 00:00 UTC every so many days, of which `first` is one (in days since 1970-01-01)."""

    days: int
    first: int


Update = EveryMonths | EveryDays


@dataclass(frozen=True, slots=True)
class Estimation:
    """How the targets are found, for the assets of the policy in their order."""

    method: Method
    lookback: int
    """Days whose returns count."""
    update: Update
    step: tuple[Ppm, int] | None
    """The most that a target may move at one update, and since when they move, in Unix seconds: from `start`, so that
    anybody finds the same weights again. None: they go to the estimate at once."""
    start: tuple[Ppm, ...]
    """As the owners give them: what holds until there is an estimate."""
    bounds: tuple[Bounds, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What came of one update; all times in Unix seconds."""

    at: int
    """The update's own time: no price after it counts."""
    before: tuple[Ppm, ...]
    wanted: tuple[Ppm, ...] | None
    """What the method says, inside the bounds; None: nothing, and `why`."""
    weights: tuple[Ppm, ...]
    """What holds from then on, at most a step from `before`."""
    since: int
    """Of the first price."""
    until: int
    """Of the newest."""
    samples: int
    """Returns."""
    why: str | None = None
    """Why the weights before hold."""
