"""A keeper whose live tick asks one venue, the venue itself on a real socket, and all that is to be seen afterwards."""

from __future__ import annotations

import shutil
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import kyber_server
import odos_server
import one_inch_server
import velora_server
import zero_x_server
from given_keeper import Done, Keeper, a_keeper, a_key, bring_on_target
from given_venue_server import Answer, VenueServer
from given_venue_world import EXECUTOR, Found, VenueWorld, a_venue_world

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Snapshot
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

STRANGER = Address("0x00000000000000000000000000000000badc0ffE")
"""Who is to gain by what a venue does."""
KEYED = ("one_inch", "zero_x", "odos")
KEY_NAME = "REBALANCER_TEST_VENUE_KEY"
DEEP = "v3 USDC/WETH 0.05 %"
"""The pool that the keeper's own router does not know, so that an honest venue pays more."""
ROUTERS: Mapping[str, Address] = {
    "one_inch": one_inch_server.ROUTER,
    "zero_x": zero_x_server.ROUTER,
    "velora": velora_server.ROUTER,
    "kyber": kyber_server.ROUTER,
    "odos": odos_server.ROUTER,
}
CONTRACTS: Mapping[Address, str] = {
    **one_inch_server.ROUTERS,
    **zero_x_server.ROUTERS,
    velora_server.ROUTER: "AugustusRouter",
    kyber_server.ROUTER: "KyberRouter",
    odos_server.ROUTER: "OdosRouter",
}
OTHERS: Mapping[Address, str] = {**one_inch_server.OTHERS, **zero_x_server.OTHERS, EXECUTOR: "SwapExecutor"}
EXECUTORS: Mapping[str, Address] = {"one_inch": one_inch_server.EXECUTOR}
"""Of the others it is EXECUTOR, or for 0x the Settler."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A tick that is over. `answers`: (who, why not) as the ledger has them; `inputs`: what the operator has sent."""

    done: Done
    seconds: float
    answers: tuple[tuple[str, str | None], ...]
    quoted: tuple[str, ...]
    inputs: tuple[bytes, ...]
    peak: int
    """Bytes of memory that the tick had at once, where it was weighed."""


@dataclass(slots=True)
class Stage:
    """One of them for a whole module: `asks` sets it anew. What a test does to the chain is undone by who gives it."""

    keeper: Keeper
    world: VenueWorld
    config: str
    route: Callable[[Found], Found] = lambda found: found
    memory: Snapshot | None = None
    """Where there is one, the venue knows the pools as they were then."""
    begun: int = 0

    @property
    def replica(self) -> Replica:
        """The chain."""
        return self.world.replica

    @property
    def folder(self) -> Path:
        """Of the keeper."""
        return self.keeper.folder

    def best(self, sell: str, amount: int, buy: str, receiver: str) -> Found | None:
        """The route that the venue goes by."""
        found = self.world.best_in(self.memory or self.world.snapshot(), sell, amount, buy, receiver)
        return None if found is None else self.route(found)

    def server_of(self, venue: str) -> Answer:
        """Its API, behaving well."""
        return {
            "one_inch": lambda: one_inch_server.OneInchServer(self.best),
            "zero_x": lambda: zero_x_server.ZeroXServer(self.best, self.replica.now),
            "velora": lambda: velora_server.VeloraApi(self.best),
            "kyber": lambda: kyber_server.KyberApi(self.best),
            "odos": lambda: odos_server.Odos(self),
        }[venue]()

    def asks(self, servers: Mapping[str, VenueServer]) -> None:
        """The keeper asks these, and nobody else; nothing is remembered of the test before."""
        (self.folder / "rebalancer.yaml").write_text(self.config)
        for name in ("rebalancer.sqlite", "rebalancer.sqlite-wal", "rebalancer.sqlite-shm"):
            (self.folder / name).unlink(missing_ok=True)
        keyed = dict.fromkeys(KEYED, f', key: "${{{KEY_NAME}}}"')
        asked = [f'  {name}: {{url: "{one.url}"{keyed.get(name, "")}}}' for name, one in servers.items()]
        self.keeper.edit("venues:\n", "\n".join(["venues:", *asked, ""]))
        self.route, self.memory = (lambda found: found), None
        self.begun = int(self.replica.rpc.call("eth_blockNumber"), 16)

    def sells_two_tokens(self) -> None:
        """There is too much WBTC as well: who answers for the whole plan is asked for that."""
        for symbol, percent in (("WBTC", 120), ("USDC", 50)):
            self.replica.deal(
                symbol, self.keeper.wallet, self.replica.balance(symbol, self.keeper.wallet) * percent // 100
            )

    def ticks(self, weigh: bool = False, live: bool = True) -> Seen:
        """One tick by the command line."""
        if weigh:
            tracemalloc.start()
        start = time.monotonic()
        done = self.keeper.command("run", "--json", *(("--live",) if live else ()))
        seconds = time.monotonic() - start
        peak = tracemalloc.get_traced_memory()[1] if weigh else 0
        tracemalloc.stop()
        return Seen(
            done=done,
            seconds=seconds,
            answers=tuple(self.keeper.asked("SELECT venue, refused FROM answers ORDER BY tick, place")),
            quoted=tuple(venue for (venue,) in self.keeper.asked("SELECT DISTINCT venue FROM quotes")),
            inputs=self._sent(),
            peak=peak,
        )

    def _sent(self) -> tuple[bytes, ...]:
        """Of all transactions of the operator since the stage was set."""
        rpc, operator = self.replica.rpc, self.keeper.operator.address.lower()
        newest = int(rpc.call("eth_blockNumber"), 16)
        blocks = [rpc.call("eth_getBlockByNumber", hex(n), True) for n in range(self.begun + 1, newest + 1)]
        found = [one for block in blocks for one in block["transactions"] if one["from"] == operator]
        return tuple(bytes.fromhex(one["input"][2:]) for one in found)

    def words(self) -> str:
        """All that the keeper has written down: its ledger, and what lies beside."""
        given = ("operator.json", "password", "rebalancer.yaml")
        files = [path for path in self.folder.iterdir() if path.name not in given]
        assert files
        return "".join(path.read_bytes().decode("latin-1") for path in files)


def a_stage(replica: Replica, signer: KeystoreSigner, folder: Path) -> Stage:
    """All five venues' contracts on the chain, and a keeper with too much WETH and too little USDC."""
    world = a_venue_world(replica, signer, CONTRACTS, OTHERS)
    zero_x_server.registered(replica)
    (folder / "keys").mkdir()
    # Another Safe than the world's, which has the same operator.
    owners = (replica.actor("operator").address, replica.actor("owner").address)
    keeper = a_keeper(replica, folder, a_key(replica, folder / "keys"), owners)
    shutil.rmtree(folder / "keys")
    bring_on_target(keeper)
    for symbol, percent in (("WETH", 130), ("USDC", 55)):
        replica.deal(symbol, keeper.wallet, replica.balance(symbol, keeper.wallet) * percent // 100)
    replica.deal("ETH", keeper.wallet, 10**18)  # so that it can be made to act by itself
    keeper.edit(f"      - {DEEP}\n", "")
    keeper.go_live()
    return Stage(keeper, world, keeper.config.read_text())
