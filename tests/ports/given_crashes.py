"""A live keeper whose ticks are processes that are killed, and the world that they find when they come back.

`Lab` makes one world after the other on one replica; `World` runs ticks in it, and does what the network does.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from crash_process import Process, Ran
from crash_records import Open, Records
from given_keeper import HOLDINGS, Keeper, a_keeper, a_key, to_the_present
from given_modules import a_module_keeper, a_moving_keeper

from rebalancer.adapters.chain.codec import hex_bytes
from rebalancer.adapters.wallets.module_abi import STATE, decode_state
from rebalancer.core.model import FINAL_BLOCKS
from rebalancer.replica.chain import Replica

SAFE, MODULE, MOVING = "safe", "safe-module", "safe-module with moving targets"
SPREAD = 5
"""Percent: how far the holdings of a world are from those of another, at most, up or down."""
EDITS = (
    ("live: false", "live: true"),
    ("replace_after: 3 min", "replace_after: 1 min"),
    ("deadline: 5 min", "deadline: 15 min"),
    ("max_block_age: 2 min", "max_block_age: 1 h"),
)
"""What a machine that is busy with much else needs: none of it is about being killed."""


@dataclass(slots=True)
class World:
    """A keeper off its targets, whose ledger and node nobody else knows."""

    keeper: Keeper
    url: str
    hosts: tuple[Path, ...]
    """State folders: a lock of one is not seen from another."""
    rng: random.Random
    dealt: dict[str, int]
    first_block: int
    first_nonce: int
    first_batch: int
    records: Records
    ran: list[Ran] = field(default_factory=list)
    happened: set[str] = field(default_factory=set)
    """What a scene has done, so that it does it once."""
    off: list[int] = field(default_factory=lambda: [0, 0])
    """Seconds that the clock of each host is ahead of the true time."""
    most_bytes: int = 0
    """To which a file may grow; 0: as it likes."""
    settles: int = 1
    """How many intents are to settle: a rebalance, and where targets move, those before it."""

    @property
    def replica(self) -> Replica:
        return self.keeper.replica

    @property
    def token(self) -> Path:
        """Made by the one that was killed at a step."""
        return self.keeper.folder / "killed"

    def start(self, stop: str = "", host: int = 0) -> Process:
        plan: dict[str, object] = {"stop": stop, "token": str(self.token), "most_bytes": self.most_bytes}
        plan["ahead"] = self.ahead() + self.off[host]
        return Process(self.keeper.config, self.hosts[host], plan)

    def tick(self, stop: str = "") -> Ran:
        return self.done(self.start(stop, self.rng.randrange(len(self.hosts))))

    def done(self, process: Process) -> Ran:
        ran = process.end()
        self.ran.append(ran)
        return ran

    def ahead(self) -> int:
        """Seconds that the chain's time is ahead of this machine's."""
        pending = self.replica.rpc.call("eth_getBlockByNumber", "pending", False)
        return max(0, int(pending["timestamp"], 16) - int(time.time()))

    def now(self) -> int:
        """As the keeper takes it."""
        return int(time.time()) + self.ahead()

    def once(self, what: str) -> bool:
        """Whether it has not happened yet; from now on it has."""
        fresh = what not in self.happened
        self.happened.add(what)
        return fresh

    def sent(self) -> int:
        """Transactions of the operator that were mined in this world."""
        return self.keeper.sent() - self.first_nonce

    def pooled(self) -> dict[int, str]:
        """The hashes of the operator's transactions that wait to be mined, by nonce."""
        pool = self.replica.rpc.call("txpool_content")
        found: dict[int, str] = {}
        for waiting in (pool["pending"], pool["queued"]):
            for sender, by_nonce in waiting.items():
                if sender.lower() == self.keeper.operator.address.lower():
                    found |= {int(nonce): str(each["hash"]).lower() for nonce, each in by_nonce.items()}
        return found

    def open(self) -> Open | None:
        return self.records.open_intent()

    def mine(self) -> None:
        """What waits, and what wants it mined at once is not there."""
        self.replica.mine()

    def make_final(self) -> None:
        """What has landed is final, and the keeper free to trade again."""
        self.replica.mine(FINAL_BLOCKS)

    def drop(self) -> None:
        """The network forgets what waits."""
        for digest in self.pooled().values():
            self.replica.rpc.call("anvil_dropTransaction", digest)

    def pass_by(self, seconds: int) -> None:
        """An empty block, that much later; what waits goes on waiting."""
        call, waiting = self.replica.rpc.call, self.pooled()
        raw = [call("eth_getRawTransactionByHash", waiting[nonce]) for nonce in sorted(waiting)]
        self.drop()
        self.replica.warp(seconds)
        for each in raw:
            call("eth_sendRawTransaction", each)

    def take_back(self, block: int, raw: str | None) -> None:
        """Other blocks from `block` to the head; `raw` is mined in the first of them again."""
        depth = int(self.replica.rpc.call("eth_blockNumber"), 16) - block + 1
        self.replica.rpc.call("anvil_reorg", depth, [] if raw is None else [[raw, 0]])
        self.replica.mine()


