"""Wealth over time in, how far it fell below its own peaks and for how long, out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rebalancer.research.model import Floats, Times


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall below a former peak."""

    depth: float
    """A share of the peak."""
    peak: int
    trough: int
    recovered: int | None
    """When the peak was reached again; None: not by the end."""
    longest: int
    """Seconds of the longest time below any former peak, the one that the end cuts short included."""


def drawdowns(wealth: Floats) -> Floats:
    """How far each is below the highest until then, as a share of it, and at most all of it: wealth is below nothing
    where gas has cost more than there was, but that is money of the operator's, which was no part of the height."""
    highest = np.maximum.accumulate(wealth)
    found: Floats = np.minimum(1 - wealth / highest, 1.0)
    return found


def drawdown_of(wealth: Floats, times: Times) -> Drawdown:
    """The deepest fall, and the longest."""
    below = drawdowns(wealth)
    bottom = int(below.argmax())
    top = int(wealth[: bottom + 1].argmax())
    back = np.flatnonzero(wealth[bottom:] >= wealth[top])
    return Drawdown(
        depth=float(below[bottom]),
        peak=int(times[top]),
        trough=int(times[bottom]),
        recovered=int(times[bottom + back[0]]) if len(back) else None,
        longest=_longest_below(below, times),
    )


def _longest_below(below: Floats, times: Times) -> int:
    """Seconds from one peak to the next with a fall between them, or to the end; 0 where nothing ever fell."""
    tops = np.flatnonzero(below == 0)
    ends = np.append(tops[1:], len(below) - 1)
    fell = (ends - tops > 1) | (below[ends] > 0)
    return int((times[ends] - times[tops])[fell].max(initial=0))
