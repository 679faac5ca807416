"""Policy, portfolio and time in, a reason to act or a reason to hold out, in words with the figures."""

from __future__ import annotations

from typing import assert_never

from rebalancer.core.bands import bands_of, desired_weights, outside, worth_moving
from rebalancer.core.model import (
    Act,
    Calendar,
    Contributions,
    Hold,
    Hybrid,
    Policy,
    Portfolio,
    Position,
    Threshold,
    Window,
)
from rebalancer.core.render import duration, money, percent, points
from rebalancer.units import ONE, Usd, Weight, mul_div_down

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
    answer = _called_for(policy, portfolio, now, last_settled_at)
    return answer if isinstance(answer, Hold) else _lacks_cash(policy, portfolio, answer) or answer


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


def _called_for(policy: Policy, portfolio: Portfolio, now: int, last_settled_at: int | None) -> Act | Hold:
    match policy.trigger:
        case Calendar(every):
            return _due(every, now, last_settled_at)
        case Threshold():
            return _outside(policy, portfolio)
        case Hybrid(every):
            due = _due(every, now, last_settled_at)
            return due if isinstance(due, Hold) else _outside(policy, portfolio)
        case other:
            assert_never(other)


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


def _outside(policy: Policy, portfolio: Portfolio) -> Act | Hold:
    bands = bands_of(policy, portfolio)
    found = ((p, bands.get(p.balance.token.address)) for p in portfolio.positions)
    banded = {p.balance.token.address: (p, band.trigger) for p, band in found if band is not None}
    if out := outside(policy, portfolio):
        return Act("; ".join(_words(*banded[p.balance.token.address]) for p in out))
    if not banded:
        return Hold("no token has a band, so none can leave it")
    nearest, edge = min(banded.values(), key=lambda x: x[1] - abs(x[0].drift))
    if abs(nearest.drift) <= edge:
        return Hold(f"every weight is inside its band; nearest to its edge: {_words(nearest, edge)}")
    moved = money(worth_moving(bands, portfolio, nearest))
    least = money(policy.limits.min_trade)
    return Hold(f"too little to trade: {_words(nearest, edge)}; that is {moved}, min_trade is {least}")


def _lacks_cash(policy: Policy, portfolio: Portfolio, why: Act) -> Hold | None:
    """Why nothing is done where only cash may be spent, and there is none to spend."""
    if policy.contributions is not Contributions.ONLY or policy.cash is None:
        return None
    desired = desired_weights(policy, portfolio)
    moved = sum(abs(desired[p.balance.token.address] - p.weight) for p in portfolio.positions) >> 1
    value = Usd(mul_div_down(portfolio.value, moved, ONE))
    if value > 0 and value >= policy.limits.min_trade:
        return None
    return Hold(
        f"{why.reason}; contributions: only sells no asset, it buys with new money: of {policy.cash} {money(value)} "
        f"above its target can be spent, min_trade is {money(policy.limits.min_trade)}"
    )


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
