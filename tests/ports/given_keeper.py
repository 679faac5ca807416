"""A keeper as a person sets it up, on the replica: a Safe off its targets, a key, a file, and the commands."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from given_node import Node, Reply
from given_wallet import PASSWORD, a_keystore

from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.cli import run
from rebalancer.config import write_example
from rebalancer.core.model import TickRecord
from rebalancer.replica.accounts import Actor
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

ROOT = Path(__file__).resolve().parents[2]
HOLDINGS = {
    "WETH": 40 * 10**18,
    "WBTC": 15 * 10**7,
    "USDC": 21_000 * 10**6,
    "LINK": 900 * 10**18,
    "UNI": 700 * 10**18,
}
"""Too much WETH and WBTC, too little of all else."""
ON_TARGET = {"WETH": 3_000, "WBTC": 2_500, "USDC": 2_000, "LINK": 1_500, "UNI": 1_000}
"""Basis points, as in the example configuration."""
HALT = TickRecord(1_700_000_000, 7, "Halt", "nonce 7 was used by 0xfeed", None, None, None, 1)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and all that it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both outputs, in which no command may leave a traceback."""
        assert "Traceback" not in self.out + self.err, self.err
        return self.out + self.err

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True, slots=True)
class Keeper:
    """A folder with a configuration, a keystore, its password and a ledger, and the Safe that they are about."""

    replica: Replica
    folder: Path
    wallet: Address
    operator: Actor
    module: Address | None = None

    @property
    def config(self) -> Path:
        return self.folder / "rebalancer.yaml"

    def command(self, *arguments: str) -> Done:
        """One command on this configuration, in this process. The replica's time is brought to the present first."""
        to_the_present(self.replica)
        return command(*arguments, "--config", str(self.config))

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """The same as a process of its own, begun."""
        to_the_present(self.replica)
        return started(*arguments, "--config", str(self.config))

    def edit(self, old: str, new: str) -> None:
        """Change the configuration; `old` must be there, or the test would try nothing."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def go_live(self) -> None:
        self.edit("live: false", "live: true")

    def rows(self) -> list[tuple[str, str]]:
        """(outcome, detail) of the ledger's ticks, oldest first."""
        return self.asked("SELECT outcome, detail FROM ticks ORDER BY id")

    def asked(self, question: str) -> list[Any]:
        """The ledger's own answer, asked behind the program's back."""
        with closing(sqlite3.connect(self.folder / "rebalancer.sqlite")) as connection:
            return connection.execute(question).fetchall()

    def sent(self) -> int:
        """Transactions of the operator that were mined."""
        return int(self.replica.rpc.call("eth_getTransactionCount", self.operator.address, "latest"), 16)

    def settled_once(self) -> bool:
        """The chain and the ledger agree that one batch was sent, and that it settled; nothing is half written."""
        whole = self.asked("PRAGMA integrity_check") == [("ok",)]
        landed = self.asked("SELECT i.number, l.reason FROM intents i JOIN landings l ON l.number = i.number")
        return (
            whole
            and landed == [(1, None)]
            and self.asked("SELECT count(*) FROM intents") == [(1,)]
            and (self.sent() == 1)
        )


def a_keeper(
    replica: Replica, folder: Path, keystore: Path, owners: tuple[str, ...] = (), threshold: int = 1
) -> Keeper:
    """A filled Safe of the operator (and of `owners`), with all files. `keystore` is copied: encrypting takes time."""
    operator = replica.actor("operator")
    wallet = replica.create_safe(owners or [operator.address], threshold)
    for symbol, raw in HOLDINGS.items():
        replica.deal(symbol, wallet, raw)
    private(folder / "operator.json", keystore.read_text())
    private(folder / "password", PASSWORD)
    keeper = Keeper(replica, folder, wallet, operator)
    write_example(keeper.config, wallet, operator.address, replica.url)
    at_once(keeper)
    return keeper


def at_once(keeper: Keeper) -> None:
    """Without a ramp, and without waiting for a block on top: the replica mines one for each transaction only."""
    keeper.edit("ramp: 5 % for 3 d", "ramp: off")
    keeper.edit("confirmations: 2", "confirmations: 1")


def halted(keeper: Keeper) -> None:
    ours = Identity(1, keeper.wallet, keeper.operator.address)
    ledger = SqlLedger(f"sqlite:///{keeper.folder}/rebalancer.sqlite", ours)
    ledger.record_tick(HALT)
    ledger.close()


def to_the_present(replica: Replica) -> None:
    """One block, now or later: what undoes a test takes anvil's clock back to the test's beginning."""
    now = int(time.time())
    if replica.now() < now:
        replica.rpc.call("evm_setNextBlockTimestamp", now)
    replica.mine()


def private(path: Path, text: str) -> Path:
    """A file that nobody else may read."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def a_key(replica: Replica, folder: Path, role: str = "operator") -> Path:
    """A keystore of a role's account, opened by PASSWORD."""
    return a_keystore(folder / f"{role}.json", replica.actor(role))


def bring_on_target(keeper: Keeper, dollars: int = 250_000) -> None:
    """The Safe's balances at exactly their targets."""
    replica = keeper.replica
    for symbol, share in ON_TARGET.items():
        unit = 10 ** replica.token(symbol).decimals
        replica.deal(symbol, keeper.wallet, dollars * 10**8 * share * unit // (10_000 * replica.prices[symbol]))


def command(*arguments: str) -> Done:
    """One command in this process: its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    return Done(code, out.getvalue(), err.getvalue())


def started(*arguments: str, script: str | None = None, **environment: str) -> subprocess.Popen[str]:
    """A command, or a script of scripts/, as a process of its own."""
    program = ["-m", "rebalancer"] if script is None else [str(ROOT / "scripts" / script)]
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        # A shell that starts the tests in the background lets them, and all their children, ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process: subprocess.Popen[str], within: float = 60) -> Done:
    """The process to its end."""
    out, err = process.communicate(timeout=within)
    return Done(process.returncode, out, err)


class Lines(logging.Handler):
    """Collects what is logged, by whomever, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record) + "\n"


class Gate:
    """A node in front of the replica that can keep a request back, before it is passed on or after."""

    def __init__(self, replica: Replica) -> None:
        self._url = replica.url
        self._session = requests.Session()
        self.method = ""
        self.after = False
        self.reached = threading.Event()
        self.open = threading.Event()
        self.node = Node(self._answer)

    def keep_back(self, method: str, after: bool = False) -> None:
        """From now on requests with `method` wait until `open`; `after`: the replica has them already."""
        self.method, self.after = method, after

    def close(self) -> None:
        self.open.set()
        self.node.close()
        self._session.close()

    def _answer(self, body: Any) -> Reply:
        calls = body if isinstance(body, list) else [body]
        kept = any(call["method"] == self.method for call in calls)
        if kept and not self.after:
            self.reached.set()
            self.open.wait(30)
            # Who asked has gone: what was kept back never reaches the chain.
            return Reply(b"", 502)
        answer = self._session.post(self._url, json=body, timeout=30).content
        if kept:
            self.reached.set()
            self.open.wait(30)
        return Reply(answer)
