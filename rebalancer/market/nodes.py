"""A node of the search for the best subset: pools in, their optimum and the paths that can be had of it out, in floats.

The search itself is in `subsets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebalancer.market.curves import Curves, Floats, Places
from rebalancer.market.one_way import order_of
from rebalancer.market.optimum import Optimum, solve
from rebalancer.market.paths import Flows, Path, paths_of
from rebalancer.market.problems import Market, problem_of

_USED = 1e-7
"""Of what is to move: a pool that carries less is not used."""
_LOST = 1e-5
"""Of what is to move: what curves of the stiffest pools leave over in floats."""
PAIR = 2
"""The kind of pools whose fee stays in their reserves."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan may be. `gas_price`: dollars a unit; `swap_gas`: units of a swap besides its pools', `tick_gas` of
    each range that it leaves. `mixed`: a path may go through pools of two kinds. `wait`: what it costs to leave a
    dollar where it is not wanted; None: nothing may be left.
    """

    gas_price: float
    swap_gas: int
    tick_gas: int
    most_swaps: int
    most_hops: int
    mixed: bool
    least_swap: float
    wait: float | None


Hops = tuple[tuple[int, bool], ...]
"""Of a swap: the places of its pools in the market, and whether token0 is sold to each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Swaps with the dollars at their starts, in the order in which they are to be made.

    `worth`: dollars left after all costs; `waiting`: those that stay where they are not wanted. No plan is worth more
    than `bound`.
    """

    swaps: tuple[tuple[Hops, float], ...]
    worth: float
    waiting: float
    bound: float
    prices: Floats
    """Shadow prices by token, as multiples of the oracle's."""
    solves: int
    solved: bool = True
    """Whether the optimum over all pools was found."""


@dataclass(frozen=True, slots=True)
class Node:
    """Pools that must be used, all that may be, and the optimum over these. No plan of theirs is worth more than
    `bound`. By curve: what it carries, and how many ranges it leaves.
    """

    bound: float
    inside: frozenset[int]
    pools: tuple[int, ...]
    optimum: Optimum
    flows: Flows
    crossed: Places
    waiting: float


@dataclass(frozen=True, slots=True)
class Ground:
    """What a search stands on: a market, by token the dollars held and the share wanted, and what a plan may be."""

    market: Market
    held: Floats
    wanted: Floats
    terms: Terms

    @property
    def to_move(self) -> float:
        """The dollars that are not where they are wanted."""
        return float(np.abs(self.held - self.wanted * self.held.sum()).sum()) / 2

    def idle(self) -> Plan | None:
        """To leave all as it is, valued as any other plan is."""
        node = self.node(frozenset(), (), None)
        if node is None:
            return None
        return Plan((), node.optimum.value, self.to_move, node.optimum.value, np.ones(len(self.held)), 0)

    def node(self, inside: frozenset[int], pools: tuple[int, ...], like: Node | None) -> Node | None:
        """The optimum over `pools`, begun where a like one ended. None: there is none."""
        problem = problem_of(self.market, pools, (self.held, self.wanted), self.terms.wait)
        if problem is None:
            return None
        optimum = solve(problem, None if like is None else like.optimum.prices)
        if optimum is None:
            return None
        curves = problem.curves
        flows = self._flows(curves, optimum, pools)
        crossed = curves.ranges_crossed(optimum.moved)
        waiting = float(optimum.taken[curves.target == len(self.held)].sum())
        return Node(optimum.value - self.least_gas(inside), inside, pools, optimum, flows, crossed, waiting)

    def order(self, node: Node) -> list[int] | None:
        """By token its place in an order in which all flows lead forward. None: some go in a circle."""
        curves, flows = node.flows.curves, node.flows
        used = (
            (flows.taken > _USED * self.to_move) & (curves.source < len(self.held)) & (curves.target < len(self.held))
        )
        pairs = zip(curves.source[used].tolist(), curves.target[used].tolist(), strict=True)
        return order_of(set(pairs), node.optimum.prices[: len(self.held)].tolist())

    def undecided(self, node: Node) -> list[tuple[float, int]]:
        """Of the pools that carry something and that nobody has ruled in yet: the dollars, and the place."""
        carried = node.flows.taken.reshape(2, -1).sum(axis=0)
        return [
            (float(carried[place]), pool)
            for place, pool in enumerate(node.pools)
            if pool not in node.inside and carried[place] > _USED * self.to_move
        ]

    def plan(self, node: Node) -> tuple[Plan | None, bool]:
        """(the paths of a node's optimum, as many and as large as the terms allow; whether that is all of them). None:
        too little of it is left.
        """
        terms = self.terms
        found, lost = paths_of(node.flows, self._groups(node), terms.most_hops)
        largest = sorted(range(len(found)), key=lambda place: -found[place].dollars)[: terms.most_swaps]
        kept = [found[place] for place in sorted(largest) if found[place].dollars >= terms.least_swap]
        whole = len(kept) == len(found) and lost <= _LOST * self.to_move
        lost += sum(path.dollars for path in found) - sum(path.dollars for path in kept)
        if not kept or (terms.wait is None and lost > _LOST * self.to_move):
            return None, whole
        worth = node.optimum.value - terms.gas_price * self._gas(node, kept) - lost * (terms.wait or 0.0)
        places = node.flows.curves.pools
        swaps = tuple(
            (tuple((node.pools[curve % places], curve < places) for curve in path.curves), path.dollars)
            for path in kept
        )
        prices = node.optimum.prices[: len(self.held)]
        return Plan(swaps, worth, lost + node.waiting, worth, prices, 0), whole

    def _flows(self, curves: Curves, optimum: Optimum, pools: Sequence[int]) -> Flows:
        """What the pools carry, each one way: what an interior point leaves of the other way is none."""
        taken, given = optimum.taken, optimum.given
        used = taken > np.roll(taken, curves.pools)
        used[len(pools) : curves.pools] = used[curves.pools + len(pools) :] = False
        taken, given = np.where(used, taken, 0.0), np.where(used, given, 0.0)
        tokens = len(optimum.prices)
        leaving: Floats = np.subtract(
            np.bincount(curves.source, taken, tokens), np.bincount(curves.target, given, tokens)
        )[: len(self.held)]
        leaving[(self.held == 0) & (self.wanted == 0)] = 0.0
        pairs = [place for place, pool in enumerate(pools) if self.market.kinds[pool] == PAIR]
        return Flows(curves, taken, leaving, frozenset((*pairs, *(place + curves.pools for place in pairs))))

    def _groups(self, node: Node) -> list[list[int]]:
        """Curves that may stand in one path: of one kind, and then, where that is allowed, of any."""
        total = node.flows.curves.pools
        kinds = {place + half: self.market.kinds[pool] for place, pool in enumerate(node.pools) for half in (0, total)}
        alone = [
            [curve for curve in kinds if kinds[curve] == kind] for kind in sorted(set(kinds.values()), reverse=True)
        ]
        return [*alone, list(kinds)] if self.terms.mixed and len(alone) > 1 else alone

    def least_gas(self, pools: frozenset[int]) -> float:
        """Dollars that a plan with all of these pools pays at least."""
        return self.terms.gas_price * sum(self.market.gas[pool] for pool in pools)

    def _gas(self, node: Node, paths: Sequence[Path]) -> int:
        places = node.flows.curves.pools
        hops = sum(self.market.gas[node.pools[curve % places]] for path in paths for curve in path.curves)
        ticks = sum(int(node.crossed[curve]) for curve in {curve for path in paths for curve in path.curves})
        return hops + len(paths) * self.terms.swap_gas + ticks * self.terms.tick_gas
