"""Which pools are worth their gas: a market, what is held and wanted in, the best paths after gas out, in floats.

Gas is a fixed cost of each pool and each swap, so that the problem with it is no longer convex. Branch and bound: the
optimum without gas over the pools that are not ruled out bounds what any of them can reach, less the gas of those that
are ruled in; the paths of each optimum are a plan that can be had. A node whose bound is no better than the best plan
so far is done with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count

import numpy as np

from rebalancer.market.curves import Curves, Floats, Places
from rebalancer.market.one_way import dearer, forward, order_of
from rebalancer.market.optimum import Optimum, solve
from rebalancer.market.paths import Flows, Path, paths_of
from rebalancer.market.problems import Market, problem_of

SOLVES = 96
"""Most optima of one search, each a millisecond or two. What is found until then is a plan, if not proven the best."""
_ENOUGH = 1e-9
"""Of what is to move: two plans that differ by less are the same."""
_USED = 1e-7
"""Of what is to move: a pool that carries less is not used."""
_LOST = 1e-5
"""Of what is to move: what curves of the stiffest pools leave over in floats."""
_DETERRENTS = 0.001, 0.01, 0.1
"""Further fees, of what comes in, at which flows no longer circle: the least that serves says where they go."""
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
    """Swaps with the dollars at their starts, the largest first. `worth`: dollars left after all costs; `waiting`:
    those that stay where they are not wanted. No plan is worth more than `bound`.
    """

    swaps: tuple[tuple[Hops, float], ...]
    worth: float
    waiting: float
    bound: float
    prices: Floats
    """Shadow prices by token, as multiples of the oracle's."""
    solves: int


@dataclass(frozen=True, slots=True)
class _Node:
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


def best_plan(market: Market, held: Floats, wanted: Floats, terms: Terms) -> Plan | None:
    """The plan that is worth the most. None: there is none, not even to leave all as it is."""
    search = _Search(market, held, wanted, terms)
    root = search.root()
    best = None if terms.wait is None else search.idle()
    if root is None:
        return best
    order = count()
    nodes = [(-root.bound, next(order), root)]
    fits: dict[tuple[int, ...], bool] = {}
    while nodes and search.solves < SOLVES:
        node = heappop(nodes)[2]
        if best is not None and node.bound <= best.worth + _ENOUGH * search.to_move:
            break
        if node.pools not in fits:
            plan, fits[node.pools] = search.plan(node)
            best = plan if best is None or (plan is not None and plan.worth > best.worth) else best
        if fits[node.pools] and terms.gas_price == 0:
            continue
        for child in search.children(node):
            heappush(nodes, (-child.bound, next(order), child))
    return None if best is None else replace(best, bound=max(root.bound, best.worth), solves=search.solves)


