"""A reason to act and where daily prices stand in; what of the rebalance waits, and what is left of the reason, out.

Two rules, both on the side of the trade: what is over its target would be sold, what is under it bought. `delay`: what
stands above the mean of its daily prices is not sold and what stands below is not bought, from when the trigger first
calls for it until `most` has passed; then it is done anyway. `budget`: what has fallen too far from its highest daily
price is not bought, however long that lasts. A token that waits stays where it is, and the rest is rebalanced around it
(`bands`); cash never waits, it is what the others are traded for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rebalancer.core.bands import desired_weights
from rebalancer.core.model import (
    Act,
    Calendar,
    Contributions,
    Delay,
    Hold,
    Past,
    Patience,
    Policy,
    Portfolio,
    Position,
    RiskBudget,
    Trend,
    Trends,
)
from rebalancer.core.render import bps_percent, duration, percent, price
from rebalancer.core.schedule import DAY
from rebalancer.core.trigger import reason_called, to_trade_down
from rebalancer.units import BPS, ONE, Address, Bps, Token, Usd, Weight, mul_div_down

CLEAR = Bps(100)
"""How far from its mean a price must stand before it counts as over or under it: 1 %, the band of Brock, Lakonishok and
LeBaron (1992), without which a price beside its mean changes sides every other day. It keeps stable coins out too."""
LEAST_KNOWN = 2
"""Of so many days of a window one at least must have a price."""

Words = dict[Address, str]


@dataclass(frozen=True, slots=True)
class Waited:
    """The policy with what `waits`, what is left to do, and since when the trigger has called for what waits."""

    policy: Policy
    reason: Act | Hold
    called_since: int | None


def with_patience(asked: tuple[Policy, Act], portfolio: Portfolio, trends: Trends, now: int, past: Past) -> Waited:
    """What patience leaves of a reason to act; `asked`: the policy with known bands, and what its trigger said."""
    policy, reason = asked
    patience = policy.patience or Patience(None, None)
    judged = list(_judged(policy, portfolio, trends))
    moved = _moved(policy, portfolio)
    words = {} if patience.budget is None else _fallen(judged, patience.budget)
    policy = replace(policy, waits=frozenset(words))
    words = {token: why for token, why in words.items() if token in moved}
    left = _left(policy, portfolio, now, past, words) if words else reason
    if isinstance(left, Hold) or patience.delay is None:
        return Waited(policy, left, None)
    against = _against([one for one in judged if one[0].balance.token.address not in policy.waits], patience.delay)
    called = {token: why for token, why in against.items() if token in moved}
    if not called:
        return Waited(policy, left, None)
    since = _called_since(patience.delay, now, past)
    rest = since + patience.delay.most - now
    if rest <= 0:
        return Waited(policy, Act(f"{left.reason}; the trend was waited for {duration(now - since)}"), since)
    words |= {token: f"{why}, for at most {duration(rest)} more" for token, why in called.items()}
    policy = replace(policy, waits=policy.waits | frozenset(against))
    if _rest_is_done(policy, portfolio, now, past):
        return Waited(policy, Hold(f"waits: {'; '.join(words.values())}; the rest has settled"), since)
    return Waited(policy, _left(policy, portfolio, now, past, words), since)


def _called_since(delay: Delay, now: int, past: Past) -> int:
    """A day after what has waited was done, or begun to be, the wait begins anew: some triggers call at every tick."""
    since, settled = past.called_since, past.last_settled_at
    if since is None:
        return now
    done = settled is not None and settled >= since + delay.most
    return now if done and now >= since + delay.most + DAY else since


def assets_to_judge(policy: Policy) -> tuple[Token, ...]:
    """The assets that may have to wait: all but the cash."""
    return tuple(token for token in policy.assets if policy.cash is None or token.address != policy.cash.address)


def trend_of(token: Token, closes: Sequence[Usd | None], patience: Patience) -> Trend | None:
    """Of daily prices, the newest last, None where a day has none; at least `days_of` of them. Mean rounded down.

    None: fewer than half of the days of a window have a price.
    """
    average = highest = None
    if patience.delay is not None:
        known = _known(closes[-patience.delay.average :])
        if LEAST_KNOWN * len(known) < patience.delay.average:
            return None
        average = Usd(sum(known) // len(known))
    if patience.budget is not None:
        known = _known(closes[-patience.budget.days :])
        if LEAST_KNOWN * len(known) < patience.budget.days:
            return None
        highest = max(known)
    return Trend(token, average, highest)


def days_of(patience: Patience) -> int:
    """Of the longer window."""
    delay = 0 if patience.delay is None else patience.delay.average
    return max(delay, 0 if patience.budget is None else patience.budget.days)


def _known(closes: Iterable[Usd | None]) -> list[Usd]:
    return [close for close in closes if close is not None]


def _judged(policy: Policy, portfolio: Portfolio, trends: Trends) -> Iterator[tuple[Position, Trend]]:
    """The positions that may have to wait and are off their targets, with where their prices stand."""
    known = {trend.token.address: trend for trend in trends.trends}
    assets = {token.address for token in assets_to_judge(policy)}
    for position in portfolio.positions:
        token = position.balance.token.address
        if token in assets and token in known and position.drift:
            yield position, known[token]


def _fallen(judged: Iterable[tuple[Position, Trend]], budget: RiskBudget) -> Words:
    """What is under its target, and too far under its highest price."""
    words = {}
    for position, trend in judged:
        token, now, highest = position.balance.token, position.price.usd, trend.highest
        if position.drift < 0 and highest is not None and now < mul_div_down(highest, BPS - budget.fall, BPS):
            words[token.address] = (
                f"{token} is not bought: it stands {_away(now, highest)} under its highest daily price of "
                f"{budget.days} d, {price(replace(position.price, usd=highest))} (patience.fall: "
                f"{bps_percent(budget.fall)})"
            )
    return words


def _against(judged: Iterable[tuple[Position, Trend]], delay: Delay) -> Words:
    """What is over its target and rises, or under it and falls."""
    words = {}
    for position, trend in judged:
        token, now, mean = position.balance.token, position.price.usd, trend.average
        if mean is None or abs(now - mean) <= mul_div_down(mean, CLEAR, BPS) or (now > mean) != (position.drift > 0):
            continue
        verb, side = ("sold", "over") if position.drift > 0 else ("bought", "under")
        words[token.address] = (
            f"{token} is not {verb} yet: it stands {_away(now, mean)} {side} the mean of its daily prices of "
            f"{delay.average} d, {price(replace(position.price, usd=mean))}"
        )
    return words


def _moved(policy: Policy, portfolio: Portfolio) -> frozenset[Address]:
    """The tokens that a rebalance would move: where cash that goes first does not suffice, all that are off."""
    if policy.contributions is Contributions.FIRST:
        policy = replace(policy, contributions=Contributions.IGNORE)
    desired = desired_weights(policy, portfolio)
    return frozenset(
        p.balance.token.address for p in portfolio.positions if desired[p.balance.token.address] != p.weight
    )


def _left(policy: Policy, portfolio: Portfolio, now: int, past: Past, words: Words) -> Act | Hold:
    """What the trigger says of all that does not wait, with why the others do."""
    reason = reason_called(policy, portfolio, now, past)
    waiting = f"waits: {'; '.join(words.values())}"
    if isinstance(reason, Hold):
        return Hold(f"{waiting}; of the rest, {reason.reason}")
    if to_trade_down(policy, portfolio) < max(policy.limits.min_trade, 1):
        return Hold(f"{waiting}; without it there is nothing to trade ({reason.reason})")
    return Act(f"{reason.reason}; {waiting}")


def _rest_is_done(policy: Policy, portfolio: Portfolio, now: int, past: Past) -> bool:
    """Whether a calendar calls for what waits alone: it has no bands that would keep it from trading the rest anew."""
    if not isinstance(policy.trigger, Calendar):
        return False
    return isinstance(reason_called(replace(policy, patience=None), portfolio, now, past), Hold)


def _away(now: int, other: int) -> str:
    return percent(Weight(mul_div_down(abs(now - other), ONE, max(other, 1))))
