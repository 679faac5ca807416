"""A study in; in plain words, with figures, whether it is big enough for its gas, and what band and cadence pay, out.

Two answers that know nothing of each other: the closed form of `sizes`, which asks how far a weight should drift before
it pays to bring it back, and a small sweep with its walk-forward, which asks what would have grown the most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rebalancer.core.model import Back, Target
from rebalancer.research.model import Configuration, Floats, Study
from rebalancer.research.sizes import SENSIBLE, SMALLEST, Sized, gas_of_rebalance, least_sensible, sized, sizes
from rebalancer.research.study.triggers import bands_inside
from rebalancer.research.sweep.model import Fold, SweepResult, Walk
from rebalancer.research.sweep.words import configuration_words, growth_words
from rebalancer.units import BPS, ONE, Usd, Weight

Sweep = Callable[[Study, Sequence[Configuration]], SweepResult]
_DAY = 86_400
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
    """The smallest sensible size; 0: gas never costs too much. None: none up to a billion dollars."""
    own: Sized
    sizes: tuple[Sized, ...]
    sweep: SweepResult
    words: tuple[str, ...]
    """The first answers the first question, the others the second."""


def advise(study: Study, sweep: Sweep) -> Advice:
    """Raises what `sweep` does."""
    gas, least, own = gas_of_rebalance(study), least_sensible(study), sized(study, study.start)
    result = sweep(study, tried(study.targets))
    words = (*_size_words(study, gas, least, own), *_band_words(own), *_sweep_words(result))
    return Advice(gas, least, own, sizes(study), result, words)


def tried(targets: Sequence[Target] = ()) -> tuple[Configuration, ...]:
    """Bands inside these targets with each return point, calendars, and nothing at all."""
    bands = (Configuration(band, None, back, None, None, None) for band in bands_inside(targets) for back in Back)
    calendars = (Configuration(None, None, Back.TARGET, every, None, None) for every in CADENCES)
    return (*bands, *calendars, Configuration(None, None, Back.TARGET, None, None, None))


def _size_words(study: Study, gas: Usd, least: Usd | None, own: Sized) -> tuple[str, ...]:
    share = 100 * gas / study.start
    cost = f"One rebalance costs {_cents(gas)} of gas, {share:.3g} % of {_dollars(study.start)}."
    if least is None:
        return (f"Too small at any size: {cost} Gas is dearer than any portfolio can bear; wait for cheaper gas.",)
    most = f"{100 * SENSIBLE / BPS:g} % a year"
    spent = f"at the cheapest bands {_percent(own.gas)} a year goes for gas"
    if least == 0:
        never = f"it never costs so much as {most}, not even of {_dollars(SMALLEST)}"
        return (f"Big enough: {cost} In the closed form, {spent}; {never}.",)
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
        f"About {often:.1f} rebalances and {_percent(own.costs)} a year for fee, impact and gas, were each trade no "
        "more than what lies between the two and the portfolio never larger than now. Jumps and growth make larger "
        "trades, which thin pools charge more for. `return_to: optimal` keeps them about so as gas and pools move.",
    )


def _sweep_words(result: SweepResult) -> tuple[str, ...]:
    """Of rules that traded: one that never did is the portfolio left alone, whatever its name."""
    growth, span = result.measures.growth, growth_words(result.years)
    traded = [at for at in range(len(growth)) if result.measures.trades[at] > 0]
    if not traded:
        held = _share(growth[result.best])
        return (f"In this past none of the rules tried would ever have traded: all of them held, {held} {span}.",)
    best = max(traded, key=lambda at: growth[at])
    most = f"{configuration_words(result.configurations[best])} grew the most, {_share(growth[best])} {span}"
    near, walk = _near_words(result, traded, best), _walk_words(result.walk)
    if _leads(result):
        return (f"In this past {most}; {near}", walk, _skill_words(result))
    held = _share(growth[result.best])
    return (f"Nothing tried beat holding in this past, {held} {span}. Of what traded {most}; {near}", walk)


def _leads(result: SweepResult) -> bool:
    """Whether the best is anything but holding; where it is not, there is a Sharpe ratio and none above holding."""
    return bool(result.measures.trades[result.best] > 0) and (result.ahead is not None or result.skill is None)


def _near_words(result: SweepResult, traded: Sequence[int], best: int) -> str:
    """Among those that luck cannot tell from the best the one that trades the least has something that is no luck: its
    costs."""
    growth, turnover = result.measures.growth, result.measures.turnover
    alike = [at for at in traded if growth[best] - growth[at] <= ALIKE]
    calmest = min(alike, key=lambda at: float(turnover[at]))
    turned = f"{100 * float(turnover[calmest]):.0f} % turnover {growth_words(result.years)}"
    points, others, rest = f"{100 * ALIKE:g} points", len(alike) - 1, len(traded) - 1
    if rest == 0:
        return f"it is the only one that traded at all, with {turned}."
    if others == 0:
        return f"none of the other {rest} came within {points} of it, in the one past that there was. It has {turned}."
    return (
        f"{others} of the other {rest} rules came within {points} of it, which is luck. The one of them all that "
        f"trades the least: {configuration_words(result.configurations[calmest])}, {turned}."
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
    span, steps = growth_words(walk.years), steps_of(walk)
    return (
        f"Out of sample, over {walk.years:.1f} years in {len(walk.folds)} steps, each begun anew on target: the rule "
        f"that the past preferred made {_share(steps.chosen)} {span} after all costs, the middle of all rules "
        f"{_share(steps.middle)}, holding {_share(steps.hold)}. As one portfolio that goes through all of them the "
        f"chosen made {_share(walk.growth)}, and one left alone {_share(walk.hold_growth)}. {_worth(walk.folds)}"
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """What came of the steps of a walk-forward one after the other, each begun anew on target, for nothing: of a year,
    in all where there is less than one. So alone are the three alike: nobody can hold the middle one of all rules."""

    chosen: float
    middle: float
    hold: float


def steps_of(walk: Walk) -> Steps:
    """One after the other."""
    folds = walk.folds
    each = [fold.outside for fold in folds], [fold.median for fold in folds], [fold.hold for fold in folds]
    return Steps(*(math.prod(1 + one for one in grown) ** (1 / max(walk.years, 1.0)) - 1 for grown in each))


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
