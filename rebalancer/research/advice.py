"""A study in; in plain words, with figures, whether it is big enough for its gas, and what band and cadence pay, out.

Two answers that know nothing of each other: the closed form of `sizes`, which asks how far a weight should drift before
it pays to bring it back, and a small sweep with its walk-forward, which asks what would have grown the most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rebalancer.core.model import Back
from rebalancer.research.model import Configuration, Floats, Study
from rebalancer.research.sizes import SENSIBLE, Sized, gas_of_rebalance, least_sensible, sized, sizes
from rebalancer.research.sweep.model import Fold, SweepResult, Walk
from rebalancer.research.sweep.words import configuration_words, growth_words
from rebalancer.units import BPS, ONE, Usd, Weight

Sweep = Callable[[Study, Sequence[Configuration]], SweepResult]
_DAY = 86_400
BANDS = tuple(Weight(share * ONE // 1_000) for share in (10, 20, 30, 50, 75, 100, 150))
CADENCES = (_DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY)
ALIKE = 0.02
"""Growth within which two rules are told apart by nothing but luck: far below the standard error of any."""
_STUDENT = 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228
"""Student's t for one to ten degrees of freedom: so many standard errors from nothing, to either side, a mean is by
luck once in twenty times."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The figures, and what they say."""

    gas: Usd
    """Of one rebalance."""
    least: Usd | None
    """The smallest sensible size; None: none up to a billion dollars."""
    own: Sized
    sizes: tuple[Sized, ...]
    sweep: SweepResult
    words: tuple[str, ...]
    """The first answers the first question, the others the second."""


def advise(study: Study, sweep: Sweep) -> Advice:
    """Raises what `sweep` does."""
    gas, least, own = gas_of_rebalance(study), least_sensible(study), sized(study, study.start)
    result = sweep(study, tried())
    words = (*_size_words(study, gas, least, own), *_band_words(own), *_sweep_words(result))
    return Advice(gas, least, own, sizes(study), result, words)


def tried() -> tuple[Configuration, ...]:
    """Bands with each return point, calendars, and nothing at all."""
    bands = (Configuration(band, None, back, None, None, None) for band in BANDS for back in Back)
    calendars = (Configuration(None, None, Back.TARGET, every, None, None) for every in CADENCES)
    return (*bands, *calendars, Configuration(None, None, Back.TARGET, None, None, None))


def _size_words(study: Study, gas: Usd, least: Usd | None, own: Sized) -> tuple[str, ...]:
    share = 100 * gas / study.start
    cost = f"One rebalance costs {_cents(gas)} of gas, {share:.3g} % of {_dollars(study.start)}."
    if least is None:
        return (f"Too small at any size: {cost} Gas is dearer than any portfolio can bear; wait for cheaper gas.",)
    most = f"{100 * SENSIBLE / BPS:g} % a year"
    spent = f"at the cheapest bands {_percent(own.gas)} a year goes for gas"
    if study.start >= least:
        return (f"Big enough: {cost} In the closed form, {spent}; more than {most} only below {_dollars(least)}.",)
    return (
        f"Too small for its gas: {cost} Even {spent}. From {_dollars(least)} on it would be {most} or less. Until then "
        "widen the bands, let new money buy the laggards (contributions: only), or leave it alone.",
    )


def _band_words(own: Sized) -> tuple[str, ...]:
    if not own.bands:
        return ()
    bands = ", ".join(f"{b.token.symbol} {_points(b.trigger)} (to {_points(b.back)})" for b in own.bands)
    often = own.rebalances / ONE
    return (
        f"Cheapest by the closed form, in points off the target at which to act (and to go back to): {bands}. "
        f"About {often:.1f} rebalances and {_percent(own.costs)} a year for fee, impact and gas. `return_to: optimal` "
        "keeps them so as gas and pools move.",
    )


def _sweep_words(result: SweepResult) -> tuple[str, ...]:
    growth = result.measures.growth
    active = [at for at, c in enumerate(result.configurations) if c.band is not None or c.every is not None]
    best = max(active, key=lambda at: growth[at])
    # Among those that luck cannot tell apart the one that trades the least has something that is no luck: its costs.
    alike = [at for at in active if growth[best] - growth[at] <= ALIKE]
    calmest = min(alike, key=lambda at: float(result.measures.turnover[at]))
    name = configuration_words(result.configurations[best])
    calm = configuration_words(result.configurations[calmest])
    turnover = f"{100 * float(result.measures.turnover[calmest]):.0f} % turnover a year"
    points, others = f"{100 * ALIKE:g} points", len(alike) - 1
    near = (
        f"{others} of the other {len(active) - 1} rules came within {points} of it, which is luck. The one of them "
        f"all that trades the least: {calm}, {turnover}."
        if others
        else f"none of the other {len(active) - 1} came within {points} of it, in the one past that there was. It has "
        f"{turnover}."
    )
    return (
        f"In this past {name} grew the most, {_share(growth[best])} {growth_words(result.years)}; {near}",
        _walk_words(result.walk),
        _skill_words(result),
    )


def _skill_words(result: SweepResult) -> str:
    if result.ahead is None:
        return (
            "Whether the best beats holding by more than luck cannot be said: less than a year of prices carries no "
            "Sharpe ratio, nor does a portfolio that gas has eaten up."
        )
    return (
        f"That the best beats holding by more than luck is {_share(result.ahead.probability, 0)} likely, for "
        f"{result.ahead.trials} rules tried (deflated Sharpe ratio)."
    )


def _walk_words(walk: Walk | None) -> str:
    if walk is None:
        return "The prices are too short to choose by one part of them and to judge by another: choose by costs."
    middle, span = median_growth(walk), growth_words(walk.years)
    return (
        f"Out of sample, over {walk.years:.1f} years in {len(walk.folds)} steps: the rule that the past preferred made "
        f"{_share(walk.growth)} {span} after all costs, the middle of all rules {_share(middle)}, holding "
        f"{_share(walk.hold_growth)}. {_worth(walk.folds)}"
    )


def median_growth(walk: Walk) -> float:
    """Of whoever had been the middle one of all rules in each step, one step after the other: of a year, in all where
    there is less than one."""
    grown = math.prod(1 + fold.median for fold in walk.folds)
    return float(grown ** (1 / max(walk.years, 1.0)) - 1)


def _worth(folds: Sequence[Fold]) -> str:
    """Whether the mean of what choosing has gained in each step, in logarithms, can be told from nothing."""
    if min(min(fold.outside, fold.median) for fold in folds) <= -1:
        return "Costs ate up all of a portfolio in some step: choose by costs."
    ahead = np.array([math.log1p(fold.outside) - math.log1p(fold.median) for fold in folds])
    if not _told_from_nothing(ahead):
        return "What choosing by past growth gained cannot be told from luck: choose by costs."
    mean = float(np.expm1(ahead.mean()))
    return f"Choosing by past growth {'paid' if mean > 0 else 'cost'} {_share(abs(mean))} in each step."


def _told_from_nothing(values: Floats) -> bool:
    free = len(values) - 1
    if free < 1:
        return False
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return abs(float(values.mean())) > _STUDENT[min(free, len(_STUDENT)) - 1] * error


def _dollars(value: Usd) -> str:
    return f"{value // ONE:,} USD"


def _cents(value: Usd) -> str:
    return f"{value / ONE:,.2f} USD"


def _percent(share: Weight) -> str:
    return f"{100 * share / ONE:.2f} %"


def _points(share: Weight) -> str:
    return f"{100 * share / ONE:.1f}"


def _share(value: float, digits: int = 1) -> str:
    return f"{100 * float(value):.{digits}f} %"
