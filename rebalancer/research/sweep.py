"""One study and a grid of configurations in, what became of every one of them, and of choosing among them, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Back, Cadence
from rebalancer.research.model import Floats, Study, Times
from rebalancer.units import Ppm, Usd, Weight

if TYPE_CHECKING:
    from rebalancer.research.crew import Crew
    from rebalancer.research.windows import Windows

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What one member of the grid asks for. Bands without `every`: a threshold; `every` without bands: a calendar;
    both: a hybrid; neither: nothing is ever traded."""

    band: Weight | None
    """How far any weight may stand off its target, as a share of the portfolio."""
    relative: Weight | None
    """The same as a share of the target; the nearer of both edges counts."""
    back: Back
    """How far back a rebalance goes; a calendar goes to the target, whatever it says."""
    every: Cadence | None
    """Seconds since the last rebalance, or a schedule."""
    fee: Ppm | None
    """Of every pool; None: as the study has them."""
    depth: Usd | None
    """Dollars on either side of every pool; None: as the study has them."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What became of each configuration, over all times; each of shape (configurations,). Money in dollars."""

    final: Floats
    """Worth at the last time, after fee and impact."""
    fee: Floats
    impact: Floats
    gas: Floats
    """Estimated from the number of swaps. It is the operator's: `final` knows nothing of it, `growth` does."""
    trades: Times
    """Rebalances."""
    turnover: Floats
    """What was sold in a year, as a share of the mean value."""
    growth: Floats
    """Of a year, of what is left after gas: 0.1 is 10 %."""
    volatility: Floats
    """Of a year."""
    sharpe: Floats
    """Of a year, with no interest on cash."""
    ahead: Floats
    """The Sharpe ratio of the returns above those of the portfolio left alone: rising prices are nobody's skill."""
    drawdown: Floats
    """The deepest fall from a height, 0.3 is 30 %."""
    tracking: Floats
    """Root of the mean squared distance of a weight from its target, over all assets and times."""


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
    """Its growth of a year in sample, after gas; `outside`: out of sample."""
    outside: float
    hold: float
    """The growth of a year of the same portfolio left alone out of sample."""
    median: float
    """The growth of a year that the middle one of all choices had out of sample."""


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

    `values`: dollars at each time from the first split on, `hold`: of the portfolio left alone from there.
    `at`: their places in `Prices.times`.
    """

    folds: tuple[Fold, ...]
    at: Times
    values: Floats
    hold: Floats
    growth: float
    """Of a year, after gas."""
    sharpe: float
    drawdown: float
    skill: Deflated
    """Of the returns out of sample. Each choice was blind to them, so that it counts as one trial."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """A configuration at each fee of `SweepResult.fees`, and the fees from which on it is worse than the others.

    None: at no fee up to the highest that was tried. 0: at every fee.
    """

    configuration: int
    """Its place; the fee of its own is not looked at."""
    growth: tuple[float, ...]
    """Of a year, after gas, at each of the fees."""
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
    """Of the best, dollars at each time."""
    hold: Floats
    """Of the portfolio left alone, dollars at each time."""
    fees: tuple[Ppm, ...]
    break_even: tuple[BreakEven, ...]
    """Of the configurations that grew the most, one for each rule (whatever its fee)."""
    calendar: Configuration
    """That `BreakEven.than_calendar` compares with: the one in the grid that grew the most, else one of 30 days."""
    skill: Deflated
    """Of the best, for as many trials as there are choices."""
    ahead: Deflated
    """The same of its returns above those of the portfolio left alone: rising prices are nobody's skill."""
    walk: Walk | None
    """None: too few times."""
    left_out: tuple[str, ...]
    """What the kernel does not do and a live keeper does, for people to read."""
    choices: tuple[int, ...] = ()
    """The places of those among which one can choose: fees and depths come from the market, so that only the study's
    own count. `best`, `walk` and trials are of these."""


def run_sweep(
    study: Study,
    configurations: Sequence[Configuration],
    windows: Windows,
    crew: Crew | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """All configurations over all times, and the walk-forward. `crew`: who works it out; None: the cores here.

    Raises ConfigError for prices or a grid of which nothing can be said.
    """
    # Late: whoever shows a result does not need what makes one.
    from rebalancer.research import scores, walk
    from rebalancer.research.break_even import FEES, broken_even, reference
    from rebalancer.research.crew import Cores, tables
    from rebalancer.research.lanes import left_out
    from rebalancer.research.outcomes import paths

    whole = 0, len(study.prices.times) - 1
    if whole[1] < 2 or not configurations:
        raise ConfigError(
            f"a sweep of {len(configurations)} configurations over {whole[1] + 1} times, expected one or more over "
            "three or more; give more prices"
        )
    folds, choices = walk.folds_of(whole[1] + 1, windows), _choices(study, configurations)
    first, *rest = tables(crew or Cores(), study, configurations, [whole, *walk.spans_of(folds)], progress)
    measures = scores.measures_of(study, first, whole)
    best = choices[int(measures.growth[choices].argmax())]
    values, _ = paths(study, [configurations[best]], whole)
    hold, calendar = scores.alone(study, whole), reference(configurations, measures.growth)
    returns, spare = np.diff(values[:, 0]) / values[:-1, 0], np.diff(hold) / hold[:-1]
    yearly = scores.per_year(study, whole) ** 0.5
    return SweepResult(
        study=study,
        configurations=tuple(configurations),
        measures=measures,
        choices=tuple(choices),
        best=best,
        values=values[:, 0],
        hold=hold,
        fees=FEES,
        break_even=broken_even(study, configurations, measures.growth, calendar),
        calendar=calendar,
        skill=scores.deflated(returns, measures.sharpe[choices], yearly),
        ahead=scores.deflated(returns - spare, measures.ahead[choices], yearly),
        walk=walk.walked(study, configurations, choices, (folds, rest)) if folds else None,
        left_out=left_out(study),
    )


def _choices(study: Study, configurations: Sequence[Configuration]) -> list[int]:
    """The places of those with the study's own costs; where none has them, all."""
    fee, depth = study.frictions.fee[0], study.frictions.depth[0]
    own = [at for at, one in enumerate(configurations) if one.fee in (None, fee) and one.depth in (None, depth)]
    return own or list(range(len(configurations)))
