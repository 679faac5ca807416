"""A sweep in, its pictures out: the walk-forward, its folds, and how two settings trade off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rebalancer.config.text import show_percent
from rebalancer.core.module_words import share
from rebalancer.research.model import Configuration, Floats
from rebalancer.research.report.lines import line_of, moments, most_points, wealth_axis
from rebalancer.research.report.parts import Json, Picture, numbers, words
from rebalancer.research.review_words import day
from rebalancer.research.sweep.model import SweepResult, Walk
from rebalancer.research.sweep.words import (
    NONE,
    back_words,
    cadence_words,
    configuration_words,
    growth_words,
)
from rebalancer.units import ONE

_WRITTEN = 150
"""Cells of a heat map with a figure in each of them; more have no room for it."""
Value = int | str | None


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting that a sweep has tried several values of, in their order."""

    name: str
    read: Callable[[Configuration], Value]
    words: Callable[[Configuration], str]


def _cadence(one: Configuration) -> Value:
    return one.every if one.every is None or isinstance(one.every, int) else one.every.text


AXES = (
    Axis("band", lambda c: c.band, lambda c: NONE if c.band is None else show_percent(c.band)),
    Axis("cadence", _cadence, lambda c: NONE if c.every is None else cadence_words(c.every)),
    Axis("returns", lambda c: c.back.value, lambda c: back_words(c.back)),
    Axis(
        "share of the target",
        lambda c: c.relative,
        lambda c: NONE if c.relative is None else show_percent(c.relative),
    ),
    Axis("pool fee", lambda c: c.fee, lambda c: "as the study" if c.fee is None else share(c.fee)),
    Axis("depth", lambda c: c.depth, lambda c: "as the study" if c.depth is None else f"{c.depth // ONE:,} USD"),
)


def picture_walk(result: SweepResult, walk: Walk) -> Picture:
    """The one portfolio that changes its rule at each split, out of sample all along."""
    kept = most_points(len(walk.at))
    times = moments(result.study.prices.times[walk.at[kept]])
    scale, axis = wealth_axis((walk.values, walk.hold))
    splits = moments(result.study.prices.times[[fold.split for fold in walk.folds]])
    return Picture(
        name="walk",
        title="Walk-forward: what the best of the past came to afterwards",
        caption=f"Dollars after all costs{scale}. At each thin line the rule that had done best until then is taken, "
        "and judged by what comes next.",
        traces=(
            line_of(0, "chosen by the past", times, walk.values[kept]),
            line_of(1, "hold", times, walk.hold[kept]),
        ),
        layout={"yaxis": axis, "shapes": [_split(at) for at in splits]},
        height=400,
    )


def picture_folds(result: SweepResult, walk: Walk) -> Picture:
    """Growth out of sample, fold by fold."""
    times = result.study.prices.times
    names = [f"{day(int(times[f.split]))[:7]}<br>to {day(int(times[f.end]))[:7]}" for f in walk.folds]
    chosen = [words(configuration_words(result.configurations[fold.chosen])) for fold in walk.folds]
    bars: tuple[tuple[str, str, list[float]], ...] = (
        ("chosen by the past", "ours", [fold.outside for fold in walk.folds]),
        ("the middle of all", "calendar", [fold.median for fold in walk.folds]),
        ("hold", "hold", [fold.hold for fold in walk.folds]),
    )
    return Picture(
        name="folds",
        title="Each step of it",
        caption="Growth in each step as a whole, in per cent and after all costs: what the rule that had looked best "
        "did then, beside the middle of all rules and holding.",
        traces=tuple(
            {
                "type": "bar",
                "name": name,
                "x": names,
                "y": numbers((100 * value for value in values), 4),
                "marker": {"color": colour},
                "text": chosen,
                "textposition": "none",
                "hovertemplate": "%{y:.1f} %<br>%{text}",
            }
            for name, colour, values in bars
        ),
        layout={
            "barmode": "group",
            "xaxis": {"type": "category", "tickangle": 0},
            "yaxis": {"ticksuffix": " %"},
            "margin": {"l": 64, "r": 14, "t": 8, "b": 56},
        },
        height=360,
    )


