"""Bands as rules ask for them in, what the kernel asks of every weight out: all rules and all targets at once.

The same integers as `core.bands` has for each: the nearer of both edges, rounded down, and a return point at least
SHY_OF_EDGE inside. To ask it for every rule and every asset takes longer than to play all of them over five years.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebalancer.core.bands import SHY_OF_EDGE
from rebalancer.core.model import Back
from rebalancer.research.kernel.tables import NEVER
from rebalancer.research.model import Floats
from rebalancer.units import ONE, Weight, bps_of_up

Integers = NDArray[np.int64]
Rule = tuple[Weight | None, Weight | None, Back, bool]
"""(points off the target, share of the target, return point, whether it looks at every time)"""

_LEAST = 1e-18
"""Of a trigger: the unit in the last place of a weight."""
_WIDE = 4 * ONE
"""No weight is ever so far off."""
_SHY = bps_of_up(ONE, SHY_OF_EDGE)


def bands_at(rules: Sequence[Rule], targets: Sequence[Weight]) -> tuple[Floats, Floats, Floats, Floats]:
    """(1/trigger, how far off a weight may stay, the limit, EVEN): the first two of shape (rules, assets), the others
    of shape (rules,)."""
    edges = edges_at(rules, targets)
    banded = np.array([band is not None or relative is not None for band, relative, _, _ in rules])
    tight = np.where(banded[:, np.newaxis], 1 / np.maximum(edges / ONE, _LEAST), 0.0)
    stay = np.where(banded[:, np.newaxis], stays_at(rules, edges) / ONE, 0.0)
    # The owners want none of it: there is no band to stay in.
    stay[:, np.array(targets) == 0] = 0.0
    limit = np.where(banded, 1.0, [NEVER if always else -1.0 for _, _, _, always in rules])
    # Where one trigger is that of all assets, or none counts, what passes the limit; else 0.
    same = (edges == edges[:, :1]).all(axis=1)
    even = np.where(banded, np.where(same, np.maximum(edges[:, 0] / ONE, _LEAST), 0.0), limit)
    return tight, stay, limit, even


def edges_at(rules: Sequence[Rule], targets: Sequence[Weight]) -> Integers:
    """How far each weight may stand from its target, of shape (rules, assets); _WIDE without a band."""
    points = np.array([_WIDE if band is None else min(band, _WIDE) for band, _, _, _ in rules], dtype=np.int64)
    edges = np.repeat(points[:, np.newaxis], len(targets), axis=1)
    asked = {place: relative for place, (_, relative, _, _) in enumerate(rules) if relative is not None}
    rows = {relative: row for row, relative in enumerate(dict.fromkeys(asked.values()))}
    # The product has no room in a machine's integers.
    wide = np.array(list(rows), dtype=object)[:, np.newaxis] * np.array(targets, dtype=object) // ONE
    parts = np.minimum(wide, _WIDE).astype(np.int64)
    places = list(asked)
    edges[places] = np.minimum(edges[places], parts[[rows[relative] for relative in asked.values()]])
    return edges


def stays_at(rules: Sequence[Rule], edges: Integers) -> Integers:
    """How far from its target a rebalance leaves a weight, of the shape of `edges`."""
    back = [rule[2] for rule in rules]
    half = np.array([one is Back.HALF for one in back])[:, np.newaxis]
    edge = np.array([one is Back.EDGE for one in back])[:, np.newaxis]
    stay = np.where(half, edges >> 1, np.where(edge, edges, 0))
    found: Integers = np.maximum(np.minimum(stay, edges - _SHY), 0)
    return found
