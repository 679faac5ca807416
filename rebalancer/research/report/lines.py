"""Lines over time as pictures want them: not more points than an eye sees, times in words, a scale that suits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from rebalancer.research.model import Floats, Times
from rebalancer.research.report.parts import Json, numbers, words

MOST_POINTS = 1_200
"""Of a line: a screen shows no more."""
WIDE = 4.0
"""A line that grows or falls by more is drawn on a logarithmic scale."""
_DASHES = ("solid", "dash", "dot", "dashdot")
_COLOURS = ("ours", "hold", "dca", "calendar")


def line_of(number: int, name: str, times: list[str], values: Floats) -> Json:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": words(name),
        "x": times,
        "y": numbers(values),
        "line": {"color": _COLOURS[number], "dash": _DASHES[number], "width": 2.6 if number == 0 else 1.5},
    }


def moments(times: Times | Sequence[int]) -> list[str]:
    """As the pictures read them: days where all are midnights, else minutes."""
    form = "%Y-%m-%d" if all(int(at) % 86_400 == 0 for at in times) else "%Y-%m-%d %H:%M"
    return [datetime.fromtimestamp(int(at), UTC).strftime(form) for at in times]


def most_points(count: int) -> NDArray[np.int64]:
    """Places of at most MOST_POINTS of so many, evenly apart, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.int64))


def wealth_axis(lines: Sequence[Floats]) -> tuple[str, Json]:
    """Words for the scale, and the axis: logarithmic where a line moves far, so that equal growth looks equal."""
    plain: Json = {"tickprefix": "$", "separatethousands": True}
    low, high = min(float(line.min()) for line in lines), max(float(line.max()) for line in lines)
    if low <= 0 or high / low <= WIDE:
        return "", plain
    digits = (1, 1.5, 2, 3, 5, 7) if high / low < 12 else (1, 2, 5)
    steps = [digit * 10.0**power for power in range(math.floor(math.log10(low)) - 1, 18) for digit in digits]
    ticks = [step for step in steps if low / 2 <= step <= high * 2]
    return ", on a logarithmic scale", plain | {
        "type": "log",
        "tickvals": ticks,
        "ticktext": [f"{tick:,.0f}" if tick >= 1 else f"{tick:g}" for tick in ticks],
    }
