"""Policy, portfolio and time in, a reason to act or a reason to hold out, in words with the figures."""

from __future__ import annotations

from typing import assert_never

from rebalancer.core.model import Act, Band, Calendar, Hold, Hybrid, Policy, Portfolio, Position, Threshold, Window
from rebalancer.core.render import duration, percent, points
from rebalancer.units import ONE, Token, Weight, mul_div_down

_DAY = 86_400
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIRST_DAY = 3
"""1970-01-01 was a Thursday."""


def reason_to_act(policy: Policy, portfolio: Portfolio, now: int, last_settled_at: int | None) -> Act | Hold:
    """Whether the policy wants a rebalance at `now`, in Unix seconds of the block."""
    if portfolio.value == 0:
        return Hold("the wallet holds nothing of value: there is nothing to rebalance")
    if policy.window is not None and not is_open(policy.window, now):
        return Hold(f"outside the trading window: it is {_moment(now)}, open {_opening(policy.window)}")
    match policy.trigger:
        case Calendar(every):
            return _due(every, now, last_settled_at)
        case Threshold(bands):
            return _outside(bands, portfolio)
        case Hybrid(every, bands):
            due = _due(every, now, last_settled_at)
            return due if isinstance(due, Hold) else _outside(bands, portfolio)
        case other:
            assert_never(other)


def is_open(window: Window, now: int) -> bool:
    """Whether `now` is inside the window. A window whose start and end are equal is never open."""
    day, second = divmod(now, _DAY)
    today = (day + _FIRST_DAY) % 7
    if window.start <= window.end:
        return today in window.days and window.start <= second < window.end
    if second >= window.start:
        return today in window.days
    # Past midnight the window is still that of the day on which it started.
    return second < window.end and (today - 1) % 7 in window.days


def edge_of(bands: tuple[Band, ...], token: Token, target: Weight) -> Weight | None:
    """How far the token's weight may stand from `target`: the nearer edge, rounded down. None: no band."""
    band = next((b for b in bands if b.token.address == token.address), None)
    if band is None:
        return None
    edges = [] if band.absolute is None else [int(band.absolute)]
    if band.relative is not None:
        edges.append(mul_div_down(target, band.relative, ONE))
    return Weight(min(edges)) if edges else None


def _due(every: int, now: int, last_settled_at: int | None) -> Act | Hold:
    if last_settled_at is None:
        return Act(f"no rebalance has settled yet, one is due every {duration(every)}")
    passed = now - last_settled_at
    if passed < every:
        return Hold(
            f"the last rebalance settled {duration(passed)} ago, the next is due after {duration(every)}, "
            f"in {duration(every - passed)}"
        )
    return Act(f"the last rebalance settled {duration(passed)} ago, one is due every {duration(every)}")


def _outside(bands: tuple[Band, ...], portfolio: Portfolio) -> Act | Hold:
    edges = [(p, edge_of(bands, p.balance.token, p.target)) for p in portfolio.positions]
    banded = [(p, edge) for p, edge in edges if edge is not None]
    out = sorted((x for x in banded if abs(x[0].drift) > x[1]), key=lambda x: x[1] - abs(x[0].drift))
    if out:
        return Act("; ".join(_words(p, edge) for p, edge in out))
    if not banded:
        return Hold("no token has a band, so none can leave it")
    nearest = min(banded, key=lambda x: x[1] - abs(x[0].drift))
    return Hold(f"every weight is inside its band; nearest to its edge: {_words(*nearest)}")


def _words(position: Position, edge: Weight) -> str:
    away = points(Weight(abs(position.drift)))
    side = "over" if position.drift >= 0 else "under"
    # A drift too small to be shown is none to a reader.
    stands = "on" if away == points(Weight(0)) else f"{away} {side}"
    return f"{position.balance.token} is {stands} its target of {percent(position.target)}, its band is {points(edge)}"


def _moment(now: int) -> str:
    day, second = divmod(now, _DAY)
    return f"{_DAYS[(day + _FIRST_DAY) % 7]} {_clock(second)} UTC"


def _opening(window: Window) -> str:
    days = ", ".join(name for number, name in enumerate(_DAYS) if number in window.days) or "on no day"
    return f"{days} from {_clock(window.start)} to {_clock(window.end)} UTC"


def _clock(second: int) -> str:
    hour, rest = divmod(second, 3_600)
    return f"{hour:02d}:{rest // 60:02d}"
