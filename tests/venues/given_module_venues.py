"""Venues whose routers a RebalanceModule's policy lists, each with the RouteCheck of its listing in scripts/routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import kyber_server
import odos_server
import one_inch_server
import velora_server
import zero_x_server
from given_modules import a_module_desk, a_wanted_module
from given_venue_server import KEY, Answer
from given_venue_world import EXECUTOR, VenueWorld, place

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues import kyber, odos, one_inch, velora, zero_x
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.outside import OutsideVenue
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model.module import ModuleRoute
from rebalancer.replica.chain import Replica
from rebalancer.units import Address
from scripts._owners.listing import ROUTES, Listing, read_listing

ALONE: Mapping[Address, str] = {}
NOT_GIVEN: Mapping[str, Address] = {}


@dataclass(frozen=True, slots=True)
class Listed:
    """A venue: the mock of its router, what that needs besides, its server over a world, and who asks it."""

    name: str
    listing: str
    router: Address
    mock: str
    answer: Callable[[VenueWorld], Answer]
    venue: Callable[[VenueHttp, VenueWorld], OutsideVenue]
    others: Mapping[Address, str] = field(default_factory=lambda: ALONE)
    given: Mapping[str, Address] = field(default_factory=lambda: NOT_GIVEN)
    header: str | None = None

    def read(self) -> Listing:
        """What its RouteCheck is deployed with."""
        return read_listing(ROUTES / f"{self.listing}.json", self.given)

    def asked_at(self, url: str, world: VenueWorld) -> OutsideVenue:
        """Without its rate limit."""
        return self.venue(VenueHttp(url, Manners(0.0, self.header), KEY if self.header else None), world)

    def section(self, url: str) -> str:
        """Its line in a configuration."""
        key = ', key: "${VENUE_KEY}"' if self.header else ""
        return f'  {self.name}: {{url: "{url}"{key}}}\n'


def _zero_x(http: VenueHttp, world: VenueWorld) -> OutsideVenue:
    registry = zero_x.SettlerRegistry(Rpc(world.replica.url))
    return zero_x.ZeroXVenue(http, 1, zero_x.ROUTER, registry)


def _zero_x_answer(world: VenueWorld) -> Answer:
    zero_x_server.registered(world.replica)
    return zero_x_server.ZeroXServer(world.best, world.replica.now)


LISTED = (
    Listed(
        "zero_x",
        "zero_x_exec",
        zero_x.ROUTER,
        "AllowanceHolder",
        _zero_x_answer,
        _zero_x,
        zero_x_server.OTHERS,
        {"SETTLER": zero_x_server.SETTLER},
        zero_x.MANNERS.header,
    ),
    Listed(
        "one_inch",
        "one_inch_swap",
        one_inch.ROUTER,
        "OneInchRouter",
        lambda world: one_inch_server.OneInchServer(world.best),
        lambda http, _: one_inch.OneInchVenue(http, 1, one_inch.ROUTER),
        one_inch_server.OTHERS,
        header=one_inch.MANNERS.header,
    ),
    Listed(
        "velora",
        "velora_swap_exact_amount_in",
        velora.ROUTER,
        "AugustusRouter",
        lambda world: velora_server.VeloraApi(world.best),
        lambda http, _: velora.VeloraVenue(http, 1, velora.ROUTER),
    ),
    Listed(
        "odos",
        "odos_swap",
        odos.ROUTER,
        "OdosRouter",
        odos_server.Odos,
        lambda http, _: odos.OdosVenue(http, 1, odos.ROUTER, answers_whole=False),
    ),
)
KYBER = Listed(
    "kyber",
    "kyber_swap_opaque",
    kyber.ROUTER,
    "KyberRouter",
    lambda world: kyber_server.KyberApi(world.best),
    lambda http, _: kyber.KyberVenue(http, 1, kyber.ROUTER),
)
"""Its fields move, so its listing is opaque."""


def deployed(replica: Replica, *listed: Listed) -> tuple[ModuleRoute, ...]:
    """The venues' routers where mainnet has them, and a RouteCheck for each."""
    for one in listed:
        place(replica, {EXECUTOR: "SwapExecutor", **one.others, one.router: one.mock})
    return tuple(ModuleRoute(one.router, replica.deploy(one.read().init_code())) for one in listed)


def a_module_world(replica: Replica, signer: KeystoreSigner, *listed: Listed, allow_opaque: bool = False) -> VenueWorld:
    """A Safe of 600,000 USD in three stablecoins, of which its module wants none: half is to be WETH, half WBTC."""
    routes = deployed(replica, *listed)
    wanted = a_wanted_module(replica, {"WETH": 50, "WBTC": 50}, routes, allow_opaque=allow_opaque)
    for symbol in ("USDC", "USDT", "DAI"):
        replica.deal(symbol, wanted.policy.safe, 200_000 * 10 ** replica.token(symbol).decimals)
    return VenueWorld(a_module_desk(replica, wanted, signer), tuple(one.router for one in listed))
