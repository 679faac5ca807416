"""The commands around a tick: run, plan, status, history."""

from __future__ import annotations

import sys
from pathlib import Path

from rebalancer.config import read_settings
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Blocked, Failed, Outcome
from rebalancer.core.render import outcome_words
from rebalancer.keeper import resume, run_once
from rebalancer.ports import Ports
from rebalancer.tick import Mode, Report, dry_tick, look
from rebalancer.wire import lock_path, make_ports, open_ledger

FORBIDDEN = 4


def exit_code(outcome: Outcome) -> int:
    """0 where the keeper did what it should; 4 where limits forbade it or the batch failed."""
    return FORBIDDEN if isinstance(outcome, Blocked | Failed) else 0


def run_tick(config: Path, live: bool, as_json: bool) -> int:
    """One recorded tick."""
    settings = read_settings(config)
    if live and not settings.live:
        raise ConfigError(
            f"--live was given, but {config} says live: false; "
            "set live: true there once `rebalancer plan` shows what you want"
        )
    ports = make_ports(settings)
    report = run_once(ports, settings.policy, Mode(live, settings.patience), lock_path(settings))
    _print_report(report, ports, as_json)
    return exit_code(report.outcome)


def plan_tick(config: Path, as_json: bool) -> int:
    """What a tick would do, unrecorded."""
    settings = read_settings(config)
    ports = make_ports(settings)
    past = ports.ledger.read()
    report = dry_tick(ports, settings.policy, past)
    if as_json:
        from rebalancer.cli.as_json import emit, report_object, standing_object

        emit(report_object(report, ports.requests()) | standing_object(past))
        return exit_code(report.outcome)
    from rebalancer.cli.show import show_report, show_standing

    show_report(report)
    if past.open_intent is not None or past.halted is not None:
        # A tick would not come so far: it stops, or finishes what is open first.
        show_standing(past)
    return exit_code(report.outcome)


def show_status(config: Path, as_json: bool) -> int:
    """What the ledger knows, then the portfolio now."""
    settings = read_settings(config)
    ports = make_ports(settings)
    past = ports.ledger.read()
    last = ports.ledger.history(1)
    if not as_json:
        from rebalancer.cli.show import show_history, show_standing

        # Before the node is asked: where it does not answer, this is what there is to see.
        show_standing(past)
        show_history("Last tick", last)
    snapshot, portfolio = look(ports, settings.policy, past)
    if as_json:
        from rebalancer.cli.as_json import emit, module_object, portfolio_object, record_object, standing_object

        recorded = {"last_settled_at": past.last_settled_at, "last_tick": record_object(last[0]) if last else None}
        found = {"block": snapshot.block.number} | portfolio_object(portfolio) | module_object(snapshot)
        emit(found | standing_object(past) | recorded)
        return 0
    from rebalancer.cli.show import show_module, show_portfolio

    show_module(snapshot)
    show_portfolio(portfolio)
    return 0


def show_history(config: Path, count: int, as_json: bool) -> int:
    """The newest rows of the ledger; needs no node."""
    settings = read_settings(config)
    records = open_ledger(settings).history(count)
    if as_json:
        from rebalancer.cli.as_json import emit, record_object

        emit({"ticks": [record_object(r) for r in records]})
        return 0
    from rebalancer.cli.show import show_history as show

    show("Ticks, newest first", records)
    return 0


def resume_halted(config: Path, why: str, as_json: bool) -> int:
    """Go on after a Halt; the node is asked only about an intent that is open."""
    resumed = resume(make_ports(read_settings(config)), why)
    if as_json:
        from rebalancer.cli.as_json import emit

        closed = {} if resumed.closed is None else {"closed": resumed.closed}
        emit({"resumed": True, "why": why, "was_halted": resumed.halted} | closed)
    else:
        closed_too = "" if resumed.closed is None else f"\nThe open batch is closed: {resumed.closed}"
        print(f"Resumed. It was halted because: {resumed.halted}{closed_too}\nThe next tick goes on.")
    return 0


def _print_report(report: Report, ports: Ports, as_json: bool) -> None:
    if as_json:
        from rebalancer.cli.as_json import emit, report_object

        emit(report_object(report, ports.requests()))
    elif sys.stdout.isatty():
        from rebalancer.cli.show import show_report

        show_report(report)
    else:
        word, detail = outcome_words(report.outcome)
        print(f"{word}: {detail}")
