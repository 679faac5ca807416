"""A history in parts, and what each configuration came to in them, in; what choosing by the past would have been worth
afterwards, out. Nothing that a choice rests on is later than its `split`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.research.kernel.lanes import lanes_of
from rebalancer.research.kernel.outcomes import kept_of, run
from rebalancer.research.kernel.tables import DUE, GAS
from rebalancer.research.model import Configuration, Floats, Study
from rebalancer.research.sweep.model import Fold, Span, Walk
from rebalancer.research.sweep.scores import alone, deflated, growth_of, returns_of, total_growth, years_of
from rebalancer.research.sweep.windows import Windows
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
        inside = total_growth(study, tables[2 * at])[choices]
        outside = total_growth(study, tables[2 * at + 1])[choices]
        best = int(inside.argmax())
        left = alone(study, (split, end))
        grown = float(inside[best]), float(outside[best]), float(left[-1] / left[0] - 1), float(np.median(outside))
        found.append(Fold(start, split, end, choices[best], *grown))
    return _joined(study, configurations, tuple(found))


def _joined(study: Study, configurations: Sequence[Configuration], folds: tuple[Fold, ...]) -> Walk:
    values = _wealth(study, configurations, folds)
    span = folds[0].split, folds[-1].end
    years, hold = years_of(study, span), alone(study, span)
    skill = deflated(returns_of(values), np.zeros(1), years)
    growth = growth_of(np.array([values[-1], hold[-1]]), study.start / ONE, years)
    return Walk(
        folds=folds,
        at=np.arange(span[0], span[1] + 1),
        values=values,
        hold=hold,
        years=years,
        growth=float(growth[0]),
        hold_growth=float(growth[1]),
        sharpe=None if skill is None else skill.sharpe,
        drawdown=float(min((1 - values / np.maximum.accumulate(values)).max(), 1.0)),
        skill=skill,
    )


def _wealth(study: Study, configurations: Sequence[Configuration], folds: tuple[Fold, ...]) -> Floats:
    """Dollars at each time, less all gas until then, of the chosen ones, each from what the one before it has left."""
    values, gas = np.empty(0), 0.0
    before: Floats | None = None
    for at, fold in enumerate(folds):
        chosen = configurations[fold.chosen]
        lanes = lanes_of(study, [chosen], (fold.split, fold.end))
        assets, book = len(lanes.shape), lanes.book
        if before is not None:
            book[0, :assets] = before[:assets]
            last = folds[at - 1]
            # Whoever keeps the same time goes on waiting for it; a new rule may act from the next time on.
            waited = before[assets + DUE] - (fold.split - last.split)
            book[0, assets + DUE] = max(waited, 1) if configurations[last.chosen].every == chosen.every else 1
        kept = kept_of(lanes, values=True)
        run(lanes, kept)
        # The end of one is the beginning of the next, and counted once.
        values = np.concatenate((values[:-1], kept.values[:, 0] - gas))
        before, gas = book[0], gas + float(book[0, assets + GAS])
    return values
