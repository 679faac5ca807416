"""The published example of Angeris, Chitra, Evans and Boyd (2022) as wires, for the optimum alone.

Four tokens and five pools: a geometric mean of all four (weights 4, 3, 2, 1 and reserves of 4), three constant products
and a constant sum. Whatever can be taken out of them is sold at 1.5, 10, 2 and 3. No pool of ours has such a form, but
every part is a wire between two nodes: a geometric mean lets through what keeps the sum of w·ln(reserve), so that it
is a star of wires to a node of its own, on which that sum is what flows. `depth` is that of the market outside, which
ought to have no end, and `sharp` how suddenly the constant sum runs dry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, expm1, log

import numpy as np

from rebalancer.market.curves import Floats
from rebalancer.market.optimum import Problem

VALUE = 21.4998087634
LEFT = 20.0
"""Of a seventh token that is sold too, since something must be out of place."""
MIDDLE, CASH, OTHER = 4, 5, 6
OUTSIDE = (1.5, 10.0, 2.0, 3.0)
START = np.array([*OUTSIDE, 6.0, 1.0, 1.0])

Answer = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Wire:
    """From one node to another: 1 less its fee, its price, and (in, out, slope of in) by how far that moves."""

    source: int
    target: int
    kept: float
    price: float
    answer: Callable[[float], Answer]


class Wires:
    """As the curves that the optimum asks."""

    def __init__(self, wires: list[Wire]) -> None:
        self.wires = wires
        self.source = np.array([wire.source for wire in wires])
        self.target = np.array([wire.target for wire in wires])
        self.kept = np.array([wire.kept for wire in wires])
        self.log_price = np.array([log(wire.price) for wire in wires])

    def respond(self, moved: Floats) -> tuple[Floats, Floats, Floats]:
        answers = [wire.answer(move) for wire, move in zip(self.wires, moved.tolist(), strict=True)]
        taken, given, rise = np.array(answers).T
        return taken, given, rise


def published(depth: float, sharp: float) -> Problem:
    wires = []
    for token, weight in enumerate((4, 3, 2, 1)):
        wires += [into_star(token, 4.0, weight, 0.998), out_of_star(token, 4.0, weight)]
    for one, other, x, y in ((0, 1, 10.0, 1.0), (1, 2, 1.0, 5.0), (2, 3, 40.0, 50.0)):
        wires += [product(one, other, (x, y), 0.997), product(other, one, (y, x), 0.997)]
    wires += [constant_sum(2, 3, 10.0, 0.999, sharp), constant_sum(3, 2, 10.0, 0.999, sharp)]
    wires += [product(token, CASH, (depth, price * depth), 1.0) for token, price in enumerate(OUTSIDE)]
    wires.append(product(OTHER, CASH, (depth, depth), 1.0))
    held, wanted = np.zeros(7), np.zeros(7)
    held[OTHER], wanted[CASH] = LEFT, 1.0
    return Problem(Wires(wires), held, wanted)  # type: ignore[arg-type]


def product(source: int, target: int, reserves: tuple[float, float], kept: float) -> Wire:
    x, y = reserves

    def answer(move: float) -> Answer:
        return x * expm1(move / 2) / kept, -y * expm1(-move / 2), x * exp(move / 2) / (2 * kept)

    return Wire(source, target, kept, y / x, answer)


def constant_sum(source: int, target: int, reserve: float, kept: float, sharp: float) -> Wire:
    def answer(move: float) -> Answer:
        rest = exp(-(sharp - 1) * move)
        return (
            reserve * sharp / (sharp - 1) * (1 - rest) / kept, -reserve * expm1(-sharp * move),
            reserve * sharp * rest / kept,
        )  # fmt: skip

    return Wire(source, target, kept, 1.0, answer)


def into_star(token: int, reserve: float, weight: float, kept: float) -> Wire:
    def answer(move: float) -> Answer:
        return reserve * expm1(move) / kept, weight * move, reserve * exp(move) / kept

    return Wire(token, MIDDLE, kept, weight / reserve, answer)


def out_of_star(token: int, reserve: float, weight: float) -> Wire:
    def answer(move: float) -> Answer:
        return weight * move, -reserve * expm1(-move), weight

    return Wire(MIDDLE, token, 1.0, reserve / weight, answer)
