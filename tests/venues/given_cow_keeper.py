"""A keeper by the replica's own time, with CoW Protocol in the competition, and everybody who does something to its
orders: the solver, the owners, and whoever replaces blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from cow_server import Cow
from given_venue_server import VenueServer
from given_venue_world import VenueWorld
from given_wallet import LIMITS, TOKENS, USDC, WETH, BlockClock
from small_market import OVER_TIME, POLICY

from rebalancer.adapters.lease.fake import FakeLease
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.adapters.notify.log import SilentNotifier
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.cow import RELAYER, SETTLEMENT, CowVenue
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.outside import AllOutside
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Back,
    Drawn,
    Intent,
    Order,
    Past,
    Policy,
    Target,
    Threshold,
    Width,
)
from rebalancer.intents import remembered
from rebalancer.keeper import run_once
from rebalancer.ports import Ports, Wallet
from rebalancer.replica.calls import encode_call
from rebalancer.tick import Mode, Report
from rebalancer.units import ONE, Token, Weight

HELD = {"WETH": 100 * 10**18, "WBTC": 5 * 10**8, "USDC": 200_000 * 10**6, "USDT": 10**11, "DAI": 10**23}
"""A million dollars: 30 %, 30 %, 20 %, 10 % and 10 %."""
ONE_PAIR = {"WETH": 25, "WBTC": 30, "USDC": 25, "USDT": 10, "DAI": 10}
TWO_PAIRS = {"WETH": 25, "WBTC": 25, "USDC": 30, "USDT": 10, "DAI": 10}
"""Targets in percent: what is sold is WETH, and then WBTC too; what is bought is USDC."""
BETTER = 10_050
"""What the order book says, in basis points of what the pools pay. What they do not pay the solver has."""
PATIENCE = 60.0
LIVE, DRY = Mode(live=True, patience=1), Mode(live=False, patience=0)
"""Anvil mines a moment after it has answered."""


class Killed(BaseException):
    """What no code of ours catches."""


class _Dying:
    """A wallet, one verb of which is the last."""

    def __init__(self, wallet: Wallet, step: str) -> None:
        self._wallet, self._step = wallet, step

    def __getattr__(self, name: str) -> Any:
        if name == self._step:
            raise Killed(name)
        return getattr(self._wallet, name)


def _share(percent: int) -> Weight:
    return Weight(percent * ONE // 100)


def a_policy() -> Policy:
    """Acts on a drift of four points, and goes back to the target."""
    widths = tuple(Width(token, _share(4), _share(100)) for token in TOKENS)
    return replace(
        POLICY,
        assets=TOKENS,
        cash=USDC,
        hubs=(WETH, USDC),
        trigger=Threshold(Drawn(widths, Back.TARGET)),
        tracking=replace(POLICY.tracking, volatilities=()),
        limits=LIMITS,
        over_time=OVER_TIME,
    )


@dataclass(slots=True)
class CowKeeper:
    """`ports` may be changed between two ticks."""

    world: VenueWorld
    book: Cow
    ports: Ports
    policy: Policy

    def tick(self, mode: Mode = LIVE) -> Report:
        return run_once(self.ports, self.policy, mode)

    @property
    def past(self) -> Past:
        return remembered(self.ports, self.policy)

    @property
    def intent(self) -> Intent:
        """The open one."""
        found = self.past.open_intent
        assert found is not None, "no intent is open"
        return found

    @property
    def orders(self) -> tuple[Order, ...]:
        """Of the open intent."""
        return self.intent.orders

    def fill(self, order: Order, more: int = 0) -> None:
        """A solver pays the limit and so many base units on top."""
        self.book.fill(order.uid, order.least.raw + more)

    def invalidate(self, order: Order) -> None:
        """The owners cancel it in the Safe's app."""
        data = encode_call("invalidateOrder(bytes)", bytes.fromhex(order.uid[2:]))
        self.world.replica.send(self.world.safe, SETTLEMENT, data)

    def unsign(self, order: Order, again: bool = False) -> None:
        """The owners take their signature back, or give it again."""
        data = encode_call("setPreSignature(bytes,bool)", bytes.fromhex(order.uid[2:]), again)
        self.world.replica.send(self.world.safe, SETTLEMENT, data)

    def expire(self, *orders: Order, final: bool = True) -> None:
        """Time goes by, and blocks."""
        replica = self.world.replica
        replica.warp(max(order.valid_to for order in orders) + 1 - replica.now())
        if final:
            replica.mine(FINAL_BLOCKS)

    def dearer(self, symbol: str, percent: int) -> None:
        """Feeds and pools alike."""
        replica = self.world.replica
        replica.move_market({symbol: replica.prices[symbol] * percent // 100})

    @contextmanager
    def killed_at(self, step: str) -> Iterator[None]:
        """The process dies when it comes to that verb of the wallet."""
        ports = self.ports
        self.ports = replace(ports, wallet=cast(Wallet, _Dying(ports.wallet, step)))
        try:
            yield
        finally:
            self.ports = ports

    def operators(self) -> tuple[str, ...]:
        """The hashes of all that it has sent and that was mined, oldest first."""
        rpc, found = self.world.replica.rpc, list[str]()
        for number in range(int(rpc.call("eth_blockNumber"), 16) + 1):
            for each in rpc.call("eth_getBlockByNumber", hex(number), True)["transactions"]:
                if each["from"].lower() == self.world.operator.lower():
                    found.append(each["hash"])
        return tuple(found)

    def allowance(self, token: Token) -> int:
        """What the relayer may pull from the Safe."""
        found = self.world.replica.read(token.address, "allowance(address,address)", self.world.safe, RELAYER)
        return int(found[0])

    def sent(self) -> int:
        """Transactions of the operator that were mined."""
        return int(self.world.replica.rpc.call("eth_getTransactionCount", self.world.operator, "latest"), 16)


@contextmanager
def a_cow_keeper(
    world: VenueWorld, folder: Path, percent: Mapping[str, int], price: int = BETTER
) -> Iterator[CowKeeper]:
    """`percent`: the targets."""
    replica, desk = world.replica, world.desk
    for symbol, raw in HELD.items():
        replica.deal(symbol, world.safe, raw)
    replica.deal("USDC", SETTLEMENT, 10**11)
    for account in (world.operator, world.safe):  # the Safe is made to act by itself, as if its owners had signed
        replica.deal("ETH", account, 10**19)
    book = Cow(world)
    book.price = price
    targets = tuple(Target(token, _share(percent[token.symbol])) for token in TOKENS)
    ledger = SqlLedger(f"sqlite:///{folder}/ledger.sqlite", Identity(1, world.safe, world.operator))
    with VenueServer(book) as server:
        ports = Ports(
            clock=BlockClock(replica),
            chain=desk.reader,
            targets=FixedTargets(targets),
            venues=(desk.venue,),
            outside=AllOutside((CowVenue(VenueHttp(server.url, Manners(0.0)), 1),), PATIENCE),
            wallet=desk.wallet,
            ledger=ledger,
            lease=FakeLease(),
            notifier=SilentNotifier(),
            requests=lambda: 0,
        )
        yield CowKeeper(world, book, ports, a_policy())
    ledger.close()
