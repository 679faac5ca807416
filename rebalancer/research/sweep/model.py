"""The words of a sweep as frozen values: what became of every configuration, and of choosing among them."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.research.model import Configuration, Floats, Study, Times
from rebalancer.units import Ppm

Span = tuple[int, int]
"""Places in `Prices.times`, both counted."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What became of each configuration, over all times; each of shape (configurations,). Money in dollars.

    NaN: the times do not carry the figure, as for a ratio of less than a year.
    """

    final: Floats
    """Worth at the last time, after fee, impact and gas."""
    fee: Floats
    impact: Floats
    gas: Floats
    """Estimated from the number of swaps."""
    trades: Times
    """Rebalances."""
    turnover: Floats
    """The sum of what was sold, each time as a share of what the portfolio was worth then; of a year, in all where
    there is less than one."""
    growth: Floats
    """Of a year, in all where there is less than one: 0.1 is 10 %."""
    volatility: Floats
    """Of a year."""
    sharpe: Floats
    """Of a year, with no interest on cash."""
    ahead: Floats
    """The Sharpe ratio of the returns above those of the portfolio left alone: rising prices are nobody's skill."""
    drawdown: Floats
    """The deepest fall from a height, 0.3 is 30 %."""
    tracking: Floats
    """Root of the mean over time of the sum of squared distances from the targets: of each step the mean of what it
    began with and ended with."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of a walk-forward: chosen by what was known until `split`, judged by what came until `end`.

    `start`, `split`, `end` are places in `Prices.times`; `end` is the `split` of the next.
    """

    start: int
    split: int
    end: int
    chosen: int
    """The place of the best configuration in sample."""
    inside: float
    """Its growth in sample, in all and after all costs; `outside`: out of sample."""
    outside: float
    hold: float
    """The growth of the same portfolio left alone out of sample."""
    median: float
    """The growth that the middle one of all choices had out of sample."""


@dataclass(frozen=True, slots=True)
class Deflated:
    """How likely a Sharpe ratio is to be more than luck (Bailey and Lopez de Prado, 2014). Ratios are of a year."""

    sharpe: float
    luck: float
    """The best ratio that so many trials without any skill would be expected to show."""
    probability: float
    """That the true ratio is above `luck`."""
    trials: int


@dataclass(frozen=True, slots=True)
class Walk:
    """The walk-forward as one portfolio: what it held passes from fold to fold, so that a change of rules is paid for.

    `values`: dollars at each time from the first split on, less all gas until then, `hold`: of the portfolio left alone
    from there.
    `at`: their places in `Prices.times`.
    """

    folds: tuple[Fold, ...]
    at: Times
    values: Floats
    hold: Floats
    years: float
    growth: float
    """Of a year, in all where there is less than one; `hold_growth`: of the portfolio left alone."""
    hold_growth: float
    sharpe: float | None
    """None for less than a year, or where nothing is left."""
    drawdown: float
    skill: Deflated | None
    """Of the returns out of sample. Each choice was blind to them, and counts as one trial. None: as `sharpe`."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """A configuration at each fee of `SweepResult.fees`, and the fees from which on it is worse than the others.

    None: at no fee up to the highest that was tried. 0: at every fee.
    """

    configuration: int
    """Its place; the fee of its own is not looked at."""
    growth: tuple[float, ...]
    """As `Measures.growth`, at each of the fees."""
    than_hold: float | None
    """The fee, 0.01 is 1 %."""
    than_calendar: float | None


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All of a sweep. Arrays over configurations are in the order of `configurations`."""

    study: Study
    configurations: tuple[Configuration, ...]
    measures: Measures
    best: int
    """The place of the one that grew the most in all of the past: a look back, and no promise."""
    values: Floats
    """Of the best, dollars at each time, less all gas until then."""
    hold: Floats
    """Of the portfolio left alone, dollars at each time."""
    years: float
    fees: tuple[Ppm, ...]
    break_even: tuple[BreakEven, ...]
    """Of the configurations that grew the most, one for each rule (whatever its fee)."""
    calendar: Configuration
    """That `BreakEven.than_calendar` compares with: of the choices the one that grew the most, else one of 30 days."""
    skill: Deflated | None
    """Of the best, for as many trials as there are choices. None for less than a year, or where nothing is left."""
    ahead: Deflated | None
    """The same of its returns above those of the portfolio left alone: rising prices are nobody's skill. None as well
    where the best does nothing but hold."""
    walk: Walk | None
    """None: too few times."""
    left_out: tuple[str, ...]
    """What the kernel does not do and a live keeper does, for people to read."""
    choices: tuple[int, ...] = ()
    """The places of those among which one can choose: fees and depths come from the market, so that only the study's
    own count. `best`, `walk` and trials are of these."""
