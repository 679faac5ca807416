"""The commands around a tick: run, plan, status, history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rebalancer.cli.ask import settings_here
from rebalancer.config import Settings, on_paper, read_settings
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Blocked, Failed, Outcome, Past, TickRecord
from rebalancer.core.notices import notice_of
from rebalancer.core.paper import GOES_ON, Opening, words_on_paper
from rebalancer.core.render import outcome_words
from rebalancer.core.standing import LIMITS_HEAD, limit_rows, lost_bps
from rebalancer.intents import remembered
from rebalancer.keeper import run_once
from rebalancer.ports import Ledger, Ports
from rebalancer.tick import Mode, Report, dry_tick, look
from rebalancer.wire import make_notifier, make_ports, open_ledger

FORBIDDEN = 4
GOES_ON_WORDS = "--paper-value is for its first tick: it goes on with what it holds, and --anew begins again with this"


def exit_code(outcome: Outcome) -> int:
    """0 where the keeper did what it should; 4 where limits forbade it or the batch failed."""
    return FORBIDDEN if isinstance(outcome, Blocked | Failed) else 0


def run_tick(config: Path, live: bool, as_json: bool) -> int:
    """One recorded tick."""
    settings = settings_here(config)
    mode, ports = parts_of(settings, live)
    report = run_once(ports, settings.policy, mode)
    _print_report(report, ports, as_json)
    return exit_code(report.outcome)


def run_paper_tick(config: Path, value: str | None, anew: bool, as_json: bool) -> int:
    """One recorded tick on paper. `value`: dollars to begin with, as people write them; `anew`: begin with them now."""
    from rebalancer.cli.paper import begun_anew, dollars_of, has_begun, tick_on_paper

    dollars, settings = dollars_of(value), settings_of(config, paper=True, offline=False)
    if anew:
        begun_anew(settings, dollars)
    _, ports = parts_of(settings, False, Opening(dollars))
    goes_on = dollars is not None and not anew and has_begun(ports.ledger)
    report = tick_on_paper(ports, settings)
    _print_report(report, ports, as_json, paper=True, mind=GOES_ON_WORDS if goes_on else None)
    return exit_code(report.outcome)


def parts_of(settings: Settings, live: bool, opening: Opening = GOES_ON) -> tuple[Mode, Ports]:
    """What a tick needs. Of an error people and the switch hear as of one of the tick itself; it is raised again."""
    try:
        return mode_of(settings, live), make_ports(settings, opening=opening)
    except Exception as error:
        notifier = make_notifier(settings)
        notifier.started()
        notifier.ended(error, notice_of(error, None))
        raise


def mode_of(settings: Settings, live: bool) -> Mode:
    """Of a tick that is asked to be `live`. ConfigError where the file does not say so too, or asks for paper first."""
    if live and not settings.live:
        raise ConfigError(
            f"--live was given, but {settings.path} says live: false; "
            "set live: true there once `rebalancer plan` shows what you want. To stop a keeper: `rebalancer halt`"
        )
    if live and settings.paper_days:
        from rebalancer.cli.paper import require_paper

        require_paper(settings)
    return Mode(live, settings.patience)


def plan_tick(config: Path, as_json: bool, paper: bool = False) -> int:
    """What a tick would do, unrecorded."""
    settings = settings_of(config, paper, offline=False)
    ports = make_ports(settings)
    past = _known(ports, settings)
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


def show_status(config: Path, as_json: bool, paper: bool = False) -> int:
    """What the ledger knows, then the portfolio now."""
    # The ledger is shown also to who has no node.
    settings = settings_of(config, paper, offline=True)
    ports = make_ports(settings)
    past = _known(ports, settings)
    last = _newest(ports.ledger, 1, paper)
    if not as_json:
        from rebalancer.cli.show import show_history, show_standing

        # Before the node is asked: where it does not answer, this is what there is to see.
        show_standing(past)
        show_history("Last tick", last)
    snapshot, portfolio = look(ports, settings.policy, past)
    limits = limit_rows(settings.policy, past, portfolio, snapshot.operator_balance, ports.clock.now())
    rows = limits[:-1] if paper else limits  # nobody pays for gas on paper
    from rebalancer.cli.paper import paper_object, paper_rows, shown

    known = shown(settings)
    if as_json:
        from rebalancer.cli import as_json as objects

        last_tick = objects.record_object(last[0]) if last else None
        objects.emit(
            {"block": snapshot.block.number}
            | objects.portfolio_object(portfolio)
            | objects.module_object(snapshot)
            | objects.standing_object(past)
            | {"last_settled_at": past.last_settled_at, "last_tick": last_tick}
            | objects.limits_object(past, lost_bps(past, portfolio), rows)
            | {"paper": None if known is None else paper_object(settings, known, portfolio)}
        )
        return 0
    from rebalancer.cli.show import show_module, show_portfolio, show_table

    show_module(snapshot)
    show_table("Limits over time", LIMITS_HEAD, rows)
    show_portfolio(portfolio)
    if known is not None:
        show_table("On paper", ("", "seen"), paper_rows(settings, known, portfolio))
    return 0


def show_history(config: Path, count: int, as_json: bool, paper: bool = False) -> int:
    """The newest rows of the ledger, and what the newest rebalances did cost; needs no node."""
    settings = settings_of(config, paper, offline=True)
    ledger = open_ledger(settings)
    records, rebalances = _newest(ledger, count, paper), ledger.rebalances(count)
    if as_json:
        from rebalancer.cli.as_json import emit, rebalance_object, record_object

        costs = [rebalance_object(rebalance) for rebalance in rebalances]
        emit({"ticks": [record_object(r) for r in records], "rebalances": costs})
        return 0
    from rebalancer.cli.show import show_history as show
    from rebalancer.cli.show import show_rebalances

    show("Ticks, newest first", records)
    show_rebalances(rebalances)
    return 0


def settings_of(config: Path, paper: bool, offline: bool) -> Settings:
    settings = read_settings(config, offline=offline)
    return on_paper(settings) if paper else settings


def _known(ports: Ports, settings: Settings) -> Past:
    """What the ledger knows, for people: on paper what halted it names other commands than live."""
    past = remembered(ports, settings.policy)
    return replace(past, halted=words_on_paper(past.halted)) if settings.paper and past.halted else past


def _newest(ledger: Ledger, count: int, paper: bool) -> Sequence[TickRecord]:
    records = ledger.history(count)
    return [replace(record, detail=words_on_paper(record.detail)) for record in records] if paper else records


def _print_report(report: Report, ports: Ports, as_json: bool, paper: bool = False, mind: str | None = None) -> None:
    if as_json:
        from rebalancer.cli.as_json import emit, report_object

        emit(report_object(report, ports.requests()) | ({"paper": True, "mind": mind} if paper else {}))
    elif sys.stdout.isatty():
        from rebalancer.cli.show import show_line, show_report

        if paper:
            show_line("on paper", "nothing is sent; it is settled by what a block would have done")
        show_report(report)
    else:
        word, detail = outcome_words(report.outcome)
        print(f"{'on paper: ' if paper else ''}{word}: {detail}")
    if mind is not None and not as_json:
        print(f"mind: {mind}")
