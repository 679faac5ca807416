"""A keeper for the Safe on the fork: the configuration that `init` writes, changed, and ways to interrupt its tick."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from given_fork import Stage

from rebalancer.config import Settings, read_settings, write_example
from rebalancer.core.model import (
    Batch,
    Block,
    Commitment,
    Fees,
    Intent,
    Landing,
    Purpose,
    Quote,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
)
from rebalancer.intents import remembered
from rebalancer.keeper import run_once
from rebalancer.ports import Ports, Wallet
from rebalancer.tick import Mode, Report
from rebalancer.wire import make_ports


@dataclass(frozen=True)
class Keeper:
    """A keeper with its own folder: configuration, ledger, and, unless it was left out, the operator's key."""

    path: Path

    @property
    def settings(self) -> Settings:
        return read_settings(self.path, {"XDG_STATE_HOME": str(self.path.parent)})

    def ports(self) -> Ports:
        """New ones, as a new process has them."""
        return make_ports(self.settings)

    def open_intent(self) -> Intent | None:
        """As a new process finds it in the ledger."""
        return remembered(self.ports(), self.settings.policy).open_intent

    def tick(self, live: bool, ports: Ports | None = None) -> Report:
        settings = self.settings
        mode = Mode(live, settings.patience)
        return run_once(ports or make_ports(settings), settings.policy, mode)


Edit = Callable[[dict[str, Any]], None]
"""Changes a configuration, as the mappings that the file holds."""


def a_keeper(stage: Stage, folder: Path, *edits: Edit, with_key: bool = True) -> Keeper:
    """The configuration that `init` writes, live, and with `edits`."""
    path = folder / "rebalancer.yaml"
    write_example(path, stage.safe.address, stage.operator, stage.fork.url)
    content = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # all of it as text, as the keeper reads it
    content["live"] = "true"
    # The fork mines a block for each transaction, and none on top.
    content["execution"]["confirmations"], content["safety"]["ramp"] = "1", "off"
    for edit in edits:
        edit(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    if with_key:
        for name in ("operator.json", "password"):
            shutil.copy2(stage.keys / name, folder / name)
    return Keeper(path)


def with_targets(targets: Mapping[str, int], cash: str) -> Edit:
    """Other weights, in percent; tokens that are not named have none."""

    def edit(content: dict[str, Any]) -> None:
        for symbol, token in content["tokens"].items():
            token.pop("target", None)
            if symbol in targets:
                token["target"] = f"{targets[symbol]} %"
        content["cash"] = cash

    return edit


def with_pools(*pools: str) -> Edit:
    """Other pools."""

    def edit(content: dict[str, Any]) -> None:
        content["venues"]["uniswap"]["pools"] = list(pools)

    return edit


def with_value(section: str, key: str, value: str) -> Edit:
    """One other value."""

    def edit(content: dict[str, Any]) -> None:
        content[section][key] = value

    return edit


class InterruptedWallet:
    """A wallet with something that happens around the sending of a batch. All else is the wallet's own."""

    def __init__(self, wallet: Wallet, before: Callable[[], None] | None, after: Callable[[], None] | None) -> None:
        self.address, self.operator = wallet.address, wallet.operator
        self._wallet, self._before, self._after = wallet, before, after

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        return self._wallet.build(quotes, snapshot, deadline)

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        return self._wallet.simulate(batch, snapshot)

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        return self._wallet.commit(batch, simulation, snapshot, instead_of)

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        return self._wallet.stands(block, block_hash, last_block)

    def execute(self, intent: Intent) -> None:
        if self._before is not None:
            self._before()
        self._wallet.execute(intent)
        if self._after is not None:
            self._after()

    def gas_now(self) -> Block:
        return self._wallet.gas_now()

    def rehearse(self, intent: Intent) -> str | None:
        return self._wallet.rehearse(intent)

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        return self._wallet.replace(intent, purpose, fees)

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        return self._wallet.land(intent, patience, last_block)


class Killed(BaseException):
    """The process ends here: nothing of ours may catch it."""


def die() -> None:
    raise Killed
