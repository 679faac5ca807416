"""A policy and the targets of each time in, how far each weight might stand from its target then, out."""

from __future__ import annotations

import numpy as np

from rebalancer.core.bands import edge_of
from rebalancer.core.model import Calendar, Drawn, Policy
from rebalancer.research.model import Floats
from rebalancer.units import ONE, Weight


def edges_of(policy: Policy, targets: Floats) -> Floats:
    """Of the shape of `targets`; NaN where the policy draws no band.

    Bands that move with gas or with volatility are known to each tick only, and stand as NaN here.
    """
    found = np.full(targets.shape, np.nan)
    if isinstance(policy.trigger, Calendar) or not isinstance(policy.trigger.bands, Drawn):
        return found
    widths = tuple(width for width in policy.trigger.bands.widths if width.drawn_at is None)
    # Targets rarely change: each set of them is looked at once.
    sets, places = np.unique(targets, axis=0, return_inverse=True)
    drawn = np.full(sets.shape, np.nan)
    for row, weights in enumerate(sets):
        for column, (token, weight) in enumerate(zip(policy.assets, weights, strict=True)):
            edge = edge_of(widths, token, Weight(round(float(weight) * ONE)))
            drawn[row, column] = np.nan if edge is None else edge / ONE
    return np.asarray(drawn[places.reshape(-1)])
