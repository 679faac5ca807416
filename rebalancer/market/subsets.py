"""Which pools are worth their gas: a market, what is held and wanted in, the best paths after gas out, in floats.

Gas is a fixed cost of each pool and each swap, so that the problem with it is no longer convex. Branch and bound: the
optimum without gas over the pools that are not ruled out bounds what any of them can reach, less the gas of those that
are ruled in; the paths of each optimum are a plan that can be had. A node whose bound is no better than the best plan
so far is done with. It begins with what the best single paths and the widest paths of the optimum without gas reach:
where there are too many pools to go through all their subsets, no answer is worse than those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count

from rebalancer.market.curves import Floats
from rebalancer.market.nodes import Ground, Node, Plan, Terms
from rebalancer.market.one_way import dearer, forward
from rebalancer.market.problems import Market

SOLVES = 96
"""Most optima of one search, each a millisecond or two. What is found until then is a plan, if not proven the best."""
_ENOUGH = 1e-9
"""Of what is to move: two plans that differ by less are the same."""
_DETERRENTS = 0.001, 0.01, 0.1
"""Further fees, of what comes in, at which flows no longer circle: the least that serves says where they go."""


def best_plan(
    market: Market, held: Floats, wanted: Floats, terms: Terms, singles: Callable[[], tuple[int, ...]] = tuple
) -> Plan | None:
    """The plan that is worth the most. None: there is none, not even to leave all as it is.

    `singles`: the pools of the best single paths, asked for where more than one optimum has to be looked at.
    """
    search = _Search(Ground(market, held, wanted, terms))
    root = search.root()
    best = search.first(root, singles)
    if root is not None:
        best = search.better(root, best)
    if best is None:
        return None
    bound = best.worth if root is None else max(root.bound, best.worth)
    return replace(best, bound=bound, solves=search.solves, solved=root is not None)


def _better(best: Plan | None, other: Plan | None) -> Plan | None:
    return other if best is None or (other is not None and other.worth > best.worth) else best


class _Search:
    def __init__(self, whole: Ground) -> None:
        self.whole = self.ground = whole
        self.terms = whole.terms
        self.solves = 0

    def root(self) -> Node | None:
        """All pools. Where flows circle in them, each leads one way from now on: the way that they would go at fees at
        which nobody circles.
        """
        market, pools = self.whole.market, tuple(range(len(self.whole.market.rows)))
        root = self._node(self.whole, pools)
        if root is None or self.whole.order(root) is not None:
            return root
        for fee in _DETERRENTS:
            rows = tuple(dearer(row, fee) for row in market.rows)
            dear = self._node(replace(self.whole, market=replace(market, rows=rows)), pools, root)
            order = None if dear is None else self.whole.order(dear)
            if order is not None:
                ways = zip(market.rows, market.zero, market.one, strict=True)
                rows = tuple(forward(row, order[zero], order[one]) for row, zero, one in ways)
                self.ground = replace(self.whole, market=replace(market, rows=rows))
                return self._node(self.ground, pools, dear)
        return root

    def first(self, root: Node | None, singles: Callable[[], tuple[int, ...]]) -> Plan | None:
        """What can be had without a search."""
        best = None if self.terms.wait is None else self.whole.idle()
        if root is None or self.terms.gas_price:
            best = _better(best, self._restricted(singles()))
        if root is not None and self.terms.gas_price:
            for pools in self._widest(root):
                best = _better(best, self._restricted(pools))
        return best

    def better(self, root: Node, best: Plan | None) -> Plan | None:
        """Branch and bound from the optimum over all pools; `best` is the plan to beat."""
        order = count()
        nodes = [(-root.bound, next(order), root)]
        fits: dict[tuple[int, ...], bool] = {}
        while nodes and self.solves < SOLVES:
            node = heappop(nodes)[2]
            if best is not None and node.bound <= best.worth + _ENOUGH * self.whole.to_move:
                break
            if node.pools not in fits:
                plan, fits[node.pools] = self.ground.plan(node)
                best = _better(best, plan)
            if fits[node.pools] and self.terms.gas_price == 0:
                continue
            for child in self._children(node):
                heappush(nodes, (-child.bound, next(order), child))
        return best

    def _restricted(self, pools: tuple[int, ...]) -> Plan | None:
        """The plan of the optimum over some pools, which may lead both ways. What goes in a circle is worth nothing."""
        node = self._node(self.whole, pools) if pools else None
        return None if node is None or self.whole.order(node) is None else self.whole.plan(node)[0]

    def _widest(self, node: Node) -> Iterator[tuple[int, ...]]:
        """The pools of the widest path of a node's plan, of its two widest, and so on."""
        plan, _ = self.ground.plan(node)
        swaps = [] if plan is None else sorted(plan.swaps, key=lambda swap: -swap[1])
        for most in range(1, len(swaps)):
            yield tuple(sorted({pool for hops, _ in swaps[:most] for pool, _ in hops}))

    def _children(self, node: Node) -> Iterator[Node]:
        """Without and with the pool that carries most of those that are not decided on; least, where gas is free.

        Mostly it cannot be spared: then its gas tightens the bound of all that follows, and one branch is enough. Where
        gas is free there are too many swaps, and the smallest are those to be spared.
        """
        undecided = self.ground.undecided(node)
        if not undecided:
            return
        _, pool = max(undecided) if self.terms.gas_price else min(undecided)
        rest = tuple(other for other in node.pools if other != pool)
        without = self._node(self.ground, rest, node, node.inside)
        if without is not None:
            yield without
        inside = node.inside | {pool}
        yield replace(node, bound=node.optimum.value - self.ground.least_gas(inside), inside=inside)

    def _node(
        self, ground: Ground, pools: tuple[int, ...], like: Node | None = None, inside: frozenset[int] = frozenset()
    ) -> Node | None:
        self.solves += 1
        return ground.node(inside, pools, like)
