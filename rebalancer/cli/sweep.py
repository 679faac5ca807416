"""`rebalancer sweep`: many configurations over one past, and what choosing among them would have been worth."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalancer.core.errors import ConfigError
from rebalancer.research.flags import Flags
from rebalancer.research.grid import study_and_grid
from rebalancer.research.study import read_market
from rebalancer.research.sweep import Deflated, SweepResult, Walk, run_sweep
from rebalancer.research.sweep_words import configuration_words, rule_words
from rebalancer.research.windows import Windows
from rebalancer.units import PPM

if TYPE_CHECKING:
    from rebalancer.research.crew import Crew

Progress = Callable[[int, int], None]
_SHOWN = 10
_HEAD = ("rule", "a year", "Sharpe", "fall", "drift", "turned", "trades", "costs")
_FOLD_HEAD = ("chosen by the past", "until", "a year", "hold", "middle of all")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a sweep beside its grid, as it was typed."""

    windows: Windows
    dask: str | None
    html: Path | None


def run_grid(flags: Flags, asked: Asked, as_json: bool) -> int:
    """The tables, or one JSON object; and the report where one is asked for."""
    market = read_market(flags)
    study, grid = study_and_grid(flags, market)
    with _bar(quiet=as_json) as progress:
        result = run_sweep(study, grid, asked.windows, _crew(asked.dask), progress)
    if asked.html is not None:
        _write(asked.html, result)
    if as_json:
        import json

        print(json.dumps(_object(result, market.said), ensure_ascii=False))
    else:
        _show(result, (*market.said, *result.left_out), asked.html)
    return 0


def _crew(address: str | None) -> Crew | None:
    if address is None:
        return None
    from rebalancer.research.crew import Machines

    return Machines(address)


def _write(path: Path, result: SweepResult) -> None:
    from rebalancer.research.sweep_report import sweep_page

    try:
        path.write_text(sweep_page(result), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--html {path}: expected a file that can be written, saw: {error.strerror}; name another one"
        ) from None


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


def _show(result: SweepResult, said: tuple[str, ...], html: Path | None) -> None:
    from rebalancer.cli.show import console, show_line

    show_line("sweep", f"{len(result.configurations):,} configurations over {len(result.hold):,} times")
    if result.walk is None:
        show_line(
            "walk", "too few times to choose by some and judge by others: nothing below is out of sample", "yellow"
        )
    else:
        show_line("walk", _walk_words(result.walk), "green")
        _table(_FOLD_HEAD, _fold_rows(result, result.walk))
    console.print(
        "[bold]Looking back[/] (the best of so many, chosen by what they did: no promise; after fee, impact, gas)"
    )
    _table(_HEAD, [_row(result, int(place)) for place in (-result.measures.growth).argsort(kind="stable")[:_SHOWN]])
    show_line("luck", f"{_luck_words(result.skill)}; above hold: {_luck_words(result.ahead)}")
    fees = tuple(f"{100 * fee / PPM:g} % fee" for fee in result.fees)
    console.print(f"[bold]Break-even fees[/] up to 2 %; the calendar is the best one, {rule_words(result.calendar)}")
    _table(("rule, a year at", *fees, "below hold", "calendar"), _break_even_rows(result))
    for line in said:
        show_line("taken", line)
    show_line("missing", "other pasts, tokens that died, prices between these, MEV, tax: see `backtest`", "yellow")
    if html is not None:
        show_line("report", f"{html}", "green")


def _walk_words(walk: Walk) -> str:
    hold = walk.hold[-1] / walk.hold[0] - 1
    years = f"chosen {len(walk.folds)} times by the past alone: {_percent(walk.growth)} a year out of sample"
    risk = f"Sharpe {walk.sharpe:.2f} (above 0 with {walk.skill.probability:.0%}), deepest fall {walk.drawdown:.1%}"
    return f"{years}, {risk}; in all {_percent(walk.values[-1] / walk.values[0] - 1)}, hold {_percent(hold)}"


def _luck_words(found: Deflated) -> str:
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
        f"{found.sharpe[place]:.2f}",
        f"{found.drawdown[place]:.1%}",
        f"{found.tracking[place]:.2%}",
        f"{found.turnover[place]:.2f}×",
        f"{found.trades[place]:,}",
        f"{found.fee[place] + found.impact[place] + found.gas[place]:,.0f}",
    )


def _break_even_rows(result: SweepResult) -> list[tuple[str, ...]]:
    return [
        (
            rule_words(result.configurations[one.configuration]),
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


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from rebalancer.cli.show import console

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(head):
        table.add_column(Text(name), justify="right" if place else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _object(result: SweepResult, said: tuple[str, ...]) -> dict[str, Any]:
    """Floats: they look back, and nothing is decided by them. All configurations, in the order of the grid."""
    found, times = result.measures, result.study.prices.times
    names = [field.name for field in fields(found)]
    return {
        "from": int(times[0]),
        "to": int(times[-1]),
        "times": len(times),
        "walk_forward": None if result.walk is None else _walk_object(result, result.walk),
        "best": result.best,
        "skill": _deflated_object(result.skill),
        "ahead_of_hold": _deflated_object(result.ahead),
        "hold_usd": float(result.hold[-1]),
        "calendar": rule_words(result.calendar),
        "break_even": [
            {
                "rule": rule_words(result.configurations[one.configuration]),
                "growth": {
                    f"{100 * fee / PPM:g} %": growth for fee, growth in zip(result.fees, one.growth, strict=True)
                },
                "than_hold": one.than_hold,
                "than_calendar": one.than_calendar,
            }
            for one in result.break_even
        ],
        "configurations": [
            {"name": configuration_words(one), **{name: getattr(found, name)[place].item() for name in names}}
            for place, one in enumerate(result.configurations)
        ],
        "said": list(said),
        "left_out": list(result.left_out),
    }


def _walk_object(result: SweepResult, walk: Walk) -> dict[str, Any]:
    times = result.study.prices.times
    return {
        "from": int(times[walk.at[0]]),
        "to": int(times[walk.at[-1]]),
        "growth": walk.growth,
        "sharpe": walk.sharpe,
        "drawdown": walk.drawdown,
        "probability_above_zero": walk.skill.probability,
        "end_usd": float(walk.values[-1]),
        "hold_usd": float(walk.hold[-1]),
        "folds": [
            {
                "from": int(times[fold.start]),
                "split": int(times[fold.split]),
                "to": int(times[fold.end]),
                "chosen": configuration_words(result.configurations[fold.chosen]),
                "in_sample": fold.inside,
                "out_of_sample": fold.outside,
                "hold": fold.hold,
                "median": fold.median,
            }
            for fold in walk.folds
        ],
    }


def _deflated_object(found: Deflated) -> dict[str, Any]:
    return {
        "sharpe": found.sharpe,
        "by_luck": found.luck,
        "probability_more_than_luck": found.probability,
        "trials": found.trials,
    }
