"""The configurations of a block that are out at one time in, what they hold afterwards and what it cost them out."""

from __future__ import annotations

import numpy as np

from rebalancer.research.gas import gas_of_batch
from rebalancer.research.kernel.compiled import compiled, part
from rebalancer.research.kernel.rebalancing import (
    DESK,
    EXACT,
    FINAL,
    KEPT,
    MOVED,
    NEED,
    RULE,
    SHARE,
    STEPS,
    TARGET,
    THIN,
    desired,
    settle,
    settle_deep,
    swaps_of,
    toward,
)
from rebalancer.research.kernel.tables import (
    CADENCE,
    DRIFT,
    FEE,
    GAS,
    IMPACT,
    KIND,
    LANE_BEYOND,
    LANE_DUE,
    LANE_MEASURED,
    LANE_SQUARE,
    LANE_VALUE,
    LANES,
    MOVES,
    PAID,
    SOLD,
    STAYS,
    TRADES,
    Market,
)
from rebalancer.research.model import Floats

_gas_of_batch = part(gas_of_batch)
_NOTHING = 1e-12
"""Of the portfolio: what moves less is on target."""


@compiled
def trade(  # noqa: C901, PLR0913, PLR0915 - a call costs more than a line here
    shape: tuple[int, ...],
    noted: tuple[int, ...],
    market: Market,
    rules: Floats,
    book: Floats,
    lanes: Floats,
    at: tuple[int, int, int],
) -> None:
    """The lanes that are out, one after the other."""
    n, (time, start, many), now = len(shape), at, float(at[0])
    if market.days[time, 0] == 0.0:
        return
    # Made here, and not handed in: the compiler then knows that nothing else is written where it stands.
    worth, desk = np.empty(n), np.empty(DESK * n)
    for lane in range(many):
        if lanes[(2 * n + LANE_BEYOND) * LANES + lane] <= 0.0 or lanes[(2 * n + LANE_DUE) * LANES + lane] > now:
            continue
        place, whole = start + lane, 0.0
        cadence = int(rules[place, RULE * n + CADENCE])
        if market.opened[cadence, time] > time:
            lanes[(2 * n + LANE_DUE) * LANES + lane] = market.opened[cadence, time]
            continue
        for i in range(n):
            worth[i] = lanes[i * LANES + lane] * market.prices[time, i]
            whole += worth[i]
        # The usual one at once: all go to their targets, and no trade moves a price. See the functions below for the
        # same in steps.
        sold, short = 0.0, 1
        if rules[place, RULE * n + KIND] == 0.0:
            total = whole
            for _ in range(STEPS):
                left, slope = 0.0, 0.0
                for i in range(n):
                    over = worth[i] - total * market.target[i]
                    rate = rules[place, KEPT * n + i] if over > 0.0 else rules[place, NEED * n + i]
                    left += over * rate
                    slope += market.target[i] * rate
                if abs(left) <= EXACT * whole:
                    break
                total += left / slope
            cost, swaps, short = 0.0, -1.0, 0
            for i in range(n):
                final = total * market.target[i]
                over = worth[i] - final
                sold += max(over, 0.0)
                cost += over
                swaps += 1.0 if over != 0.0 else 0.0
                short |= (over > 0.0) & (worth[i] <= market.target[i] * whole)
            if short == 0 and sold > _NOTHING * whole:
                hub, ends = market.hub, 0.0
                if hub >= 0 and worth[hub] != total * market.target[hub]:
                    for i in range(n):
                        desk[MOVED * n + i], desk[FINAL * n + i] = worth[i], total * market.target[i]
                    swaps, ends = swaps_of(n, desk, rules, (place, hub, whole))
                book[place, n + TRADES] += 1.0
                book[place, n + SOLD] += sold / whole
                book[place, n + FEE] += cost
                book[place, n + GAS] += market.days[time, 1] * _gas_of_batch(swaps, 2.0 * swaps - ends)
                for i in range(n):
                    lanes[i * LANES + lane] = total * market.target[i] / market.prices[time, i]
                if len(noted) > 0:
                    before = lanes[(2 * n + LANE_SQUARE) * LANES + lane] / (whole * whole)
                    lanes[(2 * n + LANE_MEASURED + DRIFT) * LANES + lane] += 0.5 * before
                    lanes[(2 * n + LANE_VALUE) * LANES + lane] = total
                    lanes[(2 * n + LANE_SQUARE) * LANES + lane] = 0.0
        if short > 0:
            _wanted(shape, market.prices, rules, lanes, desk, (time, place, lane, market.cash, whole))
            if _account(shape, rules, book, desk, (place, market.hub, market.days[time, 1], whole)):
                _hold(shape, noted, market.prices, rules, lanes, desk, (time, place, lane))
                sold = whole
        if sold > _NOTHING * whole:
            lanes[(2 * n + LANE_DUE) * LANES + lane] = market.due[cadence, time]
            lanes[(2 * n + LANE_MEASURED + PAID) * LANES + lane] = book[place, n + GAS]


