"""The sections about what goes on around a decision: sending, stopping, telling; their defaults, and why.

A part of `schema`, in a file of its own.
"""

from __future__ import annotations

from typing import Literal

from rebalancer.config.schema import Section
from rebalancer.config.spans import DAY, ShareInTime
from rebalancer.config.values import (
    Channels,
    Count,
    Drawdown,
    Failures,
    PaperDays,
    Patience,
    PerDay,
    Ramp,
    RefillDays,
    ReplaceAfter,
    Risk,
    Switch,
    Turnover,
    Url,
)
from rebalancer.units import Bps


class ExecutionSection(Section):
    confirmations: Count = 2
    """A block on top: one that is replaced mostly is so at once. A deeper one is noticed, and settled anew."""
    patience: Patience = 90
    """How long a tick waits for its own transaction; the next tick settles what takes longer."""
    replace_after: ReplaceAfter = 180
    """15 blocks at fees that builders take: what is still unmined then needs higher ones."""
    when_stuck: Literal["cancel", "leave"] = "cancel"
    """A void batch that is mined later burns more gas than its cancellation, and keeps the keeper waiting for it."""
    relay: Url | None = None
    """A private relay, out of sight of those who trade ahead of others; None: the nodes of `chain.rpc`."""
    relay_fallback: Switch = False
    """Whether the nodes are sent too what the relay does not take: then everybody sees it."""


class SafetySection(Section):
    """What stops the keeper until a person has looked, whatever each tick says."""

    drawdown: Drawdown = ShareInTime(Bps(1_500), DAY)
    """The market moves so much in a day a few times a year: is it the market, or the prices that are read?"""
    trades_per_day: PerDay = 12
    """Bands ask for one in days; one every two hours is a fault, or somebody's game."""
    turnover_per_day: Turnover = Bps(15_000)
    """A portfolio moved from end to end, and half of it back."""
    cost_per_month: Risk = Bps(300)
    """More than rebalancing can bring in; less than a month of a slow leak."""
    failures: Failures = 3
    """One fails when a price moves between two blocks; a third says that something stays wrong."""
    ramp: Ramp = ShareInTime(Bps(500), 3 * DAY)
    """What a wrong configuration can cost at first is a part of this; `off` where it is known to be right."""
    paper: PaperDays = 0
    """None is asked for by default: the ramp limits what a wrong configuration can cost, and costs no days."""
    refill: RefillDays = 7
    """Time for a person to send the operator coin before it runs out."""


class NotifySection(Section):
    urls: Channels = []
    """Apprise's: each names a channel and holds its key."""
    ping: Url | None = None
    """Of a dead man's switch: it tells a person when no tick has come for too long."""
