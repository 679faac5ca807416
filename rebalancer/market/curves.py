"""All pools of a problem as curves to search on: pools and dollars per base unit in, what each takes and gives out.

Everything is in dollars at the oracle, so that a price is near 1 and an amount is what it is worth. Each way through a
pool is a curve of ranges, from the present price outwards. Within a range a pool is a pair that holds the range's
virtual reserves x and y at its beginning (Uniswap v3 core white paper, 2.1): after the fee it takes x·(q − 1) and gives
y·(1 − 1/q) while the root of its price moves by the factor q. A V2 pair is one range, with its own reserves. These are
floats: they find a plan, and integers decide what it is worth.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from rebalancer.market.pools import Pool
from rebalancer.market.swap_math import FEE_UNIT, Q96
from rebalancer.market.tick_math import MAX_TICK
from rebalancer.market.uniswap_v2 import FEE_PPM, V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Address

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

HALF_LN_TICK = log(1.0001) / 2
"""ln of the root of the price of one tick."""
_APART = 128.0
"""Between the keys of two curves: more than ln of the ratio of any two roots that a V3 pool can have."""
_FAR = 120.0
"""The furthest that ln of a root moves: beyond every price, and short of the next curve's keys."""
_SHALLOW = 1e-12
"""Of the liquidity at the price: what stands where there is none, so that a curve never stops answering."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way through a pool, by range. `far`: ln of the root where it begins over the present one, ascending from 0.

    `held` and `owed`: dollars of the token that comes in and of the one that goes out, as a pair would hold them there.
    `came` and `gone`: the dollars that have come in, fee aside, and gone out until there.
    """

    far: Floats
    held: Floats
    owed: Floats
    came: Floats
    gone: Floats


@dataclass(frozen=True, slots=True)
class Row:
    """One pool: the side that sells token0, and the one that sells token1; `kept`: of each, 1 less its fee."""

    kept: tuple[float, float]
    sides: tuple[Side, Side]


@dataclass(frozen=True, slots=True)
class Curves:
    """Two curves for each pool: all that sell token0, in the order of the pools, then all that sell token1.

    `source` and `target` are the places of the tokens; `log_price` is the mid price of the source in the target.
    """

    source: Places
    target: Places
    kept: Floats
    log_price: Floats
    first: Places
    """Of each curve: the place of its first range, and one past the last of all."""
    start: Floats
    """Of each curve: the key of the present price. Each range has a key: that, and how far it begins."""
    keys: Floats
    far: Floats
    held: Floats
    owed: Floats
    came: Floats
    gone: Floats

    @property
    def pools(self) -> int:
        return len(self.source) // 2

    def respond(self, moved: Floats) -> tuple[Floats, Floats, Floats]:
        """(dollars in, dollars out, slope of dollars in) where each curve moves the log of its price by `moved` >= 0.

        Each starts at the present price, whatever the pool's other curve does.
        """
        half = np.minimum(moved / 2, _FAR)
        place = self.keys.searchsorted(self.start + half, side="right") - 1
        grown = np.expm1(half - self.far.take(place))
        held = self.held.take(place)
        came = held * grown
        taken = (self.came.take(place) + came) / self.kept
        given = self.gone.take(place) + self.owed.take(place) * (grown / (1 + grown))
        return taken, given, (held + came) / (2 * self.kept)

    def given_for(self, curve: int, taken: float) -> float:
        """The dollars that come out of a curve for `taken` dollars."""
        net = taken * float(self.kept[curve])
        place = self._range(curve, self.came, net)
        over = net - float(self.came[place])
        return float(self.gone[place]) + float(self.owed[place]) * over / (float(self.held[place]) + over)

    def taken_for(self, curve: int, given: float) -> float:
        """The dollars that a curve takes for `given` dollars: the other way round."""
        place = self._range(curve, self.gone, given)
        over, owed = given - float(self.gone[place]), float(self.owed[place])
        # All but nothing of it: a curve that has no end never gives the last.
        net = float(self.came[place]) + float(self.held[place]) * over / max(owed - over, owed * _SHALLOW)
        return net / float(self.kept[curve])

    def _range(self, curve: int, passed: Floats, dollars: float) -> int:
        """The range of a curve in which `dollars` have passed."""
        first, end = int(self.first[curve]), int(self.first[curve + 1])
        return max(first + int(passed[first:end].searchsorted(dollars, side="right")) - 1, first)

    def ranges_crossed(self, moved: Floats) -> Places:
        """How many ends of ranges lie on the way of each curve."""
        place = self.keys.searchsorted(self.start + np.minimum(moved / 2, _FAR), side="right") - 1
        crossed: Places = place - self.first[:-1]
        return crossed


