"""`demo`: the main job, whole and real, on the replica: a Safe off its targets goes in, a settled batch comes out.

It walks the steps of a first user: an operator account, the owners' Safe, a configuration, the module that it
describes, one live tick, and another one right after, which has nothing to do. Then the operator's key is stolen.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rebalancer.cli.as_json import emit, weight_bps
from rebalancer.cli.stolen_key import Attack, safe_call, steal
from rebalancer.config import Settings, read_settings, write_example
from rebalancer.core.cost import cost_bps
from rebalancer.core.drift import max_drift
from rebalancer.core.model import Block, ModuleWallet, Portfolio, Settled, Snapshot
from rebalancer.core.render import outcome_words
from rebalancer.keeper import run_once
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Chain, Ports
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica
from rebalancer.tick import Mode, Report
from rebalancer.wire import create_operator, make_ports, module_init_code

HOLDINGS = {
    "WETH": 40 * 10**18,
    "WBTC": 15 * 10**7,
    "USDC": 21_000 * 10**6,
    "LINK": 900 * 10**18,
    "UNI": 700 * 10**18,
}
"""What the Safe starts with: too much WETH and WBTC, too little of all else."""
GAS_MONEY = 10**18
AT_ONCE = {"live: false": "live: true", "ramp: 5 % for 3 d": "ramp: off", "confirmations: 2": "confirmations: 1"}
"""The whole rebalance in one tick: the replica mines a block for each transaction, and none on top."""
MAINNET = 1
"""The replica's chain id too."""


class CountedChain:
    """A chain port that counts the HTTP requests of its reads."""

    def __init__(self, ports: Ports) -> None:
        self.requests = 0
        self._chain: Chain = ports.chain
        self._sent = ports.requests

    def head(self) -> Block:
        return self._chain.head()

    def read(self, last_block: int = 0) -> Snapshot:
        before = self._sent()
        snapshot = self._chain.read(last_block)
        self.requests += self._sent() - before
        return snapshot

    def confirm(self, snapshot: Snapshot) -> None:
        self._chain.confirm(snapshot)

    def read_ticks(self, snapshot: Snapshot, need: MoreTicks) -> Snapshot:
        before = self._sent()
        wider = self._chain.read_ticks(snapshot, need)
        self.requests += self._sent() - before
        return wider


def run_demo(as_json: bool) -> int:
    """Exit 0 where the first tick settled, the second held, and none of the stolen key's three attempts succeeded."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rebalancer-demo-") as folder:
        _say("starting anvil with real contracts at mainnet's addresses")
        with Replica.start() as replica:
            _say(f"replica at {replica.url}: {len(replica.pools)} pools, {len(replica.tokens)} tokens")
            settings = _set_stage(replica, Path(folder))
            _say("first tick: read, decide, simulate, send, settle")
            first, reads = _tick(settings)
            if not as_json:
                _show(first)
            _say("second tick, right after")
            second, _ = _tick(settings)
            if not as_json:
                _show(second)
            _say("a day later WETH costs a fifth more, and a thief has the operator's key")
            attacks = steal(replica, _wallet_of(second))
    figures = _figures(first, second) | {
        "read_requests": reads,
        "attacks": [{"name": attack.name, "refused_by": attack.refused_by} for attack in attacks],
        "wall_s": round(time.monotonic() - started, 2),
    }
    if as_json:
        emit(figures)
    else:
        _summary(figures, attacks)
    as_promised = all(attack.refused_by for attack in attacks)
    return 0 if as_promised and (figures["outcome"], figures["second_outcome"]) == ("settled", "held") else 1


def _set_stage(replica: Replica, folder: Path) -> Settings:
    # The password never leaves this folder, which is gone when the demo ends.
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24))
    operator = create_operator(folder / "operator.json", password_file.read_text(), MAINNET)
    _say(f"operator account {operator}, its key encrypted on disk")
    replica.deal("ETH", operator, GAS_MONEY)
    owner, guardian = replica.actor("owner").address, replica.actor("guardian").address
    wallet = replica.create_safe([owner])
    for symbol, raw in HOLDINGS.items():
        replica.deal(symbol, wallet, raw)
    _say(f"the owners' Safe 1.4.1 at {wallet}, filled off its targets")
    config = folder / "rebalancer.yaml"
    write_example(config, wallet, operator, replica.url, "")
    text = config.read_text()
    for shown, wanted in {**AT_ONCE, '# guardian: "0x…"': f'guardian: "{guardian}"'}.items():
        text = text.replace(shown, wanted)
    config.write_text(text)
    module = replica.deploy(module_init_code(read_settings(config)))
    replica.send(owner, wallet, safe_call(wallet, owner, wallet, encode_call("enableModule(address)", module)))
    config.write_text(config.read_text().replace("  module:  ", f"  module: {module}  "))
    _say(f"RebalanceModule at {module}, its policy from the configuration, enabled by the owners")
    # The lock too goes into this folder: two demos at once are about two chains, though the wallet's address is one.
    return replace(read_settings(config), state=folder)


def _tick(settings: Settings) -> tuple[Report, int]:
    ports = make_ports(settings)
    chain = CountedChain(ports)
    counted = replace(ports, chain=chain)
    report = run_once(counted, settings.policy, Mode(settings.live, settings.patience))
    return report, chain.requests


def _wallet_of(report: Report) -> ModuleWallet:
    wallet = None if report.snapshot is None else report.snapshot.wallet
    assert isinstance(wallet, ModuleWallet), "the demo's configuration is of kind safe-module"
    return wallet


def _figures(first: Report, second: Report) -> dict[str, Any]:
    found: dict[str, Any] = {
        "outcome": outcome_words(first.outcome)[0],
        "tx": None,
        "drift_before_bps": _drift_bps(first.portfolio),
        "drift_after_bps": _drift_bps(second.portfolio),
        "second_outcome": outcome_words(second.outcome)[0],
    }
    if isinstance(first.outcome, Settled):
        settlement = first.outcome.settlement
        found |= {
            "tx": settlement.tx,
            "cost_bps": cost_bps(settlement.cost),
            "expected_cost_bps": cost_bps(first.outcome.expected),
            "gas_used": settlement.gas_used,
        }
    return found


def _drift_bps(portfolio: Portfolio | None) -> int | None:
    return None if portfolio is None else abs(weight_bps(max_drift(portfolio)))


def _say(words: str) -> None:
    sys.stderr.write(f"--> {words}\n")
    sys.stderr.flush()


def _show(report: Report) -> None:
    from rebalancer.cli.show import show_report

    show_report(report)


def _summary(figures: dict[str, Any], attacks: tuple[Attack, ...]) -> None:
    from rebalancer.cli.show import show_table

    rows = [(attack.name, attack.refused_by or "NOBODY") for attack in attacks]
    show_table("The stolen key", ("what the thief tries", "refused by"), rows)
    print(
        f"Largest drift {figures['drift_before_bps']} bps before, {figures['drift_after_bps']} bps after; "
        f"cost {figures.get('cost_bps')} bps of the value traded, {figures.get('expected_cost_bps')} expected; "
        f"{figures['read_requests']} read request, {figures['wall_s']} s in all."
    )
