"""What the ledger remembers of the time before: what the guards over time rest on."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.model.plan import Cost
from rebalancer.units import Address, Usd, Wei, Weight

Holdings = tuple[tuple[Address, int], ...]
"""Base units by token."""
INDEX = 10**9
"""An index of 1. The index is what one dollar that was there at the first tick has become: deposits do not raise it."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """From when on the past is asked for: Unix seconds."""

    peak: int
    """Of the circuit breaker."""
    day: int
    month: int


@dataclass(frozen=True, slots=True)
class Valued:
    """The wallet as the newest tick that read it saw it."""

    at: int
    value: Usd
    index: int
    """At INDEX, rounded down."""
    holdings: tuple[tuple[Address, int], ...]
    """Base units of each asset of the portfolio."""


@dataclass(frozen=True, slots=True)
class Rebalance:
    """One that settled, and stands: what it was to cost, as decided on, and what it did cost."""

    tx: str
    settled_at: int
    """Unix seconds."""
    expected: Cost
    measured: Cost


@dataclass(frozen=True, slots=True)
class Run:
    """How long a keeper has run, and how well, as all its ticks tell. Unix seconds."""

    ticks: int
    began: int
    """The first row; where a person has begun anew, that one."""
    last: int
    good_since: int
    """The first tick that has seen the wallet since anything failed or halted, or was configured otherwise, or for
    longer than a day no tick had; `good_until` where there is none.
    """
    good_until: int
    """The newest of these; `last` where there is none."""
    broken_by: str | None
    """What was before `good_since`, in words; None: nothing."""
    opening: Holdings
    """What the first of them saw that has seen the wallet; empty: none has."""
    rehearsed: str | None
    """The configuration that the newest of them ran with, in words; None: they do not say."""


@dataclass(frozen=True, slots=True)
class History:
    """Counted from `since` on where nothing else is said: what a person has looked at is done with."""

    since: int
    """When a person last resumed, Unix seconds; 0: never."""
    valued: Valued | None
    peak: int
    """The highest index within the horizon; 0: none."""
    moved: tuple[tuple[Address, int], ...]
    """What our own rebalances have changed since `valued`: signed base units."""
    trades_of_day: int
    turnover_of_day: Usd
    cost_of_month: Usd
    """Shortfall and gas, of failed batches too."""
    gas_of_month: Wei
    """Whoever resumed: the operator's coin is gone all the same."""
    traded: Usd
    """Of all time, whoever resumed."""
    good_since: int | None
    """Since when nothing has failed or halted: the first settled rebalance, or the last of these where it came later.

    None: nothing has settled yet.
    """
    good_before: int = 0
    """Seconds of the longest such stretch that a failure or a halt has ended; 0: none has."""
    began: int = 0
    """The first tick on record, Unix seconds; 0: there is none."""
    day_began: int | None = None
    """When the first of `trades_of_day` settled, Unix seconds; None: there was none."""
    turnover_share: Weight = Weight(0)
    """`turnover_of_day`, each rebalance as a share of the portfolio that it was decided on, rounded up.

    What is held now is no measure of what was traded before: owners may have withdrawn since.
    """
    cost_share: Weight = Weight(0)
    """`cost_of_month`, likewise."""


NO_HISTORY = History(0, None, 0, (), 0, Usd(0), Usd(0), Wei(0), Usd(0), None)