def curves_of(rows: Sequence[Row], zero: Sequence[int], one: Sequence[int]) -> Curves:
    """The curves of rows, with the places of their token0 and token1."""
    sides = [row.sides[way] for way in (0, 1) for row in rows]
    places0, places1 = np.array(zero, dtype=np.int64), np.array(one, dtype=np.int64)
    counts = np.array([len(side.far) for side in sides], dtype=np.int64)
    start = np.arange(len(sides)) * _APART
    far: Floats = np.concatenate([side.far for side in sides])
    keys: Floats = far + np.repeat(start, counts)
    return Curves(
        source=np.concatenate((places0, places1)),
        target=np.concatenate((places1, places0)),
        kept=np.array([row.kept[way] for way in (0, 1) for row in rows]),
        log_price=np.array([log(side.owed[0]) - log(side.held[0]) for side in sides]),
        first=np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts))),
        start=start,
        keys=keys,
        far=far,
        held=np.concatenate([side.held for side in sides]),
        owed=np.concatenate([side.owed for side in sides]),
        came=np.concatenate([side.came for side in sides]),
        gone=np.concatenate([side.gone for side in sides]),
    )


def row_of(pool: Pool, dollars: Mapping[Address, float], reach: int = 2 * MAX_TICK) -> Row:
    """A pool with a price, as a row; `dollars` are those of one base unit of each token.

    Beyond the known words of a V3 pool its liquidity is taken to go on: what is found there must be read first. So it
    is beyond `reach` ticks from the present one, for who goes no further and need not look at a thousand ticks.
    """
    usd0, usd1 = dollars[pool.token0.address], dollars[pool.token1.address]
    match pool:
        case V2Pool():
            kept = 1 - FEE_PPM / FEE_UNIT
            return _pair((kept, kept), pool.reserve0 * usd0, pool.reserve1 * usd1)
        case V3Pool():
            return _row_v3(pool, (usd0, usd1), reach)


def level_row(kept: tuple[float, float], depth: float) -> Row:
    """A row at the price 1, as a pair that holds `depth` dollars of each token."""
    return _pair(kept, depth, depth)


def clipped(row: Row, share: float) -> Row:
    """The row without what lies where a swap from the present price loses more than `share` to its own size.

    That is its mean price, fee aside, against the present one.
    """
    return Row(row.kept, (_clipped(row.sides[0], share), _clipped(row.sides[1], share)))


def _pair(kept: tuple[float, float], worth0: float, worth1: float) -> Row:
    none, held0, held1 = np.zeros(1), np.array([worth0]), np.array([worth1])
    return Row(kept, (Side(none, held0, held1, none, none), Side(none, held1, held0, none, none)))


def _row_v3(pool: V3Pool, usd: tuple[float, float], reach: int) -> Row:
    root = pool.sqrt_price_x96 / Q96
    here = log(root) / HALF_LN_TICK
    # A tick that stands at the very price is on the way down.
    below, first = bisect_left(pool.ticks, (pool.tick + 1,)), bisect_left(pool.ticks, (pool.tick - reach,))
    near, below = pool.ticks[first : bisect_left(pool.ticks, (pool.tick + reach + 1,))], below - first
    columns = zip(*near, strict=True) if near else ((), ())
    ticks, nets = (np.array(column, dtype=np.float64) for column in columns)
    worth0, worth1 = usd[0] / root, usd[1] * root
    down = _side(pool.liquidity, (here - ticks[:below])[::-1], -nets[:below][::-1], (worth0, worth1))
    up = _side(pool.liquidity, ticks[below:] - here, nets[below:], (worth1, worth0))
    kept = 1 - pool.fee / FEE_UNIT
    return Row((kept, kept), (down, up))


def _side(liquidity: int, off: Floats, more: Floats, worth: tuple[float, float]) -> Side:
    """From so much liquidity over ticks so far off, `more` behind each; `worth`: dollars of a unit here, in and out."""
    far = np.zeros(len(off) + 1)
    far[1:] = off * HALF_LN_TICK
    np.maximum.accumulate(far, out=far)
    depth = np.full(len(far), float(liquidity))
    depth[1:] += np.cumsum(more)
    np.maximum(depth, liquidity * _SHALLOW, out=depth)
    grown = np.exp(far)
    return _summed(far, depth * worth[0] * grown, depth * worth[1] / grown)


def _summed(far: Floats, held: Floats, owed: Floats) -> Side:
    """Summed outwards from the present price: near it the sums are small, and so are their errors."""
    came, gone, grown = np.zeros(len(far)), np.zeros(len(far)), np.expm1(np.diff(far))
    np.cumsum(held[:-1] * grown, out=came[1:])
    np.cumsum(owed[:-1] * (grown / (1 + grown)), out=gone[1:])
    return Side(far, held, owed, came, gone)


def _clipped(side: Side, share: float) -> Side:
    came, gone = side.came, side.gone
    least = (1 - share) * float(side.owed[0] / side.held[0])
    beyond = np.flatnonzero(gone[1:] < least * came[1:])
    place = int(beyond[0]) if len(beyond) else len(came) - 1
    # gone + y·(1 − 1/q) = least·(came + x·(q − 1)), a quadratic in q of which the larger root is the way out.
    held, owed = float(side.held[place]), float(side.owed[place])
    middle = float(gone[place]) + owed - least * (float(came[place]) - held)
    grown = (middle + sqrt(max(middle * middle - 4 * least * held * owed, 0.0))) / (2 * least * held)
    end = float(side.far[place]) + log(max(grown, 1.0))
    return _summed(
        np.append(side.far[: place + 1], end),
        np.append(side.held[: place + 1], side.held[0] * _SHALLOW * exp(end)),
        np.append(side.owed[: place + 1], side.owed[0] * _SHALLOW / exp(end)),
    )
