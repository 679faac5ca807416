"""Policy, portfolio, time and past in, a reason to act or a reason to hold out, in words with the figures.

What calls for a rebalance is the trigger. Before it is asked the wallet must hold something, the window be open, and
the last rebalance be as long ago as the owners want them `apart`.
"""

from __future__ import annotations

from typing import assert_never

from rebalancer.core.bands import bands_of, beyond_edges, desired_weights, free, worth_moving
from rebalancer.core.model import (
    Act,
    Cadence,
    Calendar,
    Contributions,
    Hold,
    Hybrid,
    Past,
    Policy,
    Portfolio,
    Position,
    Schedule,
    Threshold,
    Window,
)
from rebalancer.core.render import duration, money, percent, points
from rebalancer.core.schedule import GRACE, last_moment, moment_words, next_moment
from rebalancer.units import ONE, Usd, Weight, mul_div_down

_DAY = 86_400
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NO_BAND = "no token has a band, so none can leave it"
_NOTHING = points(Weight(0))
_FIRST_DAY = 3
"""1970-01-01 was a Thursday."""


def reason_to_act(policy: Policy, portfolio: Portfolio, now: int, past: Past) -> Act | Hold:
    """Whether the policy wants a rebalance at `now`, in Unix seconds of the block."""
    return reason_not_to_ask(policy, portfolio, now, past) or reason_called(policy, portfolio, now, past)


def reason_not_to_ask(policy: Policy, portfolio: Portfolio, now: int, past: Past) -> Hold | None:
    """Why the trigger is not even asked; None: it is."""
    if portfolio.value == 0:
        return Hold("the wallet holds nothing of value: there is nothing to rebalance")
    if policy.window is not None and not is_open(policy.window, now):
        return Hold(f"outside the trading window: it is {_moment(now)}, open {opening_words(policy.window)}")
    if policy.apart is None or past.last_settled_at is None:
        return None
    passed = now - past.last_settled_at
    if passed >= policy.apart:
        return None
    return Hold(
        f"the last rebalance settled {duration(passed)} ago, and they are at least {duration(policy.apart)} apart "
        f"(trigger.apart): the next is possible in {duration(policy.apart - passed)}"
    )


def reason_called(policy: Policy, portfolio: Portfolio, now: int, past: Past) -> Act | Hold:
    """What the trigger says."""
    answer = _called_for(policy, portfolio, now, past)
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


def due_until(moment: int, window: Window | None) -> int:
    """When a moment of a schedule has passed, in Unix seconds: GRACE after it, or after the window opens."""
    return (moment if window is None else _opens(window, moment)) + GRACE


