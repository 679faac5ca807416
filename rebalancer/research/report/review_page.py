"""A review in, the parts of its report out, and the file of them."""

from __future__ import annotations

from rebalancer.research.report.about import about_parts
from rebalancer.research.report.figures import picture_falls, picture_wealth, pictures_costs, pictures_weights
from rebalancer.research.report.page import make_page
from rebalancer.research.report.parts import Part, Points, Sheet
from rebalancer.research.review import Review
from rebalancer.research.review_words import (
    SPELLS_HEAD,
    TAX_HEAD,
    day,
    headline,
    held_words,
    measure_head,
    measure_rows,
    span_words,
    spell_rows,
    tax_rows,
    tax_words,
)

LATEST = 50
"""Rebalances that are listed."""


def review_page(review: Review) -> str:
    """One HTML file."""
    lead = (headline(review), span_words(review))
    return make_page(f"Backtest: {_name(review)}", lead, review_parts(review), review.told.warned)


def review_parts(review: Review) -> tuple[Part, ...]:
    """From top to bottom."""
    rows = measure_rows(review)
    return (
        picture_wealth(review),
        Points("What this does not show", tuple((c.what, c.why) for c in review.caveats), loud=True),
        Sheet(
            "Measures",
            measure_head(review),
            tuple((row.name, *row.values) for row in rows),
            how=tuple(row.how for row in rows),
        ),
        picture_falls(review),
        *pictures_weights(review),
        *pictures_costs(review),
        *_spells(review),
        Sheet("Tax by year, USD", TAX_HEAD, tax_rows(review.ours.taxes), tax_words(review.ours.taxes)),
        *_trades(review),
        *about_parts(review.told, held_words(review)),
    )


def _name(review: Review) -> str:
    return ", ".join(f"{t.token.symbol} {t.weight / 10**16:.4g} %" for t in review.study.targets)


def _spells(review: Review) -> tuple[Part, ...]:
    if not review.spells:
        return ()
    note = (
        "A market rises when the equal mix of the assets returned more than 20 % over the 90 days before, and falls "
        "when it lost more. A label says what had just happened, not what came next."
    )
    return (Sheet("By the market of the time", SPELLS_HEAD, spell_rows(review), note),)


def _trades(review: Review) -> tuple[Part, ...]:
    trades, times = review.ours.backtest.trades, review.study.prices.times
    if not trades:
        return ()
    newest = trades[: -LATEST - 1 : -1]
    lines = tuple(
        (
            day(int(times[trade.at])),
            f"{trade.traded:,.2f} USD traded for {trade.fee + trade.impact + trade.gas:,.2f}: {trade.why}",
        )
        for trade in newest
    )
    return (Points(f"The newest {len(newest)} of {len(trades):,} rebalances", lines, folded=True),)
