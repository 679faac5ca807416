"""`rebalancer sweep`: many configurations over one past, and what choosing among them would have been worth."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rebalancer.cli.figures import require_writable, show_figures, write_page
from rebalancer.research.asked import Told, told_of
from rebalancer.research.model import Progress
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.making import read_market
from rebalancer.research.sweep.caveats import sweep_caveats
from rebalancer.research.sweep.crew import Crew, Machines
from rebalancer.research.sweep.grid import study_and_grid, usual_left_out
from rebalancer.research.sweep.model import Deflated, SweepResult, Walk
from rebalancer.research.sweep.run import run_sweep
from rebalancer.research.sweep.windows import Windows
from rebalancer.research.sweep.words import (
    configuration_words,
    cost_words,
    growth_words,
    ratio_words,
    row_words,
    rule_words,
)
from rebalancer.units import PPM

_SHOWN = 10
_FOLD_HEAD = ("chosen by the past", "until", "in all", "hold", "middle of all")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a sweep beside its grid, as it was typed."""

    windows: Windows
    dask: str | None
    html: Path | None


def run_grid(flags: Flags, asked: Asked, as_json: bool) -> int:
    """The tables, or one JSON object; and the report where one is asked for."""
    if asked.html is not None:
        require_writable(asked.html)
    market = read_market(flags)
    study, grid = study_and_grid(flags, market)
    with _bar(quiet=as_json) as progress:
        result = run_sweep(study, grid, asked.windows, _crew(asked.dask), progress)
    told = told_of(flags, study, market, grid, usual_left_out(flags, study.targets))
    if asked.html is not None:
        from rebalancer.research.report.sweep_page import sweep_page

        write_page(asked.html, sweep_page(result, told))
    if as_json:
        from rebalancer.cli.as_json import emit
        from rebalancer.cli.sweep_object import sweep_object

        emit(sweep_object(result, told))
    else:
        _show(result, told, asked.html)
    return 0


def _crew(address: str | None) -> Crew | None:
    return None if address is None else Machines(address)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Progress | None]:
    """A bar for as long as somebody is looking."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("sweep", total=None)
        yield lambda done, whole: bars.update(task, completed=done, total=whole)


def _show(result: SweepResult, told: Told, html: Path | None) -> None:
    from rebalancer.cli.show import console, show_line

    for line in told.warned:
        show_line("warning", line, "yellow")
    show_line("sweep", f"{len(result.configurations):,} configurations over {len(result.hold):,} times")
    if result.walk is None:
        show_line(
            "walk", "too few times to choose by some and judge by others: nothing below is out of sample", "yellow"
        )
    else:
        show_line("walk", _walk_words(result, result.walk), "green")
        show_figures(_FOLD_HEAD, _fold_rows(result, result.walk))
        show_line("rows", "each begins anew on target; `walk` is one portfolio through all of them")
    console.print(
        "[bold]Looking back[/] (the best of so many, chosen by what they did: no promise; after fee, impact, gas)"
    )
    span = growth_words(result.years)
    head = ("rule", span, "Sharpe", "fall", "drift", "turned", "trades", "costs")
    show_figures(
        head, [_row(result, int(place)) for place in (-result.measures.growth).argsort(kind="stable")[:_SHOWN]]
    )
    show_line("luck", _luck_words(result))
    fees = tuple(f"{100 * fee / PPM:g} % fee" for fee in result.fees)
    console.print(f"[bold]Break-even fees[/] up to 2 %; the calendar is the best one, {rule_words(result.calendar)}")
    show_figures((f"rule, {span} at", *fees, "below hold", "calendar"), _break_even_rows(result))
    show_line("asked", told.brief)
    for line in (*told.said, *result.left_out):
        show_line("taken", line)
    show_line("missing", "  ".join(what for what, _ in sweep_caveats(result)), "yellow")
    if html is not None:
        show_line("report", f"{html}", "green")


def _walk_words(result: SweepResult, walk: Walk) -> str:
    """All of it after all costs, gas among them."""
    chosen = f"chosen {len(walk.folds)} times by the past alone, at {cost_words(result.study)}"
    grown = (
        f"{_percent(walk.values[-1] / walk.values[0] - 1)} in all, hold {_percent(walk.hold[-1] / walk.hold[0] - 1)}"
    )
    if walk.years >= 1:
        grown = f"{_percent(walk.growth)} a year, hold {_percent(walk.hold_growth)}; {grown}"
    ratio = ""
    if walk.skill is not None:
        ratio = f"Sharpe {walk.skill.sharpe:.2f} (above 0 with {walk.skill.probability:.0%}), "
    return f"{chosen}: out of sample {grown}, over {walk.years:.1f} years; {ratio}deepest fall {walk.drawdown:.1%}"


def _luck_words(result: SweepResult) -> str:
    if result.skill is None:
        return "no Sharpe ratio of less than a year, nor where gas has eaten everything: nothing tells skill from luck"
    above = "nothing, the best one holds" if result.ahead is None else _deflated_words(result.ahead)
    return f"above hold: {above}. With all that the market did: {_deflated_words(result.skill)}"


def _deflated_words(found: Deflated) -> str:
    return (
        f"Sharpe {found.sharpe:.2f}, luck alone would show {found.luck:.2f} in {found.trials:,} trials; "
        f"more than luck with {found.probability:.0%}"
    )


def _fold_rows(result: SweepResult, walk: Walk) -> list[tuple[str, ...]]:
    times = result.study.prices.times
    return [
        (
            configuration_words(result.configurations[fold.chosen]),
            _day(int(times[fold.end])),
            _percent(fold.outside),
            _percent(fold.hold),
            _percent(fold.median),
        )
        for fold in walk.folds
    ]


def _row(result: SweepResult, place: int) -> tuple[str, ...]:
    found = result.measures
    return (
        configuration_words(result.configurations[place]),
        _percent(found.growth[place]),
        ratio_words(found.sharpe[place]),
        f"{found.drawdown[place]:.1%}",
        f"{found.tracking[place]:.2%}",
        f"{found.turnover[place]:.2f}×",
        f"{found.trades[place]:,}",
        f"{found.fee[place] + found.impact[place] + found.gas[place]:,.0f}",
    )


def _break_even_rows(result: SweepResult) -> list[tuple[str, ...]]:
    return [
        (
            row_words(result.configurations[one.configuration]),
            *(_percent(growth) for growth in one.growth),
            _fee(one.than_hold),
            _fee(one.than_calendar),
        )
        for one in result.break_even
    ]


def _fee(fee: float | None) -> str:
    return "never" if fee is None else "always" if fee == 0 else f"from {fee:.2%}"


def _percent(share: float) -> str:
    return f"{share:+.1%}"


def _day(at: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
