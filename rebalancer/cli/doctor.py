"""`check`: everything that a tick rests on, looked at one by one. Sends nothing, records nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rebalancer.config import Settings, read_settings
from rebalancer.core.drift import portfolio_of
from rebalancer.core.errors import RebalancerError
from rebalancer.core.guard import guard_account, guard_snapshot
from rebalancer.core.model import Snapshot
from rebalancer.core.render import amount, money
from rebalancer.ports import Ports
from rebalancer.wire import make_ports, make_signer


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `code` is the exit code it asks for; 0 is well."""

    name: str
    seen: str
    code: int


def run_checks(config: Path, as_json: bool) -> int:
    """The first trouble's exit code, or 0."""
    settings = read_settings(config)
    findings = tuple(_findings(settings, make_ports(settings)))
    if as_json:
        from rebalancer.cli.as_json import emit

        rows = [{"check": f.name, "ok": f.code == 0, "seen": f.seen} for f in findings]
        emit({"ok": all(f.code == 0 for f in findings), "checks": rows})
    else:
        _show(findings)
    return next((f.code for f in findings if f.code), 0)


def _findings(settings: Settings, ports: Ports) -> Iterator[Finding]:
    yield Finding(
        "configuration", f"{settings.path}: {len(settings.policy.assets)} assets, {len(settings.pools)} pools", 0
    )
    yield _tried("ledger", lambda: f"{len(ports.ledger.history(1)) or 'no'} tick on record")
    yield _tried("operator key", lambda: f"opens, and is {make_signer(settings).unlock()}")
    try:
        snapshot = ports.chain.read()
    except RebalancerError as error:
        yield Finding("one snapshot", str(error), error.exit_code)
        return
    yield Finding("one snapshot", f"block {snapshot.block.number} in {ports.requests()} request", 0)
    yield from _prices(snapshot)
    yield from _guards(settings, ports, snapshot)
    yield from _allowances(snapshot)


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, look(), 0)
    except RebalancerError as error:
        return Finding(name, str(error), error.exit_code)


def _prices(snapshot: Snapshot) -> Iterator[Finding]:
    for price in snapshot.prices:
        age = snapshot.block.timestamp - price.updated_at
        yield Finding(f"price of {price.token}", f"{money(price.usd)}, {age} s old", 0)


def _guards(settings: Settings, ports: Ports, snapshot: Snapshot) -> Iterator[Finding]:
    policy = settings.policy
    breaches = guard_snapshot(policy, snapshot) + guard_account(policy, snapshot, ports.wallet.operator)
    for breach in breaches:
        yield Finding(breach.rule.replace("_", " "), f"{breach.observed}; allowed: {breach.allowed}", 4)
    if not breaches:
        yield Finding("guards", "pools agree with the oracle; the operator may act and can pay", 0)
    portfolio = _tried("portfolio", lambda: money(portfolio_of(policy.assets, settings.targets, snapshot).value))
    yield portfolio


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
