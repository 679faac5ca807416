"""A portfolio on paper: its ticks, what it has shown so far, and whether that is enough to go live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rebalancer.config import Settings, on_paper, rehearsed, text
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import History, Holdings, Horizon, Past, Portfolio, Run, TickRecord
from rebalancer.core.paper import (
    BEGUN,
    CONFIGURED,
    Closeness,
    Opening,
    against_hold,
    closeness_of,
    closeness_rows,
    holdings_now,
    why_not_yet,
)
from rebalancer.core.render import duration, money
from rebalancer.keeper import begin_anew, run_once
from rebalancer.ports import Ledger, Ports
from rebalancer.tick import Mode, Report
from rebalancer.units import Usd
from rebalancer.wire import close_ledger, close_ports, make_ports, open_ledger

DAY = 86_400
_ALL = 10**6
"""More rebalances than anybody makes."""


def dollars_of(value: str | None) -> Usd | None:
    """What --paper-value says. Raises ConfigError."""
    if value is None:
        return None
    try:
        found = text.usd(value)
    except ValueError as error:
        raise ConfigError(f"--paper-value is {value[:40]!r}: {error}") from None
    if not found:
        raise ConfigError("--paper-value is 0, expected more than nothing such as 10_000")
    return found


def begun_anew(settings: Settings, value: Usd | None) -> None:
    """The portfolio on paper, whatever it holds by now. Raises ConfigError, Unavailable, and then goes on as it was."""
    ports = make_ports(settings, opening=Opening(value, anew=True))
    try:
        begin_anew(ports, settings.policy, rehearsed(settings))
    finally:
        close_ports(ports)


def tick_on_paper(ports: Ports, settings: Settings) -> Report:
    """One recorded tick. Before the first that trades, one that writes down what the paper wallet begins with; and
    wherever what runs is another configuration than before, a row that says so.
    """
    _mark_configuration(ports, settings)
    if not has_begun(ports.ledger):
        report = run_once(ports, settings.policy, Mode(live=False, patience=settings.patience))
        if not has_begun(ports.ledger):
            # Another keeper is at work, or prices are in dispute: they say nothing of what it holds.
            return report
    return run_once(ports, settings.policy, Mode(live=True, patience=settings.patience))


def _mark_configuration(ports: Ports, settings: Settings) -> None:
    run, now_runs = ports.ledger.ran(), rehearsed(settings)
    known = None if run is None else run.rehearsed
    if known != now_runs:
        outcome = BEGUN if known is None else CONFIGURED
        ports.ledger.record_tick(TickRecord(ports.clock.now(), None, outcome, now_runs, None, None, None, 0))


def has_begun(ledger: Ledger) -> bool:
    """Whether it holds something by now, and no value to begin with changes that."""
    return holdings_now(_history(ledger)) is not None


def _history(ledger: Ledger) -> History:
    now = int(time.time())
    return ledger.read(Horizon(now, now, now)).history


# ---------------------------------------------------------------- what it has shown


@dataclass(frozen=True, slots=True)
class Shown:
    """What the ledger knows of a portfolio on paper."""

    run: Run
    close: Closeness
    holdings: Holdings


def shown(settings: Settings) -> Shown | None:
    """None: it has never run."""
    with _paper_ledger(settings) as ledger:
        run = ledger.ran()
        if run is None or not run.ticks:
            return None
        since = [one for one in ledger.rebalances(_ALL) if one.settled_at >= run.began]
        return Shown(run, closeness_of(since), holdings_now(_history(ledger)) or ())


def require_paper(settings: Settings) -> None:
    """Raises ConfigError where a live tick waits for a portfolio on paper: until it has promised a batch, no longer."""
    if (why := why_waits(settings)) is not None:
        raise ConfigError(f"{settings.path}: safety.paper keeps this portfolio from going live: {why}")


def why_waits(settings: Settings) -> str | None:
    """None: nothing is asked for, or it has been shown, or the portfolio has been live before."""
    if not settings.paper_days or settings.paper:
        return None
    now = int(time.time())
    with _closing(open_ledger(settings)) as live:
        past = live.read(Horizon(peak=now, day=now, month=0))
    if _has_sent(past):
        return None
    with _paper_ledger(settings) as ledger:
        return why_not_yet(ledger.ran(), settings.paper_days * DAY, rehearsed(settings), now)


def _has_sent(past: Past) -> bool:
    """Whether it has ever promised a batch, of all time: whatever became of it, what was mined has cost gas."""
    newest = past.open_intent or past.unfinal or past.gone
    return newest is not None or past.failures > 0 or past.history.gas_of_month > 0 or past.last_settled_at is not None


def paper_rows(settings: Settings, shown: Shown, portfolio: Portfolio) -> tuple[tuple[str, str], ...]:
    """As (what, figures). `portfolio` gives the prices."""
    run, now = shown.run, int(time.time())
    broken = "" if run.broken_by is None else f", since {run.broken_by}"
    rows = [
        ("running for", f"{duration(run.last - run.began)}, {run.ticks} ticks"),
        ("gone well for", f"{duration(run.good_until - run.good_since)}{broken}"),
        *closeness_rows(shown.close),
    ]
    gas = shown.close.gas
    if (both := against_hold(run.opening, shown.holdings, gas, portfolio)) is not None:
        ours, left = both
        words = f"{money(ours)}, gas of {money(gas)} taken off, against {money(left)}: {money(Usd(ours - left))}"
        rows.append(("value against hold", words))
    if settings.paper_days:
        waits = why_not_yet(run, settings.paper_days * DAY, rehearsed(settings), now)
        rows.append(("asked for before live", waits or f"{settings.paper_days} d, and it has shown them"))
    return tuple(rows)


def paper_object(settings: Settings, shown: Shown, portfolio: Portfolio) -> dict[str, Any]:
    """The same as figures, and in words."""
    run, close = shown.run, shown.close
    ours, left = against_hold(run.opening, shown.holdings, close.gas, portfolio) or (None, None)
    return {
        "began": run.began,
        "good_since": run.good_since,
        "last_tick_at": run.last,
        "days": (run.last - run.began) // DAY,
        "good_days": (run.good_until - run.good_since) // DAY,
        "asked_days": settings.paper_days,
        "ticks": run.ticks,
        "rebalances": close.rebalances,
        "traded_usd_e18": str(close.traded),
        "expected_cost_usd_e18": str(close.expected),
        "measured_cost_usd_e18": str(close.measured),
        "gas_usd_e18": str(close.gas),
        "furthest_from_plan_bps": close.worst,
        "value_usd_e18": None if ours is None else str(ours),
        "hold_usd_e18": None if left is None else str(left),
        "words": dict(paper_rows(settings, shown, portfolio)),
    }


@contextmanager
def _paper_ledger(settings: Settings) -> Iterator[Ledger]:
    with _closing(open_ledger(settings if settings.paper else on_paper(settings))) as ledger:
        yield ledger


@contextmanager
def _closing(ledger: Ledger) -> Iterator[Ledger]:
    try:
        yield ledger
    finally:
        close_ledger(ledger)