def _opens(window: Window, at: int) -> int:
    """The first time from `at` on at which it is open."""
    if is_open(window, at):
        return at
    days = range(at // _DAY, at // _DAY + 8)
    starts = (day * _DAY + window.start for day in days if (day + _FIRST_DAY) % 7 in window.days)
    return next((start for start in starts if start > at), at)


def _called_for(policy: Policy, portfolio: Portfolio, now: int, past: Past) -> Act | Hold:
    match policy.trigger:
        case Calendar(every):
            return _due(policy, every, now, past)
        case Threshold():
            return _outside(policy, portfolio)
        case Hybrid(every):
            due = _due(policy, every, now, past)
            return due if isinstance(due, Hold) else _outside(policy, portfolio)
        case other:
            assert_never(other)


def _due(policy: Policy, every: Cadence, now: int, past: Past) -> Act | Hold:
    match every:
        case int():
            found = _due_every(every, now, past.last_settled_at)
        case Schedule():
            found = _due_at(every, policy.window, now, past)
        case other:
            assert_never(other)
    return found if isinstance(found, Act) else _unfinished(policy, past) or found


def _due_every(every: int, now: int, last_settled_at: int | None) -> Act | Hold:
    if last_settled_at is None:
        return Act(f"no rebalance has settled yet, one is due every {duration(every)}")
    passed = now - last_settled_at
    if passed < every:
        return Hold(
            f"the last rebalance settled {duration(passed)} ago, the next is due after {duration(every)}, "
            f"in {duration(every - passed)}"
        )
    return Act(f"the last rebalance settled {duration(passed)} ago, one is due every {duration(every)}")


def _due_at(schedule: Schedule, window: Window | None, now: int, past: Past) -> Act | Hold:
    """A moment before the first tick on record was nobody's to keep: the first one is that which comes next."""
    settled, last, following = past.last_settled_at, last_moment(schedule, now), next_moment(schedule, now)
    since = (past.history.began or now) if settled is None else settled
    ago = f"the last rebalance settled {duration(now - since)} ago"
    said = "no rebalance has settled yet" if settled is None else ago
    if last is not None and since < last:
        if now < due_until(last, window):
            return Act(f"{said}, one is due since {moment_words(last)} ({schedule.text})")
        said = f"{said}, that of {moment_words(last)} was due for {duration(GRACE)} and has passed"
    if following is None:
        return Hold(f"{said}, and none is due ever again ({schedule.text})")
    wait = duration(following - now)
    return Hold(f"{said}, the next is due on {moment_words(following)}, in {wait} ({schedule.text})")


def _unfinished(policy: Policy, past: Past) -> Act | None:
    """What a calendar has called for and the trend holds back is due until it is done: the rest may have settled
    meanwhile. See `patience`."""
    delay = None if policy.patience is None else policy.patience.delay
    if delay is None or past.called_since is None:
        return None
    settled = past.last_settled_at
    if settled is not None and settled >= past.called_since + delay.most:
        return None
    return Act(f"what has waited for the trend since {moment_words(past.called_since)} is due yet")


def _outside(policy: Policy, portfolio: Portfolio) -> Act | Hold:
    bands = bands_of(policy, portfolio)
    found = [(p, bands.get(p.balance.token.address)) for p in free(policy, portfolio)]
    banded = {p.balance.token.address: (p, band.trigger) for p, band in found if band is not None}
    if out := beyond_edges(policy, portfolio, bands):
        return Act("; ".join(_words(*banded[p.balance.token.address]) for p in out))
    if not banded:
        return Hold("no token that does not wait has a band, so none can leave it" if policy.waits else _NO_BAND)
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
    value = to_trade_down(policy, portfolio)
    if value > 0 and value >= policy.limits.min_trade:
        return None
    return Hold(
        f"{why.reason}; contributions: only sells no asset, it buys with new money: of {policy.cash} {money(value)} "
        f"above its target can be spent, min_trade is {money(policy.limits.min_trade)}"
    )


def to_trade_down(policy: Policy, portfolio: Portfolio) -> Usd:
    """The dollars that a rebalance would sell."""
    desired = desired_weights(policy, portfolio)
    moved = sum(abs(desired[p.balance.token.address] - p.weight) for p in portfolio.positions) >> 1
    return Usd(mul_div_down(portfolio.value, moved, ONE))


def _words(position: Position, edge: Weight) -> str:
    away = points(Weight(abs(position.drift)))
    side = "over" if position.drift >= 0 else "under"
    # A drift too small to be shown is none to a reader.
    stands = "on" if away == _NOTHING else f"{away} {side}"
    return f"{position.balance.token} is {stands} its target of {percent(position.target)}, its band is {points(edge)}"


def _moment(now: int) -> str:
    day, second = divmod(now, _DAY)
    return f"{_DAYS[(day + _FIRST_DAY) % 7]} {_clock(second)} UTC"


def opening_words(window: Window) -> str:
    """Its days and hours: "Monday, Tuesday from 08:00 to 17:00 UTC"."""
    days = ", ".join(name for number, name in enumerate(_DAYS) if number in window.days) or "on no day"
    return f"{days} from {_clock(window.start)} to {_clock(window.end)} UTC"


def _clock(second: int) -> str:
    hour, rest = divmod(second, 3_600)
    return f"{hour:02d}:{rest // 60:02d}"
