"""Flows through pools taken apart: what each curve takes and gives in, paths with the dollars at their start out.

A path begins at a token of which less is wanted and ends at one of which more is, so that a router can make it in one
call. The widest path is taken first, then the widest of what is left, until nothing is: never more paths than curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rebalancer.market.curves import Curves, Floats

_DUST = 1e-7
"""Of all that flows: below it is what an interior point leaves in a curve that is not used."""
_CENT = 0.001
"""A tenth of a cent: less is nothing in base units of some tokens."""


@dataclass(frozen=True, slots=True)
class Path:
    """Curves in their order, and the dollars that enter the first."""

    curves: tuple[int, ...]
    dollars: float


@dataclass(frozen=True, slots=True)
class Flows:
    """Dollars into each curve, by place in `curves`, and by token what leaves it (above zero) or reaches it.

    `whole`: curves that pay a second swap less than they say, as a V2 pair does, whose fee stays in its reserves.
    """

    curves: Curves
    taken: Floats
    leaving: Floats
    whole: frozenset[int]


Reached = dict[tuple[int, bool], tuple[float, int, bool]]
"""By token, and whether what must lie on the way there does: dollars, the last curve, and the second before it."""


Wire = tuple[float, int, int, bool]
"""From a token: the dollars that still go through, the token at its end, the curve, and whether it had to be passed."""


def paths_of(flows: Flows, groups: Sequence[Sequence[int]], most_hops: int) -> tuple[tuple[Path, ...], float]:
    """(the paths, the dollars that find none). Each path keeps to the curves of one of `groups`, the first first.

    What is better whole is divided first, while wide paths are still to be had. They are to be made in this order: who
    goes through a pool first gets the better of its prices.
    """
    left = _Left(flows)
    found: list[Path] = []
    # Each path uses up a curve, what leaves a token, or what reaches one.
    most = len(flows.taken) + 2 * len(flows.leaving)
    first = [(groups[-1], flows.whole)] if flows.whole else []
    for group, through in [*first, *((group, None) for group in groups)]:
        used = [curve for curve in group if left.room[curve] > left.dust]
        while len(found) < most and (curves := left.widest(used, most_hops, through)) is not None:
            found.append(Path(curves, left.take(curves)))
    return left.swept(found), float(left.supply.sum())


class _Left:
    """What no path has taken yet, and how far each curve has been used up."""

    def __init__(self, flows: Flows) -> None:
        self.flows, curves = flows, flows.curves
        self.supply = np.maximum(flows.leaving, 0.0)
        self.demand = np.maximum(-flows.leaving, 0.0)
        self.dust = max(float(self.supply.sum()) * _DUST, _CENT)
        self.room = flows.taken.copy()
        self.used = np.zeros(len(flows.taken))
        self.source, self.target = curves.source.tolist(), curves.target.tolist()

    def widest(self, group: Sequence[int], most_hops: int, through: frozenset[int] | None) -> tuple[int, ...] | None:
        """The path that brings the most dollars to its end, fees and impact aside; through one of these curves."""
        room, demand = self.room.tolist(), self.demand.tolist()
        wires: dict[int, list[Wire]] = {}
        for curve in group:
            if room[curve] > self.dust:
                wire = room[curve], self.target[curve], curve, through is not None and curve in through
                wires.setdefault(self.source[curve], []).append(wire)
        # A curve that need not be passed counts as passed from the start.
        supply = enumerate(self.supply.tolist())
        reached: list[Reached] = [
            {(token, through is None): (dollars, -1, False) for token, dollars in supply if dollars > self.dust}
        ]
        widths = {place: found[0] for place, found in reached[0].items()}
        best: tuple[float, int, int] = (self.dust, -1, 0)
        for hops in range(1, most_hops + 1):
            reached.append(_further(reached[-1], wires, widths))
            for (token, passed), found in reached[-1].items():
                if passed:
                    best = max(best, (min(found[0], demand[token]), token, -hops))
        _, token, hops = best
        curves: list[int] = []
        passed = True
        for step in range(-hops, 0, -1):
            _, curve, passed = reached[step][token, passed]
            token = self.source[curve]
            curves.append(curve)
        return tuple(reversed(curves)) or None

    def swept(self, found: Sequence[Path]) -> tuple[Path, ...]:
        """The paths, with what is left of their token after them: no more than dust in every curve, or not wanted."""
        paths, crumbs = list(found), self.dust * len(self.room)
        met = float(self.demand.sum()) <= crumbs
        for token, rest in enumerate(self.supply.tolist()):
            places = [place for place, path in enumerate(paths) if self.source[path.curves[0]] == token]
            if places and (met or rest <= crumbs):
                largest = max(places, key=lambda place: paths[place].dollars)
                paths[largest] = Path(paths[largest].curves, paths[largest].dollars + rest)
                self.supply[token] = 0.0
        return tuple(paths)

    def take(self, path: tuple[int, ...]) -> float:
        """Fill a path as far as it goes; the dollars at its start."""
        curves = self.flows.curves
        amounts = [float(self.supply[self.source[path[0]]])]
        for step, curve in enumerate(path):
            if amounts[step] > self.room[curve]:
                amounts = self._back(path[:step], float(self.room[curve]))
            used = float(self.used[curve])
            amounts.append(curves.given_for(curve, used + amounts[step]) - curves.given_for(curve, used))
        if amounts[-1] > self.demand[self.target[path[-1]]]:
            amounts = self._back(path, float(self.demand[self.target[path[-1]]]))
        self.supply[self.source[path[0]]] -= amounts[0]
        self.demand[self.target[path[-1]]] -= amounts[-1]
        for curve, dollars in zip(path, amounts, strict=False):
            self.room[curve] -= dollars
            self.used[curve] += dollars
        return amounts[0]

    def _back(self, path: tuple[int, ...], arrives: float) -> list[float]:
        """The dollars at the start of a path, and after each of its curves, so that so many arrive."""
        curves, amounts = self.flows.curves, [arrives]
        for curve in reversed(path):
            used = float(self.used[curve])
            before = curves.given_for(curve, used)
            amounts.append(curves.taken_for(curve, before + amounts[-1]) - used)
        return amounts[::-1]


def _further(reached: Reached, wires: Mapping[int, Sequence[Wire]], widths: dict[tuple[int, bool], float]) -> Reached:
    """Where one more curve leads and brings more than any way as short; `widths` is kept up to date."""
    further: Reached = {}
    for (token, passed), (dollars, _, _) in reached.items():
        for room, end, curve, passes in wires.get(token, ()):
            width, place = min(dollars, room), (end, passed or passes)
            if width > widths.get(place, 0.0):
                widths[place] = width
                further[place] = width, curve, passed
    return further
