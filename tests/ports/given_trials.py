"""One fault and a live keeper that is off its targets: what leads to it, its ticks, and how they must end.

Every tick is made of new parts on the same files, as a process of its own would be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from given_faults import Fault, Proxy
from given_keeper import Keeper

from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.config import Settings
from rebalancer.core.errors import RebalancerError
from rebalancer.core.render import outcome_words
from rebalancer.keeper import resume, run_once
from rebalancer.ports import Ports
from rebalancer.replica.chain import Replica
from rebalancer.tick import Mode
from rebalancer.wire import make_ports

TIMEOUT = 2.0
"""Seconds to an answer, here: a node on this machine takes milliseconds, and many faults are about this limit."""
HUNG = 60.0
"""Seconds. What a tick may lose to endpoints is half of this, and it waits for its own transaction for two."""
PATIENCE = 2


def nothing(world: World) -> None:
    """No step."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, what leads to it, and how it must end."""

    name: str
    fault: Fault | Callable[[World], Fault]
    """Some depend on where the chain stands."""
    ends: tuple[str, ...]
    """The words of the ticks, one after the other: of `under` ticks while it lasts, of the rest when it is over."""
    saying: str
    """Stands in the detail of the last tick under the fault."""
    under: int = 1
    before: Callable[[World], None] = nothing
    meanwhile: Callable[[World], None] = nothing
    """When the ticks under the fault are done, and the fault is over."""
    quorum: int = 1
    """Nodes that must agree."""
    spare: bool = False
    """Whether the keeper knows a second node, which is honest: always so with a quorum."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a tick ended: a lower-case word or the name of an error, and what it said."""

    word: str
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one trial. `wrong` are trades that should not be, or are not known, each in words."""

    name: str
    ends: tuple[Ended, ...]
    struck: int
    wrong: tuple[str, ...]
    hung: bool
    strange: str | None
    """Where it did not end as named: what was seen instead."""

    @property
    def slowest(self) -> float:
        return max(ended.seconds for ended in self.ends)


@dataclass(slots=True)
class World:
    """A keeper, the nodes that it knows, and the true chain behind them."""

    keeper: Keeper
    proxy: Proxy
    settings: Settings
    ends: list[Ended] = field(default_factory=list)
    own: set[str] = field(default_factory=set)
    """Transactions that a case has sent with the operator's key, out of the keeper's sight."""
    mark: str = ""
    """Of the replica, where a case goes back to."""

    @property
    def replica(self) -> Replica:
        return self.keeper.replica

    def head(self) -> int:
        return int(self.replica.rpc.call("eth_blockNumber"), 16)

    def tick(self, live: bool = True) -> Ended:
        """One tick, or what is known of it when it has hung."""
        found: list[tuple[str, str]] = []
        thread = threading.Thread(target=lambda: found.append(_tick(self.settings, live)), daemon=True)
        started = time.monotonic()
        thread.start()
        thread.join(HUNG)
        word = "hung" if thread.is_alive() else "crashed"
        ended = Ended(*(found[0] if found else (word, "")), time.monotonic() - started)
        self.ends.append(ended)
        return ended

    def resume(self) -> None:
        """A person has looked, and the node is well again."""
        resume(make_ports(self.settings), self.settings.policy, "the node had gone wrong")

    def automine(self, on: bool) -> None:
        self.replica.rpc.call("evm_setAutomine", on)


def _tick(settings: Settings, live: bool) -> tuple[str, str]:
    ports = make_ports(settings)
    _hurry(ports)
    try:
        report = run_once(ports, settings.policy, Mode(live, PATIENCE))
    except RebalancerError as error:
        return error.kind, str(error)
    return outcome_words(report.outcome)


def _hurry(ports: Ports) -> None:
    assert isinstance(ports.chain, ChainReader)
    for link in ports.chain._rpc._links:
        link._timeout = TIMEOUT
