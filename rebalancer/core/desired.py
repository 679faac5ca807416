"""What an estimate says, bounds and the weights before in; the targets that come nearest to it out.

All weights are millionths and sum to PPM. Nearest is by the sum of squares: the projection onto a box and a plane,
which moves all that is not at a bound by the same (Held, Wolfe and Crowder 1974).
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.model.estimation import Bounds
from rebalancer.core.model.plan import Hold
from rebalancer.core.render import percent
from rebalancer.units import ONE, PPM, Ppm, Weight

GRAIN = Ppm(100)
"""0.01 %: finer than any estimate is known, and short to read."""
Box = Sequence[tuple[int, int]]
"""The least and the most of each weight."""


def make_desired(
    before: Sequence[Ppm], wanted: Sequence[Ppm], bounds: Sequence[Bounds], step: Ppm | None
) -> tuple[Ppm, ...] | Hold:
    """The nearest to `wanted` inside the bounds and within `step` of `before`. Hold where there is none.

    What stands outside its bounds goes a step towards them.
    """
    boxes: list[tuple[int, int]] = [(bound.least, bound.most) for bound in bounds]
    if step is not None:
        boxes = [_within(box, one, step) for box, one in zip(boxes, before, strict=True)]
    least, most = sum(low for low, _ in boxes), sum(high for _, high in boxes)
    if not least <= PPM <= most:
        reach = "" if step is None else f" within {_share(step)} of the targets before"
        return Hold(
            f"the bounds leave no weights{reach}: the least sum to {_share(least)} and the most to {_share(most)}, "
            "expected 100 % between them; mend `range` of the tokens"
        )
    return nearest(wanted, boxes)


def nearest(wanted: Sequence[int], boxes: Box) -> tuple[Ppm, ...]:
    """The weights in their boxes that sum to PPM and are nearest to `wanted`. There are such.

    In hundredths of a per cent where all of them are, else in the largest part of that in which they are whole.
    """
    unit = _common((*wanted, *(end for box in boxes for end in box)))
    found = _nearest([one // unit for one in wanted], [(low // unit, high // unit) for low, high in boxes], PPM // unit)
    return tuple(Ppm(one * unit) for one in found)


def _nearest(wanted: Sequence[int], boxes: Box, total: int) -> list[int]:
    high = total + max(abs(one) for one in wanted) + 1  # so far that each stands at its bound
    low = -high
    while high - low > 1:
        middle = (low + high) >> 1
        if sum(_moved(wanted, boxes, middle)) <= total:
            low = middle
        else:
            high = middle
    found = _moved(wanted, boxes, low)
    # Moved by one more they are too many: of those that still move, as many as are lacking go on, in their order.
    lacking = total - sum(found)
    for place, more in enumerate(_moved(wanted, boxes, low + 1)):
        if lacking and more > found[place]:
            found[place] += 1
            lacking -= 1
    return found


def _common(counts: Sequence[int]) -> int:
    """The greatest common divisor of GRAIN and all these."""
    unit = int(GRAIN)
    for rest in counts:
        while rest:
            unit, rest = rest, unit % rest
    return abs(unit)


def _moved(wanted: Sequence[int], boxes: Box, by: int) -> list[int]:
    return [min(max(one + by, low), high) for one, (low, high) in zip(wanted, boxes, strict=True)]


def _within(box: tuple[int, int], before: int, step: int) -> tuple[int, int]:
    """As much of the box as a step reaches; where it reaches none, the nearest point to it."""
    low, high = before - step, before + step
    return min(max(box[0], low), high), max(min(box[1], high), low)


def _share(ppm: int) -> str:
    return percent(Weight(ppm * ONE // PPM))
