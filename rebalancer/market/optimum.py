"""The best rebalance over many pools at once, as one convex problem: what is held, what is wanted and curves in, the
flows through every pool and the price of every token out, in floats.

Maximise t, so that what is held after all swaps is at least t times the share wanted, of every token. Each pool takes
part by its trading set alone (Angeris, Chitra, Evans, Boyd: Optimal Routing for Constant Function Market Makers, 2022).
The dual has one variable for each token, the log of its shadow price (Diamandis, Resnick, Chitra, Angeris: An Efficient
Algorithm for Optimal Routing Through CFMMs, 2023), and its curvature is that of a resistor network with a diode for
each curve: a curve moves its price by what the shadow prices leave of it after the fee, or not at all. Where a plain
Newton method zigzags between on and off, an interior point does not: `moved` and `spare`, what is missing until the
curve would be used, stay above zero, and their product goes to zero (Wright: Primal-Dual Interior-Point Methods, 1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rebalancer.market.curves import Curves, Floats

ROUNDS = 80
"""Of one start: ten to twenty are usual, forty where waiting is dear; nothing comes after eighty."""
_BALANCE = 1e-9
"""Of what is traded: by how much a token's books may be off."""
_GAP = 1e-8
"""Of what is traded: a ten-thousandth of a basis point."""
_START = 1e-5
"""The first product: prices that move by a third of a percent."""
_FLOOD = 3.0
"""Times what is traded: more than that at the start takes long to go away, so that stiff curves start with less."""
_AGAIN = 1.0, 100.0, 0.01
"""Times the first product, where it leads nowhere: pools so thin that prices have to move far, mostly."""
_SHRINK = 0.05
_LEAST = 1e-17
_NOTHING = 1e-18
_EPSILON = 4e-16
"""Of the slope of the stiffest curve: nearer than rounding nobody's books can be."""
_BOUNDARY = 0.99
_STRIDE = 0.3
"""Most that a log of a shadow price changes in one round: a curve is far from straight there."""
_RIDGE = 1e-13
"""Of the trace: keeps the price of a token that no curve holds fast where it is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """By token: `held` dollars, and the `wanted` share, 0 for a hub. The shares sum to 1."""

    curves: Curves
    held: Floats
    wanted: Floats

    @property
    def to_move(self) -> float:
        """The dollars that are not where they are wanted."""
        return float(np.abs(self.held - self.wanted * self.held.sum()).sum()) / 2


@dataclass(frozen=True, slots=True)
class Optimum:
    """`taken` and `given` dollars by curve, and how far each moves its price. `prices`: shadow prices, as multiples of
    the oracle's. `value`: t, in dollars. `gap`: dollars that are missing to the bound that these prices prove.
    """

    prices: Floats
    taken: Floats
    given: Floats
    moved: Floats
    value: float
    gap: float
    rounds: int


def solve(problem: Problem, prices: Floats | None = None) -> Optimum | None:
    """The optimum, begun at `prices` where a like problem had them, and at the oracle's where that leads nowhere.
    None: not found in ROUNDS; no way to what is wanted, mostly.
    """
    if problem.to_move <= 0.0 or not problem.wanted.any() or not _is_joined(problem):
        return None
    network = _Network(problem)
    oracle = np.zeros(len(problem.held))
    starts = [oracle] if prices is None else [np.log(prices), oracle]
    found = (_from(network, logs, product) for logs in starts for product in _products(network, logs))
    return next((optimum for optimum in found if optimum is not None), None)


def _products(network: _Network, logs: Floats) -> list[float]:
    """With which products of `moved` and `spare` to begin at these prices, one after the other."""
    short = network.at(logs, _moved(network, logs, _START)).short
    flood = float(np.abs(short).max()) / (_FLOOD * network.problem.to_move)
    return [times * _START / max(flood, 1.0) for times in _AGAIN]


def _is_joined(problem: Problem) -> bool:
    """Whether curves join every token that is held or wanted to every other."""
    parts = list(range(len(problem.held)))

    def part(token: int) -> int:
        while parts[token] != token:
            parts[token] = parts[parts[token]]
            token = parts[token]
        return token

    for one, other in zip(problem.curves.source.tolist(), problem.curves.target.tolist(), strict=True):
        parts[part(one)] = part(other)
    return len({part(token) for token in np.flatnonzero((problem.held > 0) | (problem.wanted > 0)).tolist()}) == 1


def _from(network: _Network, logs: Floats, target: float) -> Optimum | None:
    traded, moved = network.problem.to_move, _moved(network, logs, target)
    for rounds in range(ROUNDS):
        spare = np.maximum(moved - network.drop(logs), _NOTHING)
        state = network.at(logs, moved)
        gap = float(state.paid @ spare)
        fuzz = _BALANCE * traded + _EPSILON * float(state.slope.max())
        # As long as the products are _LEAST, this much is missing however deep the pools: it grows with their slopes.
        if gap <= _GAP * traded + 4 * _LEAST * float(state.slope.sum()) and float(np.abs(state.short).max()) <= fuzz:
            return Optimum(state.prices, state.taken, state.given, moved, state.value, gap, rounds)
        product = moved * spare
        target = max(min(_SHRINK * float(product.sum()) / len(product), target), _LEAST)
        share, shift = moved / (spare + moved), (target - product) / (spare + moved)
        step = network.step(state, share, shift)
        dropped = network.across(step)
        moved_by = shift + share * dropped
        stride = _STRIDE / max(float(np.abs(step).max()), _STRIDE)
        length = min(_within(moved, moved_by), _within(spare, moved_by - dropped), stride)
        logs, moved = logs + length * step, moved + length * moved_by
    return None


def _moved(network: _Network, logs: Floats, product: float) -> Floats:
    """By how far curves are to be moved for `product` to be that of `moved` and `spare`, each of them."""
    drop = network.drop(logs)
    moved: Floats = (drop + np.sqrt(drop * drop + 4 * product)) / 2
    # Far from its use a curve loses all digits of so small a difference.
    return np.maximum(moved, product / (np.abs(drop) + 1))


@dataclass(frozen=True, slots=True)
class _State:
    """The market at shadow prices and moved curves. `short`: dollars that each token lacks of its share of `value`;
    `paid`: dollars into each curve, and `slope`, by how much they grow with `moved`, all at the shadow prices.
    """

    prices: Floats
    taken: Floats
    given: Floats
    value: float
    short: Floats
    paid: Floats
    slope: Floats


class _Network:
    """A problem as nodes and wires."""

    def __init__(self, problem: Problem) -> None:
        curves, self.problem, self.tokens = problem.curves, problem, len(problem.held)
        self.source, self.target = curves.source, curves.target
        self.barrier = np.log(curves.kept) + curves.log_price
        self.wires = self.source * self.tokens + self.target

    def across(self, logs: Floats) -> Floats:
        """By curve: how much higher the token that it gives stands than the one it takes."""
        higher: Floats = logs[self.target] - logs[self.source]
        return higher

    def arriving(self, taken: Floats, given: Floats) -> Floats:
        """By token: what curves give of it, less what they take."""
        tokens = self.tokens
        came, went = np.bincount(self.target, given, tokens), np.bincount(self.source, taken, tokens)
        return np.subtract(came, went, dtype=np.float64)

    def drop(self, logs: Floats) -> Floats:
        """What the shadow prices leave each curve to move its price by; negative where it is not worth its fee."""
        return self.barrier + self.across(logs)

    def at(self, logs: Floats, moved: Floats) -> _State:
        held, wanted = self.problem.held, self.problem.wanted
        taken, given, rise = self.problem.curves.respond(moved)
        prices = np.exp(logs)
        after = held + self.arriving(taken, given)
        value = float(prices @ after) / float(prices @ wanted)
        at_source = prices[self.source]
        short = np.multiply(prices, value * wanted - after)
        return _State(prices, taken, given, value, short, taken * at_source, rise * at_source)

    def step(self, state: _State, share: Floats, shift: Floats) -> Floats:
        """By how much the logs of the shadow prices must change for every token to get what it is short of."""
        tokens, drawn = self.tokens, state.slope * shift
        one_way = np.bincount(self.wires, state.slope * share, tokens * tokens).reshape(tokens, tokens)
        network = -one_way - one_way.T
        lines = -network.sum(axis=1)
        network.flat[:: tokens + 1] += lines + _RIDGE * float(lines.sum())
        step: Floats = np.linalg.solve(network, state.short - self.arriving(drawn, drawn))
        # Only ratios count.
        step -= step[0]
        return step


def _within(values: Floats, steps: Floats) -> float:
    """How much of a step keeps every value above zero, with a little to spare."""
    fastest = float((steps / values).min())
    return min(1.0, -_BOUNDARY / fastest) if fastest < 0 else 1.0
