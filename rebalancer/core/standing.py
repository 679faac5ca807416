"""The past and the wallet in; where each limit over time stands, in words for a person, out."""

from __future__ import annotations

from rebalancer.core.model import Past, Policy, Portfolio
from rebalancer.core.over_time import gas_days_left, lost_since
from rebalancer.core.render import bps_percent, coin, duration, money
from rebalancer.core.room import ramp_room
from rebalancer.units import BPS, ONE, Usd, Wei, Weight, mul_div_up

LIMITS_HEAD = ("limit", "now", "allowed")


def limit_rows(
    policy: Policy, past: Past, portfolio: Portfolio, balance: Wei, now: int
) -> tuple[tuple[str, str, str], ...]:
    """One row for each limit under LIMITS_HEAD. `balance` is the operator's, `now` in Unix seconds."""
    limits, history = policy.over_time, past.history
    lost, since = lost_since(history, portfolio, now)
    return (
        ("failures in a row", f"{past.failures}", f"fewer than {limits.failures}"),
        (
            "drawdown",
            f"{bps_percent(lost)} since {since}" if lost else bps_percent(lost),
            f"{bps_percent(limits.drawdown)} in {duration(limits.drawdown_window)}",
        ),
        ("rebalances in 24 h", f"{history.trades_of_day}", f"{limits.trades_per_day}"),
        (
            "turnover in 24 h",
            _used(history.turnover_of_day, history.turnover_share),
            bps_percent(limits.turnover_per_day),
        ),
        ("cost in 30 d", _used(history.cost_of_month, history.cost_share), bps_percent(limits.cost_per_month)),
        ("ramp", f"{money(history.traded)} traded in all", _ramp_words(policy, past, portfolio, now)),
        ("operator's coin", coin(balance), _gas_words(policy, past, balance, now)),
    )


def lost_bps(past: Past, portfolio: Portfolio) -> int:
    """What a dollar that was there has lost, in basis points, rounded up, as the rule of the drawdown counts it."""
    return lost_since(past.history, portfolio, 0)[0]


def _used(value: Usd, share: Weight) -> str:
    return f"{money(value)}, {bps_percent(mul_div_up(share, BPS, ONE))} of the portfolio"


def _ramp_words(policy: Policy, past: Past, portfolio: Portfolio, now: int) -> str:
    room = ramp_room(policy, past.history, portfolio, now)
    return "no ramp, or it is over" if room is None else room.reason


def _gas_words(policy: Policy, past: Past, balance: Wei, now: int) -> str:
    days = gas_days_left(policy, past.history, balance, now)
    least = f"at least {coin(policy.limits.min_operator_balance)}"
    return least if days is None else f"{least}; lasts {days} d at the usual use"
