"""`rebalancer backtest`: what a policy would have come to, what it is held against, and what neither shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebalancer.cli.figures import require_writable, show_figures, write_page
from rebalancer.cli.replay_progress import watched_replay
from rebalancer.config import text
from rebalancer.research.asked import told_of
from rebalancer.research.lots import LotRule, TaxRule
from rebalancer.research.measures import Measures
from rebalancer.research.model import HALTED
from rebalancer.research.review import Given, Judged, Review, review
from rebalancer.research.study.flags import Flags, parsed
from rebalancer.research.study.making import make_study, read_market
from rebalancer.research.taken import Moves, moves_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a backtest beside its study, as it was typed."""

    lots: LotRule
    short: str
    long: str
    html: Path | None


def run_backtest(flags: Flags, asked: Asked, as_json: bool) -> int:
    """The summary, or one JSON object; and the report where one is asked for."""
    if asked.html is not None:
        require_writable(asked.html)
    found = _review(flags, asked)
    if asked.html is not None:
        from rebalancer.research.report.review_page import review_page

        write_page(asked.html, review_page(found))
    if as_json:
        from rebalancer.cli.as_json import emit

        emit(_object(found))
    else:
        _show(found, asked.html)
    return 0


def _review(flags: Flags, asked: Asked) -> Review:
    market = read_market(flags)
    study = make_study(flags, market)
    short = parsed("--tax-short", asked.short, text.ppm)
    long = parsed("--tax-long", asked.long, text.ppm)
    with watched_replay() as run:
        given = Given(run, TaxRule(asked.lots, short, long), flags.synthetic is not None, told_of(flags, study, market))
        return review(study, given)


def _show(found: Review, html: Path | None) -> None:
    from rebalancer.cli.show import console, show_line
    from rebalancer.research.review_words import (
        SPELLS_HEAD,
        headline,
        held_words,
        measure_head,
        measure_rows,
        span_words,
        spell_rows,
        tax_words,
    )

    for warned in found.told.warned:
        show_line("warning", warned, "yellow")
    show_line(span_words(found), headline(found))
    show_line("asked", found.told.brief)
    show_figures(measure_head(found), [(row.name, *row.values) for row in measure_rows(found)])
    if found.spells:
        show_figures(SPELLS_HEAD, spell_rows(found))
    show_line("tax", f"{tax_words(found.ours.taxes)}; all samples, rates and formulas: --html out.html")
    for said in found.told.said:
        show_line("taken", said)
    held = held_words(found)
    for why in [*(one for one in held if HALTED in one), *[one for one in held if HALTED not in one][:1]]:
        show_line("held back", why, "yellow")
    first, others = found.caveats[:2], found.caveats[2:]
    console.print("[bold yellow]What this does not show[/]")
    for caveat in first:
        show_line(caveat.what.rstrip("."), caveat.why, "yellow")
    console.print("  ".join(caveat.what for caveat in others), markup=False, highlight=False)
    if html is not None:
        show_line("report", f"{html}", "green")


def _object(found: Review) -> dict[str, Any]:
    """Dollars, shares and years are floats: they look back, and nothing is decided by them."""
    study, told = found.study, found.told
    return {
        "warned": list(told.warned),
        "asked": dict(told.asked),
        "from": int(study.prices.times[0]),
        "to": int(study.prices.times[-1]),
        "times": len(study.prices.times),
        "targets": {target.token.symbol: str(target.weight) for target in study.targets},
        "targets_moved": _moves_object(moves_of(study, found.ours.backtest.targets)),
        **_judged_object(found.ours),
        "held": [{"why": why, "times": times} for why, times in found.ours.backtest.held],
        "benchmarks": {other.backtest.name: _judged_object(other) for other in found.others},
        "regimes": [
            {
                "market": spell.regime.value,
                "share_of_time": spell.share,
                "growth": spell.growth,
                "hold": spell.against,
                "turnover": spell.turnover,
            }
            for spell in found.spells
        ],
        "said": list(told.said),
        "does_not_show": [f"{caveat.what} {caveat.why}" for caveat in found.caveats],
    }


def _moves_object(moves: Moves | None) -> dict[str, Any] | None:
    """None: they are not estimated."""
    if moves is None:
        return None
    last = {target.token.symbol: str(target.weight) for target in moves.last}
    return {"times": moves.times, "last": last, "why_never": moves.why or None}


def _judged_object(judged: Judged) -> dict[str, Any]:
    taxes = judged.taxes
    return {
        **_measures_object(judged.measures),
        "tax_due_usd_e18": str(taxes.due),
        "tax_if_sold_usd_e18": str(taxes.if_sold),
        "tax_years": [
            {"year": y.year, "short_usd_e18": str(y.short), "long_usd_e18": str(y.long), "due_usd_e18": str(y.due)}
            for y in taxes.years
        ],
    }


def _measures_object(m: Measures) -> dict[str, Any]:
    fall = m.drawdown
    return {
        "years": m.years,
        "start_usd": m.start,
        "end_usd": m.end,
        "total_return": m.total_return,
        "annual_return": m.annual_return,
        "volatility": m.volatility,
        "sharpe": m.sharpe,
        "sortino": m.sortino,
        "max_drawdown": fall.depth,
        "drawdown_peak": fall.peak,
        "drawdown_trough": fall.trough,
        "drawdown_recovered": fall.recovered,
        "longest_below_peak_seconds": fall.longest,
        "rebalances": m.rebalances,
        "turnover": m.turnover,
        "fee_usd": m.costs.fee,
        "impact_usd": m.costs.impact,
        "gas_usd": m.costs.gas,
        "cost_rate": m.cost_rate,
        "time_outside_bands": m.outside,
        "rms_drift": m.drift,
        "tracking_error": m.tracking_error,
        "bonus": m.bonus,
        "bonus_error": m.bonus_error,
    }
