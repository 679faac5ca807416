"""Policies, pasts and portfolios for the tests of when to act."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from given_history import NEW
from small_market import ASSETS, NOW, POLICY, portfolio_in, share, snapshot_with

from rebalancer.config.schedule_text import schedule
from rebalancer.core.model import (
    Back,
    Calendar,
    Drawn,
    Past,
    Policy,
    Portfolio,
    Threshold,
    Trigger,
    Width,
    Window,
)
from rebalancer.units import Token

DAY, HOUR = 86_400, 3_600
MONDAY = 1_699_833_600
"""2023-11-13, 00:00 UTC."""
TUESDAYS = Calendar(schedule("weekly Tuesday 14:00"))
AT_TARGET = portfolio_in(snapshot_with(30_000, 40_000, 20_000, 10_000))


def settled(ago: int) -> Past:
    """The last rebalance settled so many seconds before NOW."""
    return replace(NEW, last_settled_at=NOW - ago)


def policy_with(trigger: Trigger, window: Window | None = None) -> Policy:
    return replace(POLICY, trigger=trigger, window=window)


def widths(absolute: str | None, relative: str | None, *tokens: Token) -> tuple[Width, ...]:
    a, r = (None if x is None else share(x) for x in (absolute, relative))
    return tuple(Width(token, a, r) for token in tokens or ASSETS)


def wider(absolute: str | None, relative: str | None, *tokens: Token) -> Threshold:
    return Threshold(Drawn(widths(absolute, relative, *tokens), Back.TARGET))


def weth_at(dollars: str) -> Portfolio:
    """A portfolio of 100,000 USD with so much of it in WETH; USDC takes the difference."""
    return portfolio_in(snapshot_with(dollars, str(70_000 - Decimal(dollars)), 20_000, 10_000))
