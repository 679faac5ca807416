"""`check`: everything that a tick rests on, looked at one by one. Sends nothing, records nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rebalancer.cli.ask import settings_here
from rebalancer.cli.ticks import FORBIDDEN
from rebalancer.config import Settings
from rebalancer.core.drift import max_drift, portfolio_of
from rebalancer.core.errors import ConfigError, Halt, RebalancerError
from rebalancer.core.guard import guard_account, guard_snapshot
from rebalancer.core.model import ModuleWallet, Snapshot
from rebalancer.core.over_time import horizon_of
from rebalancer.core.periods import next_update
from rebalancer.core.render import amount, duration, money, percent
from rebalancer.core.render import price as words
from rebalancer.ports import Ports
from rebalancer.tick import held_to
from rebalancer.wire import examine_wallet, make_estimated, make_people, make_ports, make_signer, open_ledger


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `code` is the exit code it asks for; 0 is well."""

    name: str
    seen: str
    code: int


def run_checks(config: Path, as_json: bool) -> int:
    """The first trouble's exit code, or 0."""
    settings = settings_here(config)
    findings = tuple(_findings(settings, make_ports(settings, remember=False)))
    if as_json:
        from rebalancer.cli.as_json import emit

        rows = [{"check": f.name, "ok": f.code == 0, "seen": f.seen} for f in findings]
        emit({"ok": all(f.code == 0 for f in findings), "checks": rows})
    else:
        _show(findings)
    return next((f.code for f in findings if f.code), 0)


def _findings(settings: Settings, ports: Ports) -> Iterator[Finding]:
    yield Finding(
        "configuration", f"{settings.path.name}: {len(settings.policy.assets)} assets, {len(settings.pools)} pools", 0
    )
    yield _tried("ledger", lambda: _ledger(settings))
    yield _tried("operator key", lambda: _key(settings))
    if settings.paper_days:
        yield _tried("paper", lambda: _paper(settings))
    if settings.notify_urls:
        yield _people(settings)
    try:
        snapshot = ports.chain.read()
    except RebalancerError as error:
        yield Finding("one snapshot", str(error), error.exit_code)
        return
    asked = ports.requests()
    seen = f"block {snapshot.block.number} in {asked} {'request' if asked == 1 else 'requests'}"
    yield Finding("one snapshot", seen, 0)
    yield from _prices(snapshot)
    yield from _guards(settings, ports, snapshot)
    if isinstance(snapshot.wallet, ModuleWallet):
        yield from _module(settings, snapshot)
    else:
        yield from _allowances(snapshot)


def _module(settings: Settings, snapshot: Snapshot) -> Iterator[Finding]:
    """The operator can do nothing else only where nothing else can act for the Safe."""
    try:
        for seen in examine_wallet(settings, snapshot):
            yield Finding(seen.name, seen.words, 0 if seen.well else FORBIDDEN)
    except RebalancerError as error:
        yield Finding("module", str(error), error.exit_code)


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, look(), 0)
    except RebalancerError as error:
        return Finding(name, str(error), error.exit_code)


def _key(settings: Settings) -> str:
    signer = make_signer(settings)
    pin = signer.check()
    whose = f"opens, of {signer.unlock()}"
    return f"{whose}, for chain {pin.chain_id}" if pin is not None else f"{whose}; it does not say for which chain"


def _paper(settings: Settings) -> str:
    from rebalancer.cli.paper import require_paper

    require_paper(settings)
    return f"{settings.paper_days} d on paper are asked for, and shown, or this portfolio has been live before"


def _people(settings: Settings) -> Finding:
    """Whether the channels could be told anything; `rebalancer tell` shows whether they take it."""
    problems, count = make_people(settings).examine(), len(settings.notify_urls)
    if problems:
        return Finding("people", "; ".join(problems), ConfigError.exit_code)
    return Finding("people", f"{count} {'channel' if count == 1 else 'channels'}, understood; nothing was sent", 0)


def _ledger(settings: Settings) -> str:
    ledger = open_ledger(settings)
    past, last = ledger.read(horizon_of(int(time.time()), settings.policy.over_time)), ledger.history(1)
    if past.halted is not None:
        raise Halt(f"halted: {past.halted}; look, then: rebalancer resume --why TEXT")
    return f"the last tick ended as {last[0].outcome}" if last else "opens; no tick is on record yet"


def _prices(snapshot: Snapshot) -> Iterator[Finding]:
    for price in snapshot.prices:
        age = snapshot.block.timestamp - price.updated_at
        yield Finding(f"price of {price.token}", f"{words(price)}, written {duration(age)} before the block", 0)


def _guards(settings: Settings, ports: Ports, snapshot: Snapshot) -> Iterator[Finding]:
    policy = settings.policy
    breaches = guard_snapshot(policy, snapshot) + guard_account(policy, snapshot, ports.wallet.operator)
    for breach in breaches:
        yield Finding(breach.rule, f"{breach.observed}; allowed: {breach.allowed}", FORBIDDEN)
    if not breaches:
        yield Finding("guards", "pools agree with the oracle; the operator may act and can pay", 0)
    if settings.estimation is not None:
        yield _tried("targets", lambda: _targets(settings, snapshot))
    yield _tried("portfolio", lambda: _worth(settings, ports, snapshot))


def _targets(settings: Settings, snapshot: Snapshot) -> str:
    from rebalancer.core.estimate_words import estimate_words

    port, at = make_estimated(settings), snapshot.block.timestamp
    found, failed = port.estimated(snapshot.block), port.failed(snapshot.block)
    times = (at, next_update(port.estimation.update, at))
    waits = None if failed is None else (failed.why, failed.again)
    return "; ".join(estimate_words(port.estimation, found, times, waits))


def _worth(settings: Settings, ports: Ports, snapshot: Snapshot) -> str:
    policy = settings.policy
    portfolio = portfolio_of(policy.assets, held_to(ports, policy, snapshot), snapshot)
    return f"{money(portfolio.value)}, largest drift {percent(max_drift(portfolio))}"


def _allowances(snapshot: Snapshot) -> Iterator[Finding]:
    standing = [a for a in snapshot.allowances if a.amount.raw]
    for allowance in standing:
        left = amount(allowance.amount)
        seen = f"{allowance.spender} may still pull {left}; a batch that sells the token sets it to zero"
        yield Finding("standing allowance", seen, 0)
    if not standing:
        yield Finding("allowances", "none stands", 0)


def _show(findings: tuple[Finding, ...]) -> None:
    from rebalancer.cli.show import show_table

    show_table("Check", ("", "what", "seen"), [("ok" if f.code == 0 else "NO", f.name, f.seen) for f in findings])