@dataclass(frozen=True, slots=True)
class Node:
    """`automine`: what is sent is mined at once. `confirmations`: blocks until the keeper calls it settled."""

    automine: bool
    confirmations: int = 1


AT_ONCE = Node(automine=True)
NEVER = Node(automine=False)
"""Unless somebody mines a block."""


_KINDS: tuple[tuple[str, Callable[[Replica, Path, Path], Keeper]], ...] = (
    (SAFE, a_keeper),
    (MODULE, a_module_keeper),
    (MOVING, a_moving_keeper),
)


class Lab:
    """A replica with a keeper of each kind, on which worlds are made. Start it in a thread that lives as long as it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.replica = Replica.start()
        key = a_key(self.replica, folder)
        self._keepers = {kind: make(self.replica, _made(folder / kind), key) for kind, make in _KINDS}
        for keeper in self._keepers.values():
            for old, new in EDITS:
                keeper.edit(old, new)
        self._worlds = 0

    def close(self) -> None:
        self.replica.close()

    @contextmanager
    def world(
        self, kind: str, node: Node, rng: random.Random, new_database: Callable[[], str] | None = None
    ) -> Iterator[World]:
        """Gone at the exit. With `new_database` its ledger is on a server, and it has two hosts."""
        self._worlds += 1
        base, folder = self._keepers[kind], self._folder / str(self._worlds)
        shutil.copytree(base.folder, folder)
        keeper = replace(base, folder=folder)
        keeper.edit("patience: 90 s", "patience: 20 s" if node == AT_ONCE else "patience: 1 s")
        keeper.edit("confirmations: 1", f"confirmations: {node.confirmations}")
        url = f"sqlite:///{folder}/rebalancer.sqlite"
        if new_database is not None:
            url = new_database()
            keeper.edit("ledger: rebalancer.sqlite ", f'ledger: "{url}" ')
        hosts = tuple(_made(folder / name) for name in (("one", "two") if new_database else ("one",)))
        with self.replica.scratch():
            dealt = self._deal(keeper, rng)
            to_the_present(self.replica)
            self.replica.rpc.call("evm_setAutomine", node.automine)
            try:
                with closing(Records(url)) as records:
                    first = int(self.replica.rpc.call("eth_blockNumber"), 16)
                    nonces = keeper.sent(), batches(keeper)
                    settles = 2 if kind == MOVING else 1
                    yield World(keeper, url, hosts, rng, dealt, first, *nonces, records, settles=settles)
            finally:
                self.replica.rpc.call("evm_setAutomine", True)
        shutil.rmtree(folder)

    def _deal(self, keeper: Keeper, rng: random.Random) -> dict[str, int]:
        dealt = {symbol: raw * rng.randint(100 - SPREAD, 100 + SPREAD) // 100 for symbol, raw in HOLDINGS.items()}
        for symbol, raw in dealt.items():
            self.replica.deal(symbol, keeper.wallet, raw)
        return dealt


def batches(keeper: Keeper) -> int:
    """How many it has executed, as the Safe counts, or its module."""
    if keeper.module is None:
        return int(keeper.replica.read(keeper.wallet, "nonce()")[0])
    answer = keeper.replica.rpc.call("eth_call", {"to": keeper.module, "data": "0x" + STATE.hex()}, "latest")
    return decode_state(hex_bytes(answer), "state()").nonce


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