@compiled
def _wanted(  # noqa: PLR0913
    shape: tuple[int, ...],
    prices: Floats,
    rules: Floats,
    lanes: Floats,
    desk: Floats,
    case: tuple[int, int, int, int, float],
) -> None:
    """What is held, and what is to be held in the end, on the desk."""
    n, (time, place, lane, cash, whole) = len(shape), case
    for i in range(n):
        desk[MOVED * n + i] = lanes[i * LANES + lane] * prices[time, i]
        desk[SHARE * n + i] = rules[place, TARGET * n + i]
    kind = int(rules[place, RULE * n + KIND])
    if kind & STAYS:
        desired(n, desk, rules, place, cash)
    total = settle(shape, desk, rules, place) if kind & MOVES else settle_deep(shape, desk, rules, place)
    short = 0
    for i in range(n):
        held, final = desk[MOVED * n + i], total * desk[SHARE * n + i]
        desk[FINAL * n + i] = final
        short |= (held > final) & (held <= rules[place, TARGET * n + i] * whole)
    if short > 0:
        toward(n, desk, rules, place, whole)


@compiled
def _account(
    shape: tuple[int, ...], rules: Floats, book: Floats, desk: Floats, case: tuple[int, int, float, float]
) -> bool:
    """What is traded, and what it costs, to the books; whether it is anything."""
    n, (place, hub, unit, whole) = len(shape), case
    sold, cost, swaps = 0.0, 0.0, -1.0
    for i in range(n):
        over = desk[MOVED * n + i] - desk[FINAL * n + i]
        sold += max(over, 0.0)
        cost += over
        swaps += 1.0 if over != 0.0 else 0.0
    if sold <= _NOTHING * whole:
        return False
    # Where no trade moves a price all that is lost is fee.
    fee = _fee(n, rules, desk, place) if int(rules[place, RULE * n + KIND]) & MOVES else cost
    ends = 0.0
    if hub >= 0 and desk[MOVED * n + hub] != desk[FINAL * n + hub]:
        swaps, ends = swaps_of(n, desk, rules, (place, hub, whole))
    book[place, n + TRADES] += 1.0
    book[place, n + SOLD] += sold / whole
    book[place, n + FEE] += fee
    book[place, n + IMPACT] += max(cost - fee, 0.0)
    book[place, n + GAS] += unit * _gas_of_batch(swaps, 2.0 * swaps - ends)
    return True


@compiled
def _fee(n: int, rules: Floats, desk: Floats, place: int) -> float:
    """Of all that goes into pools: what is sold, and what the hub pays for what is bought."""
    fee = 0.0
    for i in range(n):
        over = desk[MOVED * n + i] - desk[FINAL * n + i]
        came = max(-over, 0.0)
        paid = came * rules[place, NEED * n + i] / (1.0 - came * rules[place, THIN * n + i])
        fee += (1.0 - rules[place, KEPT * n + i]) * (max(over, 0.0) + paid)
    return fee


@compiled
def _hold(  # noqa: PLR0913
    shape: tuple[int, ...],
    noted: tuple[int, ...],
    prices: Floats,
    rules: Floats,
    lanes: Floats,
    desk: Floats,
    case: tuple[int, int, int],
) -> None:
    """What is held from now on, and where all is noted what it is worth and how far it is from the targets."""
    n, (time, place, lane), cost = len(shape), case, 0.0
    for i in range(n):
        cost += desk[MOVED * n + i] - desk[FINAL * n + i]
        if desk[SHARE * n + i] > 0.0:
            lanes[i * LANES + lane] = desk[FINAL * n + i] / prices[time, i]
    if len(noted) > 0:
        whole, square = lanes[(2 * n + LANE_VALUE) * LANES + lane], 0.0
        value = whole - cost
        for i in range(n):
            off = lanes[i * LANES + lane] * prices[time, i] - rules[place, TARGET * n + i] * value
            square += off * off
        before = lanes[(2 * n + LANE_SQUARE) * LANES + lane] / (whole * whole)
        lanes[(2 * n + LANE_MEASURED + DRIFT) * LANES + lane] += 0.5 * (before - square / (value * value))
        lanes[(2 * n + LANE_VALUE) * LANES + lane] = value
        lanes[(2 * n + LANE_SQUARE) * LANES + lane] = square
