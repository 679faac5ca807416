"""The configurations of a block that are out at one time in, what they hold afterwards and what it cost them out."""

from __future__ import annotations

from rebalancer.market.routing import SWAP_GAS, V3_HOP_GAS
from rebalancer.research.compiled import compiled
from rebalancer.research.kernel_tables import (
    CADENCE,
    EVEN,
    FEE,
    GAS,
    IMPACT,
    KIND,
    LANE_DUE,
    LANE_VALUE,
    LANES,
    MOVES,
    SOLD,
    STAYS,
    TRADES,
    Flags,
    Market,
)
from rebalancer.research.model import Floats
from rebalancer.research.rebalancing import (
    FINAL,
    KEPT,
    MOVED,
    NEED,
    RULE,
    SHARE,
    TARGET,
    THIN,
    TIGHT,
    desired,
    settle,
    settle_deep,
    toward,
)

_NOTHING = 1e-12
"""Of the portfolio: what moves less is on target."""


@compiled
def trade(  # noqa: PLR0913
    shape: tuple[int, ...],
    market: Market,
    rules: Floats,
    book: Floats,
    block: tuple[Floats, Flags, Floats],
    at: tuple[int, int, int],
) -> None:
    """The lanes that are out, one after the other."""
    n, (lanes, out, desk), (time, start, many) = len(shape), block, at
    prices, due, days = market.prices, market.due, market.days
    if days[time, 0] == 0.0:
        return
    for lane in range(many):
        if out[lane]:
            place = start + lane
            whole = lanes[(3 * n + LANE_VALUE) * LANES + lane]
            _wanted(shape, prices, rules, lanes, desk, (time, place, lane, market.cash))
            if _account(shape, rules, book, desk, (place, market.hub, days[time, 1], whole)):
                _hold(shape, prices, rules, lanes, desk, (time, place, lane))
                lanes[(3 * n + LANE_DUE) * LANES + lane] = due[int(rules[place, RULE * n + CADENCE]), time]


@compiled
def _wanted(  # noqa: PLR0913
    shape: tuple[int, ...],
    prices: Floats,
    rules: Floats,
    lanes: Floats,
    desk: Floats,
    case: tuple[int, int, int, int],
) -> None:
    """What is held, and what is to be held in the end, on the desk."""
    n, (time, place, lane, cash) = len(shape), case
    for i in range(n):
        desk[MOVED * n + i] = lanes[i * LANES + lane] * prices[time, i]
        desk[SHARE * n + i] = rules[place, TARGET * n + i]
    kind = int(rules[place, RULE * n + KIND])
    if kind & STAYS:
        desired(n, desk, rules, place, cash)
    total = settle(shape, desk, rules, place) if kind & MOVES else settle_deep(shape, desk, rules, place)
    whole, short = lanes[(3 * n + LANE_VALUE) * LANES + lane], 0
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
    ends = 1.0 if hub >= 0 and desk[MOVED * n + hub] != desk[FINAL * n + hub] else 0.0
    book[place, n + TRADES] += 1.0
    book[place, n + SOLD] += sold
    book[place, n + FEE] += fee
    book[place, n + IMPACT] += max(cost - fee, 0.0)
    book[place, n + GAS] += unit * (swaps * SWAP_GAS + (2.0 * swaps - ends) * V3_HOP_GAS)
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
    shape: tuple[int, ...], prices: Floats, rules: Floats, lanes: Floats, desk: Floats, case: tuple[int, int, int]
) -> None:
    """What is held from now on."""
    n, (time, place, lane) = len(shape), case
    cost, even = 0.0, rules[place, RULE * n + EVEN] != 0.0
    for i in range(n):
        cost += desk[MOVED * n + i] - desk[FINAL * n + i]
        if desk[SHARE * n + i] > 0.0:
            lanes[i * LANES + lane] = desk[FINAL * n + i] / prices[time, i]
    if not even:
        for i in range(n):
            lanes[(n + i) * LANES + lane] = lanes[i * LANES + lane] * rules[place, TIGHT * n + i]
    lanes[(3 * n + LANE_VALUE) * LANES + lane] -= cost
