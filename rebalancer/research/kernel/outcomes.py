"""Configurations and a span of times in, what each came to as a table out: what one core, or one machine, does of a
sweep. Each column is the same bytes, whichever others stand beside it and whoever works it out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.research.kernel import compiled
from rebalancer.research.kernel.advance import advance
from rebalancer.research.kernel.lanes import Lanes, lanes_of
from rebalancer.research.kernel.rebalancing import RULE
from rebalancer.research.kernel.tables import BOOK, EVEN, MEASURED, VALUE, Kept
from rebalancer.research.model import Configuration, Floats, Study

FINAL, TRADES, SOLD, FEE, IMPACT, GAS = range(6)
"""Rows of a table, as `advance` has them from VALUE on; those that it measures come after."""
ROWS = BOOK - 1 + MEASURED


def outcomes(study: Study, configurations: Sequence[Configuration], span: tuple[int, int]) -> Floats:
    """From times span[0] to span[1], both counted; of shape (ROWS, configurations)."""
    lanes = lanes_of(study, configurations, span)
    kept = kept_of(lanes, measured=True)
    run(lanes, kept)
    return np.concatenate((lanes.book.T[len(lanes.shape) + VALUE :], kept.measured))


def run(lanes: Lanes, kept: Kept) -> None:
    """All of them over all times; the book is brought forward."""
    for span in runs_of(lanes):
        compiled.call(advance, lanes.shape, lanes.market, lanes.rules, lanes.book, kept, span)


def runs_of(lanes: Lanes) -> list[tuple[int, int]]:
    """Spans of those that are looked at alike, so that nobody's digits rest on his neighbours."""
    even = lanes.rules[:, RULE * len(lanes.shape) + EVEN] != 0
    edges = [0, *(np.flatnonzero(even[1:] != even[:-1]) + 1).tolist(), len(even)]
    return list(zip(edges, edges[1:], strict=False))


def kept_of(lanes: Lanes, *, measured: bool = False, values: bool = False, units: bool = False) -> Kept:
    """Room for what is to be written down."""
    times, assets, count = len(lanes.market.prices), len(lanes.shape), len(lanes.book)
    return Kept(
        (0,) * (measured or values or units),
        np.zeros((MEASURED * measured, count)),
        np.zeros((times * values, count)),
        np.zeros((times * units, count, assets)),
    )


def paths(study: Study, configurations: Sequence[Configuration], span: tuple[int, int]) -> tuple[Floats, Floats]:
    """(dollars less all gas until then, of shape (times, configurations); units, of shape (times, configurations,
    assets)) after the trades of each time. For a few configurations: these are large."""
    lanes = lanes_of(study, configurations, span)
    kept = kept_of(lanes, values=True, units=True)
    run(lanes, kept)
    return kept.values, kept.units[:, :, : len(study.policy.assets)]
