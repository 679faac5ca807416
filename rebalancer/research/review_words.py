"""A review in, the rows of its tables out: the same figures in the terminal and in the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rebalancer.research.benchmarks import DCA
from rebalancer.research.measures import Measures
from rebalancer.research.model import HALTED
from rebalancer.research.regimes import Spell
from rebalancer.research.review import Judged, Review
from rebalancer.research.sweep.words import growth_words
from rebalancer.research.taxes import Taxes
from rebalancer.units import ONE, PPM, Usd

NONE = "–"
MOST_HELD = 20
SPELLS_HEAD = ("market", "of the time", "return then", "hold", "against hold", "turnover a year")
TAX_HEAD = ("year", "short-term gains", "long-term gains", "tax due")


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of every backtest, and how it comes about."""

    name: str
    values: tuple[str, ...]
    how: str


def measure_head(review: Review) -> tuple[str, ...]:
    return ("", *(judged.backtest.name for judged in review.all))


def measure_rows(review: Review) -> tuple[Row, ...]:
    """One column for each of `review.all`."""
    span = growth_words(review.ours.measures.years)
    return tuple(
        Row(name.format(span=span), tuple(show(judged) for judged in review.all), how.format(span=span))
        for name, show, how in _ROWS
    )


def spell_rows(review: Review) -> tuple[tuple[str, ...], ...]:
    """Under SPELLS_HEAD."""
    return tuple(_spell_row(spell) for spell in review.spells)


def tax_rows(taxes: Taxes) -> tuple[tuple[str, ...], ...]:
    """Under TAX_HEAD, in dollars."""
    return tuple((str(y.year), whole(y.short), whole(y.long), whole(y.due)) for y in taxes.years)


def tax_words(taxes: Taxes) -> str:
    """The rule, in one line."""
    rule = taxes.rule
    return (
        f"lots {rule.lots.value}, {100 * rule.short / PPM:g} % short-term, {100 * rule.long / PPM:g} % when held for "
        f"more than {rule.long_after // 86_400} days"
    )


def span_words(review: Review) -> str:
    """From when to when, and how often."""
    times = review.study.prices.times
    return f"{day(int(times[0]))} to {day(int(times[-1]))}, {len(times):,} prices of each asset"


def headline(review: Review) -> str:
    """What came of it, in a sentence or two."""
    ours, left = review.ours.measures, review.others[0].measures
    start = f"{ours.start:,.0f} USD became {ours.end:,.0f} after fees, impact and gas; left alone {left.end:,.0f}."
    cost = ours.costs.total
    return (
        f"{start} {ours.rebalances:,} rebalances, {cost:,.0f} USD of costs, on average "
        f"{100 * ours.drift:.1f} points off its targets against {100 * left.drift:.1f} left alone."
    )


def held_words(review: Review) -> tuple[str, ...]:
    """Why nothing was done where something was called for: what a person would have had to look into first, then the
    most frequent."""
    held = sorted(review.ours.backtest.held, key=lambda one: not one[0].startswith(HALTED))
    return tuple(f"{count:,} × {why}" for why, count in held[:MOST_HELD])


def day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def percent(share: float | None, digits: int = 1) -> str:
    return NONE if share is None else f"{100 * share:,.{digits}f} %"


def signed(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:+,.1f} %"


def whole(value: Usd) -> str:
    """Dollars, no cents."""
    return f"{value / ONE:,.0f}"


def _days(seconds: int) -> str:
    return f"{seconds / 86_400:,.0f} d"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _money(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == 0 else f"{value:.2f}"


def _fall(m: Measures) -> str:
    return percent(m.drawdown.depth)


def _bonus(judged: Judged) -> str:
    m = judged.measures
    if m.bonus is None:
        return NONE
    error = "" if m.bonus_error is None else f" ± {100 * m.bonus_error:.1f}"
    return f"{100 * m.bonus:+.1f}{error}"


def _drift(judged: Judged) -> str:
    # It is on its way to the targets for a year: how far off it is then says nothing.
    return NONE if judged.backtest.name == DCA else percent(judged.measures.drift)


def _tracking(judged: Judged) -> str:
    return NONE if judged.backtest.name == DCA else percent(judged.measures.tracking_error)


def _after_tax(judged: Judged) -> str:
    taxes = judged.taxes
    return f"{judged.measures.end - (taxes.due + taxes.if_sold) / ONE:,.0f}"


def _spell_row(spell: Spell) -> tuple[str, ...]:
    both = None if spell.growth is None or spell.against is None else (1 + spell.growth) / (1 + spell.against) - 1
    return (
        spell.regime.value,
        percent(spell.share, 0),
        percent(spell.growth),
        percent(spell.against),
        signed(both),
        percent(spell.turnover, 0),
    )


_ROWS: tuple[tuple[str, Callable[[Judged], str], str], ...] = (
    ("worth at the end, USD", lambda j: f"{j.measures.end:,.0f}", "At the last prices, after fees, impact and gas."),
    ("return", lambda j: percent(j.measures.total_return), "Worth at the end / worth at the start - 1."),
    ("return a year", lambda j: percent(j.measures.annual_return), "The same to the power of 1 / years, less 1."),
    (
        "volatility",
        lambda j: percent(j.measures.volatility),
        "Standard deviation of the returns, of a year of 365 days.",
    ),
    ("Sharpe ratio", lambda j: _number(j.measures.sharpe), "Mean return a year / volatility; dollars earn nothing."),
    (
        "Sortino ratio",
        lambda j: _number(j.measures.sortino),
        "Mean return a year / deviation of the losses among all returns.",
    ),
    ("deepest fall", lambda j: _fall(j.measures), "Below the highest until then."),
    ("longest below a peak", lambda j: _days(j.measures.drawdown.longest), "Days until the peak was reached again."),
    ("rebalances", lambda j: f"{j.measures.rebalances:,}", "Batches that traded."),
    ("turnover {span}", lambda j: percent(j.measures.turnover, 0), "What was sold, as a share of the portfolio."),
    ("pool fees, USD", lambda j: _money(j.measures.costs.fee), "What the pools kept."),
    ("price impact, USD", lambda j: _money(j.measures.costs.impact), "What its own size lost."),
    ("gas, USD", lambda j: _money(j.measures.costs.gas), "What the operator paid."),
    ("costs {span}", lambda j: percent(j.measures.cost_rate, 2), "Fees, impact and gas, as a share of the portfolio."),
    (
        "time outside a band",
        lambda j: percent(j.measures.outside),
        "Any weight; what lies between two prices counts as the mean of its ends.",
    ),
    (
        "distance from targets",
        _drift,
        "Root of the mean over time of the sum of squared distances, in points of the portfolio.",
    ),
    (
        "tracking error",
        _tracking,
        "Standard deviation a year against the same weights held without drift and without cost.",
    ),
    (
        "bonus against hold",
        _bonus,
        "Points {span} that it grew more than hold (logarithms) ± one standard error.",
    ),
    ("tax due, USD", lambda j: whole(j.taxes.due), "On gains that its trades realised."),
    (
        "worth after all tax",
        _after_tax,
        "USD, were all of it sold at the end and every tax paid then.",
    ),
)
"""Name, figure, how it comes about. `{span}`: a year, in all where there is less than one."""