def picture_best(result: SweepResult) -> Picture:
    """The best of all the past against hold: with hindsight."""
    kept = most_points(len(result.values))
    times = moments(result.study.prices.times[kept])
    scale, axis = wealth_axis((result.values, result.hold))
    best = configuration_words(result.configurations[result.best])
    return Picture(
        name="best",
        title="With hindsight: the best of all",
        caption=f"Dollars after all costs{scale}, of {best}. It was chosen by this very picture: the "
        "walk-forward says what choosing was worth.",
        traces=(line_of(0, "best", times, result.values[kept]), line_of(1, "hold", times, result.hold[kept])),
        layout={"yaxis": axis},
        height=340,
    )


def pictures_heat(result: SweepResult) -> tuple[Picture, ...]:
    """Growth and turnover over the two settings that fill the largest map; none where only one thing was tried."""
    axes = _filled(result.configurations)
    if not axes:
        return ()
    span = growth_words(result.years)
    return (
        _heat(result, axes, ("growth", f"Growth {span}, per cent, after all costs", 100 * result.measures.growth)),
        _heat(result, axes, ("costs", f"Turnover {span}, per cent of the portfolio", 100 * result.measures.turnover)),
    )


def _filled(configurations: Sequence[Configuration]) -> tuple[Axis, ...]:
    """The two axes with the most different pairs of values, the longer one first; or the only one."""
    varied = [axis for axis in AXES if len({axis.read(one) for one in configurations}) > 1]
    if len(varied) < 2:
        return tuple(varied)
    pair = max(
        combinations(varied, 2), key=lambda two: len({tuple(a.read(one) for a in two) for one in configurations})
    )
    return tuple(sorted(pair, key=lambda axis: -len({axis.read(one) for one in configurations})))


def _heat(result: SweepResult, axes: Sequence[Axis], shown: tuple[str, str, Floats]) -> Picture:
    name, title, values = shown
    across, columns = _ordered(result.configurations, axes[0])
    down, rows = _ordered(result.configurations, axes[1]) if len(axes) > 1 else ([0] * len(values), ["all"])
    cells = np.full((len(rows), len(columns)), np.nan)
    for row in range(len(rows)):
        for column in range(len(columns)):
            here = [v for v, r, c in zip(values, down, across, strict=True) if (r, c) == (row, column)]
            cells[row, column] = np.median(here) if here else np.nan
    rest = " Each cell is the middle of what else was tried there." if len(values) > cells.size else ""
    trace: Json = {
        "type": "heatmap",
        "x": columns,
        "y": rows,
        "z": [numbers(row, 4) for row in cells],
        "colorscale": "Cividis",
        "hovertemplate": f"{axes[0].name} %{{x}}<br>%{{y}}<br>%{{z:.2f}}<extra></extra>",
        "colorbar": {"thickness": 12, "outlinewidth": 0},
        "xgap": 1,
        "ygap": 1,
    }
    if cells.size <= _WRITTEN:
        trace["texttemplate"] = "%{z:.1f}"
    return Picture(
        name=f"heat{name}",
        title=title,
        caption=f"Over {' and '.join(axis.name for axis in axes)}.{rest} Brighter is more.",
        traces=(trace,),
        layout={
            "hovermode": "closest",
            "xaxis": {"type": "category", "automargin": True, "title": {"text": axes[0].name}},
            "yaxis": {"type": "category", "automargin": True},
        },
        height=min(520, 180 + 34 * len(rows)),
    )


def _ordered(configurations: Sequence[Configuration], axis: Axis) -> tuple[list[int], list[str]]:
    """The place of each configuration among the values of the axis, and these in words, from small to large."""
    values = {axis.read(one): axis.words(one) for one in configurations}
    order = sorted(values, key=lambda value: (value is not None, value if isinstance(value, int) else 0, str(value)))
    return [order.index(axis.read(one)) for one in configurations], [words(values[value]) for value in order]


def _split(at: str) -> Json:
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "line": {"color": "rule", "width": 1},
    }
