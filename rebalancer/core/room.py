"""The past and the portfolio in; how much a plan may move now, and whether it must wait, out.

A limit over days that a plan can keep to makes it smaller, or makes it wait. It halts nobody: what is cut to what a
module or a ramp leaves is traded in many small rebalances, and an honest keeper comes to these limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rebalancer.core.model import FINAL_BLOCKS, Block, History, Hold, OverTime, Past, Policy, Portfolio, Trade, mined_of
from rebalancer.core.render import amount, bps_percent, duration, money
from rebalancer.units import BPS, ONE, Usd, bps_of_down, mul_div_down

_DAY = 86_400
_GRAIN = ONE // 10**9
"""As Weight. The ledger rounds each share up to it: a plan leaves that much room free."""


@dataclass(frozen=True, slots=True)
class Room:
    """The most that a plan may move in all, and why, in words that end a sentence about what waits."""

    most: Usd
    reason: str


@dataclass(frozen=True, slots=True)
class Cuts:
    """Trades that are too large, by their places in a plan: the most that each may move, and why, in words."""

    caps: Mapping[int, Usd]
    reasons: Mapping[int, str]


def nearest(cuts: Iterable[Cuts]) -> Cuts:
    """For each trade the lowest of its caps, with its reason; of equals the first."""
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    for one in cuts:
        lower = {place for place, cap in one.caps.items() if place not in caps or cap < caps[place]}
        caps |= {place: one.caps[place] for place in lower}
        reasons |= {place: one.reasons[place] for place in lower}
    return Cuts(caps, reasons)


def beyond_room(room: Room, trades: Sequence[Trade]) -> Cuts:
    """Trades that find no room after those before them, or not for so much."""
    left = int(room.most)
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    for place, trade in enumerate(trades):
        if trade.value > left:
            caps[place] = Usd(left)
            reasons[place] = f"{amount(trade.sell)} for {trade.buy} moves {money(trade.value)}, {room.reason}"
        left = max(left - trade.value, 0)
    return Cuts(caps, reasons)


def day_is_full(policy: Policy, history: History, now: int) -> Hold | None:
    """Why a rebalance waits though it is called for; None: the day has room for one more."""
    most = policy.over_time.trades_per_day
    if history.trades_of_day < most:
        return None
    wait = max((history.day_began or now) + _DAY - now, 0)
    return Hold(
        f"{history.trades_of_day} rebalances have settled in 24 h, and trades_per_day allows {most}: the next one "
        f"waits for {duration(wait)}"
    )


def not_final(past: Past, block: Block) -> Hold | None:
    """Why a rebalance waits: were two landings taken back, only the newer one would be missed. None: it need not."""
    mined = None if past.unfinal is None else mined_of(past.unfinal[1])
    if mined is None or block.number - mined.block >= FINAL_BLOCKS:
        return None
    what = "change of targets" if past.unfinal is not None and past.unfinal[0].targets else "rebalance"
    return Hold(
        f"the last {what} {mined.tx} in block {mined.block} is final from block {mined.block + FINAL_BLOCKS} on "
        f"({FINAL_BLOCKS} blocks): until then nothing new is sent"
    )


def plan_room(policy: Policy, history: History, portfolio: Portfolio, now: int) -> Room:
    """What the ramp and the day leave a plan to move."""
    day, ramped = turnover_room(policy, history, portfolio), ramp_room(policy, history, portfolio, now)
    return day if ramped is None or day.most < ramped.most else ramped


def turnover_room(policy: Policy, history: History, portfolio: Portfolio) -> Room:
    """What the day's turnover leaves a plan to move."""
    share = policy.over_time.turnover_per_day
    left = max(mul_div_down(share, ONE, BPS) - history.turnover_share, 0)
    most = Usd(mul_div_down(portfolio.value, max(left - _GRAIN, 0), ONE))
    room = money(Usd(mul_div_down(portfolio.value, left, ONE)))
    return Room(
        most, f"turnover_per_day leaves room for {room}: {bps_percent(share)} of the portfolio may be traded in 24 h"
    )


def ramp_room(policy: Policy, history: History, portfolio: Portfolio, now: int) -> Room | None:
    """What the ramp leaves a plan to move; None: there is no ramp, or it is over."""
    limits = policy.over_time
    wait = ramp_ends(limits, history, now)
    if wait is None:
        return None
    allowed, words = ramp_most(policy, portfolio)
    most = Usd(max(allowed - history.traded, 0))
    when = "" if history.good_since is None else f", in {duration(wait)}"
    return Room(
        most,
        f"the ramp leaves room for {money(most)}: {words} may be traded in all until rebalances "
        f"have gone well for {limits.ramp_days} d{when}",
    )


def ramp_most(policy: Policy, portfolio: Portfolio) -> tuple[Usd, str]:
    """(what may be traded in all within the ramp, what that is).

    Room for one trade at least, or nothing would ever settle and the ramp never end. Cut to a room of just min_trade
    a trade is a hair below it, in whole base units: hence twice that.
    """
    share, least = Usd(bps_of_down(portfolio.value, policy.over_time.ramp)), policy.limits.min_trade
    if share < 2 * least:
        return Usd(2 * least), f"twice min_trade, {money(Usd(2 * least))},"
    return share, f"{bps_percent(policy.over_time.ramp)} of the portfolio"


def ramp_ends(limits: OverTime, history: History, now: int) -> int | None:
    """Seconds until the ramp is over if all goes well; None: it is. Whatever fails later does not bring it back."""
    asked = limits.ramp_days * _DAY
    lasts = 0 if history.good_since is None else now - history.good_since
    return None if max(lasts, history.good_before) >= asked else asked - lasts