class _Search:
    def __init__(self, market: Market, held: Floats, wanted: Floats, terms: Terms) -> None:
        self.market, self.held, self.wanted, self.terms = market, held, wanted, terms
        self.to_move = float(np.abs(held - wanted * held.sum()).sum()) / 2
        self.solves = 0

    def idle(self) -> Plan | None:
        """To leave all as it is, valued as any other plan is."""
        node = self.node(frozenset(), (), None)
        if node is None:
            return None
        return Plan((), node.optimum.value, self.to_move, node.optimum.value, np.ones(len(self.held)), 0)

    def root(self) -> _Node | None:
        """All pools. Where flows circle in them, each leads one way from now on: the way that they would go at fees at
        which nobody circles.
        """
        pools = tuple(range(len(self.market.rows)))
        whole = self.node(frozenset(), pools, None)
        if whole is None or self._order(whole) is not None:
            return whole
        market = self.market
        for fee in _DETERRENTS:
            self.market = replace(market, rows=tuple(dearer(row, fee) for row in market.rows))
            dear = self.node(frozenset(), pools, whole)
            order = None if dear is None else self._order(dear)
            if order is not None:
                ways = zip(market.rows, market.zero, market.one, strict=True)
                rows = tuple(forward(row, order[zero], order[one]) for row, zero, one in ways)
                self.market = replace(market, rows=rows)
                return self.node(frozenset(), pools, dear)
        self.market = market
        return whole

    def _order(self, node: _Node) -> list[int] | None:
        curves, flows = node.flows.curves, node.flows
        used = (
            (flows.taken > _USED * self.to_move) & (curves.source < len(self.held)) & (curves.target < len(self.held))
        )
        pairs = zip(curves.source[used].tolist(), curves.target[used].tolist(), strict=True)
        return order_of(set(pairs), node.optimum.prices[: len(self.held)].tolist())

    def node(self, inside: frozenset[int], pools: tuple[int, ...], like: _Node | None) -> _Node | None:
        """The optimum over `pools`, begun where a like one ended. None: there is none."""
        self.solves += 1
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
        return _Node(optimum.value - self._least_gas(inside), inside, pools, optimum, flows, crossed, waiting)

    def children(self, node: _Node) -> Iterator[_Node]:
        """Without and with the pool that carries most of those that are not decided on; least, where gas is free.

        Mostly it cannot be spared: then its gas tightens the bound of all that follows, and one branch is enough. Where
        gas is free there are too many swaps, and the smallest are those to be spared.
        """
        carried = node.flows.taken.reshape(2, -1).sum(axis=0)
        open_pools = [
            (float(carried[place]), pool)
            for place, pool in enumerate(node.pools)
            if pool not in node.inside and carried[place] > _USED * self.to_move
        ]
        if not open_pools:
            return
        _, pool = max(open_pools) if self.terms.gas_price else min(open_pools)
        without = self.node(node.inside, tuple(other for other in node.pools if other != pool), node)
        if without is not None:
            yield without
        inside = node.inside | {pool}
        yield replace(node, bound=node.optimum.value - self._least_gas(inside), inside=inside)

    def plan(self, node: _Node) -> tuple[Plan | None, bool]:
        """(the paths of a node's optimum, as many and as large as the terms allow; whether that is all of them). None:
        too little of it is left.
        """
        terms = self.terms
        found, lost = paths_of(node.flows, self._groups(node), terms.most_hops)
        largest = sorted((path.dollars for path in found if path.dollars >= terms.least_swap), reverse=True)
        least = largest[: terms.most_swaps][-1] if largest else np.inf
        kept = [path for path in found if path.dollars >= least]
        lost += sum(path.dollars for path in found) - sum(path.dollars for path in kept)
        if not kept or (terms.wait is None and lost > _LOST * self.to_move):
            return None, len(kept) == len(found)
        worth = node.optimum.value - terms.gas_price * self._gas(node, kept) - lost * (terms.wait or 0.0)
        places = node.flows.curves.pools
        swaps = tuple(
            (tuple((node.pools[curve % places], curve < places) for curve in path.curves), path.dollars)
            for path in kept
        )
        prices = node.optimum.prices[: len(self.held)]
        return Plan(swaps, worth, lost + node.waiting, worth, prices, 0), len(kept) == len(found)

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

    def _groups(self, node: _Node) -> list[list[int]]:
        """Curves that may stand in one path: of one kind, and then, where that is allowed, of any."""
        total = node.flows.curves.pools
        kinds = {place + half: self.market.kinds[pool] for place, pool in enumerate(node.pools) for half in (0, total)}
        alone = [
            [curve for curve in kinds if kinds[curve] == kind] for kind in sorted(set(kinds.values()), reverse=True)
        ]
        return [*alone, list(kinds)] if self.terms.mixed and len(alone) > 1 else alone

    def _least_gas(self, pools: frozenset[int]) -> float:
        """Dollars that a plan with all of these pools pays at least."""
        return self.terms.gas_price * sum(self.market.gas[pool] for pool in pools)

    def _gas(self, node: _Node, paths: Sequence[Path]) -> int:
        places = node.flows.curves.pools
        hops = sum(self.market.gas[node.pools[curve % places]] for path in paths for curve in path.curves)
        ticks = sum(int(node.crossed[curve]) for curve in {curve for path in paths for curve in path.curves})
        return hops + len(paths) * self.terms.swap_gas + ticks * self.terms.tick_gas
