"""A history in parts, and what each configuration came to in them, in; what choosing by the past would have been worth
afterwards, out. Nothing that a choice rests on is later than its `split`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.research.kernel_tables import DUE, GAS
from rebalancer.research.lanes import lanes_of
from rebalancer.research.model import Floats, Study
from rebalancer.research.outcomes import kept_of, run
from rebalancer.research.scores import Span, alone, growth_of, net_growth, per_year, years_of
from rebalancer.research.statistics import probability_above, sample_of
from rebalancer.research.sweep import Configuration, Deflated, Fold, Walk
from rebalancer.research.windows import Windows
from rebalancer.units import ONE

PARTS, FIRST = 8, 3
"""The history is cut into so many; the first choice rests on the first three."""
_SHORTEST = 10
"""Times in a part: fewer show nothing."""


def folds_of(times: int, windows: Windows) -> tuple[tuple[int, int, int], ...]:
    """(start, split, end) of each, as places; none where the history is too short."""
    if times - 1 < PARTS * _SHORTEST:
        return ()
    edges = np.linspace(0, times - 1, PARTS + 1).astype(int).tolist()
    starts = [0 if windows is Windows.ANCHORED else edges[at - FIRST] for at in range(FIRST, PARTS)]
    return tuple((start, edges[at], edges[at + 1]) for at, start in zip(range(FIRST, PARTS), starts, strict=True))


def spans_of(folds: Sequence[tuple[int, int, int]]) -> list[Span]:
    """In sample and out of sample, of each fold in turn."""
    return [span for start, split, end in folds for span in ((start, split), (split, end))]


def walked(
    study: Study,
    configurations: Sequence[Configuration],
    choices: Sequence[int],
    cut: tuple[Sequence[tuple[int, int, int]], Sequence[Floats]],
) -> Walk:
    """`cut`: the folds, and the tables of `spans_of` them. `choices`: the places of those that can be chosen."""
    found, (folds, tables) = [], cut
    for at, (start, split, end) in enumerate(folds):
        inside = net_growth(study, tables[2 * at], (start, split))[choices]
        outside = net_growth(study, tables[2 * at + 1], (split, end))[choices]
        best = int(inside.argmax())
        left = alone(study, (split, end))
        hold = growth_of(left[-1:], float(left[0]), years_of(study, (split, end)))
        grown = float(inside[best]), float(outside[best]), float(hold[0]), float(np.median(outside))
        found.append(Fold(start, split, end, choices[best], *grown))
    return _joined(study, configurations, tuple(found))


def _joined(study: Study, configurations: Sequence[Configuration], folds: tuple[Fold, ...]) -> Walk:
    """The chosen ones, each from what the one before it has left."""
    values, gas = np.empty(0), 0.0
    before: Floats | None = None
    for at, fold in enumerate(folds):
        chosen = configurations[fold.chosen]
        lanes = lanes_of(study, [chosen], (fold.split, fold.end))
        assets, book = len(lanes.shape), lanes.book
        if before is not None:
            book[0, :assets] = before[:assets]
            # Whoever keeps the same time goes on waiting for it; a new rule may act from the next time on.
            waited, last = (
                before[assets + DUE] - (fold.split - folds[at - 1].split),
                configurations[folds[at - 1].chosen],
            )
            book[0, assets + DUE] = max(waited, 1) if last.every == chosen.every else 1
        kept = kept_of(lanes, values=True)
        run(lanes, kept)
        before, gas = book[0], gas + float(book[0, assets + GAS])
        # The end of one is the beginning of the next, and counted once.
        values = np.concatenate((values[:-1], kept.values[:, 0]))
    span = folds[0].split, folds[-1].end
    sample = sample_of(np.diff(values) / values[:-1])
    years, yearly = years_of(study, span), per_year(study, span) ** 0.5
    growth = growth_of(values[-1:] - gas, study.start / ONE, years)
    return Walk(
        folds=folds,
        at=np.arange(span[0], span[1] + 1),
        values=values,
        hold=alone(study, span),
        growth=float(growth[0]),
        sharpe=float(sample.sharpe * yearly),
        drawdown=float((1 - values / np.maximum.accumulate(values)).max()),
        skill=Deflated(float(sample.sharpe * yearly), 0.0, probability_above(sample, 0.0), 1),
    )
