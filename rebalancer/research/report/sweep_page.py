"""A sweep in, the file of its report out. What was chosen by looking stands behind what came of choosing."""

from __future__ import annotations

from rebalancer.core.module_words import share
from rebalancer.research.asked import Told
from rebalancer.research.report.about import about_parts
from rebalancer.research.report.page import make_page
from rebalancer.research.report.parts import Part, Points, Sheet
from rebalancer.research.report.sweep_figures import picture_best, picture_folds, picture_walk, pictures_heat
from rebalancer.research.review_words import day, percent
from rebalancer.research.sweep.caveats import sweep_caveats
from rebalancer.research.sweep.model import BreakEven, SweepResult, Walk
from rebalancer.research.sweep.words import (
    configuration_words,
    cost_words,
    growth_words,
    ratio_words,
    row_words,
)

LISTED = 15
"""Configurations, the best first."""


def sweep_page(result: SweepResult, told: Told) -> str:
    """One HTML file."""
    times = result.study.prices.times
    span = f"{len(result.configurations):,} configurations over {day(int(times[0]))} to {day(int(times[-1]))}"
    parts = (*sweep_parts(result), *about_parts(told, result.left_out))
    return make_page(f"Sweep: {span}", (headline(result), _skill(result)), parts, told.warned)


def headline(result: SweepResult) -> str:
    """Out of sample, or why there is nothing to say."""
    if result.walk is None:
        return (
            "The prices are too short for a walk-forward: there is no figure here that was not chosen with hindsight, "
            "and so none to expect anything from."
        )
    walk, span = result.walk, growth_words(result.walk.years)
    sharpe = f"Sharpe ratio {walk.sharpe:.2f}, " if walk.sharpe is not None else ""
    return (
        f"Out of sample: choosing by the past grew {percent(walk.growth)} {span} after all costs, at "
        f"{cost_words(result.study)}, over {walk.years:.1f} years in {len(walk.folds)} steps; left alone "
        f"{percent(walk.hold_growth)}. {sharpe}{'d' if sharpe else 'D'}eepest fall {percent(walk.drawdown)}."
    )


def sweep_parts(result: SweepResult) -> tuple[Part, ...]:
    """From top to bottom."""
    return (
        *_walked(result, result.walk),
        Points("What this does not show", sweep_caveats(result), loud=True),
        *pictures_heat(result),
        _top(result),
        *_break_even(result),
        picture_best(result),
    )


def _skill(result: SweepResult) -> str:
    best = configuration_words(result.configurations[result.best])
    return (
        f"With hindsight the best was {best}, with {percent(float(result.measures.growth[result.best]))} "
        f"{growth_words(result.years)}. That is no promise: see what choosing it would have come to."
    )


def _walked(result: SweepResult, walk: Walk | None) -> tuple[Part, ...]:
    if walk is None:
        return ()
    return (picture_walk(result, walk), picture_folds(result, walk))


def _top(result: SweepResult) -> Sheet:
    m, span = result.measures, growth_words(result.years)
    head = ("rule", span, "Sharpe", "deepest fall", f"turnover {span}", "costs, USD", "off target")
    order = sorted(range(len(result.configurations)), key=lambda place: -m.growth[place])[:LISTED]
    rows = tuple(
        (
            configuration_words(result.configurations[at]),
            percent(float(m.growth[at])),
            ratio_words(float(m.sharpe[at])),
            percent(float(m.drawdown[at])),
            percent(float(m.turnover[at]), 0),
            f"{float(m.fee[at] + m.impact[at] + m.gas[at]):,.0f}",
            percent(float(m.tracking[at])),
        )
        for at in order
    )
    note = "By growth over all of the past, after fees, impact and gas: chosen with hindsight."
    return Sheet(f"The first {len(rows)} of {len(result.configurations):,}", head, rows, note)


def _break_even(result: SweepResult) -> tuple[Sheet, ...]:
    if not result.break_even:
        return ()
    head = ("rule", *(f"at {share(fee)}" for fee in result.fees), "worse than hold from", "than the calendar from")
    rows = tuple(_even_row(result, one) for one in result.break_even)
    note = (
        f"Growth {growth_words(result.years)} at each pool fee, and the fee from which on it would have been better "
        "left alone."
    )
    return (Sheet("What fee it bears", head, rows, note),)


def _even_row(result: SweepResult, one: BreakEven) -> tuple[str, ...]:
    return (
        row_words(result.configurations[one.configuration]),
        *(percent(growth) for growth in one.growth),
        _from(one.than_hold),
        _from(one.than_calendar),
    )


def _from(fee: float | None) -> str:
    if fee is None:
        return "no fee tried"
    return "any fee" if fee == 0 else f"{100 * fee:.2f} %"
