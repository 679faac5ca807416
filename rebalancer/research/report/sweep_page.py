"""A sweep in, the file of its report out. What was chosen by looking stands behind what came of choosing."""

from __future__ import annotations

from rebalancer.research.report.page import make_page
from rebalancer.research.report.parts import Part, Points, Sheet
from rebalancer.research.report.sweep_figures import picture_best, picture_folds, picture_walk, pictures_heat
from rebalancer.research.review_words import day, percent
from rebalancer.research.sweep.model import BreakEven, Deflated, SweepResult, Walk
from rebalancer.research.sweep.words import (
    configuration_words,
    cost_words,
    fee_words,
    growth_words,
    ratio_words,
    rule_words,
)

LISTED = 15
"""Configurations, the best first."""


def sweep_page(result: SweepResult) -> str:
    """One HTML file."""
    times = result.study.prices.times
    span = f"{len(result.configurations):,} configurations over {day(int(times[0]))} to {day(int(times[-1]))}"
    return make_page(f"Sweep: {span}", (headline(result), _skill(result)), sweep_parts(result))


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


def sweep_caveats(result: SweepResult) -> tuple[tuple[str, str], ...]:
    """In a few words, and why that matters."""
    return (
        ("That the best is good.", _luck(result)),
        (
            "All that a live keeper does.",
            f"What is otherwise here: {'; '.join(result.left_out)}. `rebalancer backtest` is the live tick itself.",
        ),
        (
            "Any other past.",
            "One path, of tokens that are still there; trades at closes, no front-running, no failed transactions, "
            "pools as deep as given at all times.",
        ),
        ("Tax.", "None is taken off: who trades more has more to pay, and earlier."),
    )


def _luck(result: SweepResult) -> str:
    skill, ahead, count = result.skill, result.ahead, len(result.choices)
    if skill is None or ahead is None:
        return (
            f"The best of {count:,} looks good by luck alone, and these prices do not say by how much: less than a "
            "year carries no Sharpe ratio, nor does what gas has eaten up."
        )
    return (
        f"The best of {skill.trials:,} looks good by luck alone: a Sharpe ratio of {skill.luck:.2f} would be "
        f"expected of rules without any skill, it has {skill.sharpe:.2f}. That the true one is above luck is "
        f"{_odds(skill)} likely; above luck against hold, {_odds(ahead)} (deflated Sharpe ratio, Bailey and López "
        "de Prado 2014)."
    )


def _odds(skill: Deflated) -> str:
    return percent(skill.probability, 0)


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
    head = ("rule", span, "Sharpe", "deepest fall", "turnover a year", "costs, USD", "off target, of an asset")
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
    head = ("rule", *(f"at {fee_words(fee)}" for fee in result.fees), "worse than hold from", "than the calendar from")
    rows = tuple(_even_row(result, one) for one in result.break_even)
    note = (
        f"Growth {growth_words(result.years)} at each pool fee, and the fee from which on it would have been better "
        "left alone."
    )
    return (Sheet("What fee it bears", head, rows, note),)


def _even_row(result: SweepResult, one: BreakEven) -> tuple[str, ...]:
    return (
        rule_words(result.configurations[one.configuration]),
        *(percent(growth) for growth in one.growth),
        _from(one.than_hold),
        _from(one.than_calendar),
    )


def _from(fee: float | None) -> str:
    if fee is None:
        return "no fee tried"
    return "any fee" if fee == 0 else f"{100 * fee:.2f} %"
