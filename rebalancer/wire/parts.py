"""Settings to ports: the parts of one keeper put together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.deployments import Deployment
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.clock import SystemClock
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.notify.several import notifier_for
from rebalancer.adapters.venues.nobody import NobodyOutside
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.safe_module import ModuleSafe
from rebalancer.config import Settings
from rebalancer.core.paper import GOES_ON, Opening
from rebalancer.ports import Notifier, Outside, Ports, Venue
from rebalancer.units import Address
from rebalancer.wire.records import lock_path, make_lease, open_ledger
from rebalancer.wire.targets import RPC_PATIENCE, targets_of
from rebalancer.wire.wallets import deployment_of, relay_of, sender_of, wallet_of

if TYPE_CHECKING:
    from rebalancer.adapters.notify.people import PeopleNotifier
    from rebalancer.adapters.venues.known import Known


def make_ports(settings: Settings, remember: bool = True, opening: Opening = GOES_ON) -> Ports:
    """The parts of one keeper. Opens the ledger, or with `remember` off plays it from an empty memory; asks nothing
    of the network yet. `opening`: what it begins with on paper.
    """
    deployment = deployment_of(settings)
    rpc = Rpc(settings.rpc_urls, settings.chain_id, patience=RPC_PATIENCE)
    relay = relay_of(settings)
    clock, limits = SystemClock(), settings.policy.limits
    venues: tuple[Venue, ...] = (UniswapVenue(deployment.swap_router_02, settings.policy.hubs, limits),)
    nodes = Nodes(rpc, clock, limits.max_block_age, settings.quorum)
    wallet, reads = wallet_of(settings, rpc, deployment, sender_of(settings, nodes, relay))
    outside = _outside(settings)
    book = _book(settings, _spenders(settings, venues, outside))
    ports = Ports(
        clock=clock,
        chain=ChainReader(rpc, deployment, book, reads, clock),
        targets=targets_of(settings, rpc, deployment),
        venues=venues,
        outside=outside,
        wallet=wallet,
        ledger=open_ledger(settings) if remember else MemoryLedger(),
        lease=make_lease(settings),
        notifier=make_notifier(settings),
        requests=lambda: rpc.requests + (0 if relay is None else relay.rpc.requests),
    )
    return _played(ports, settings, wallet, (nodes, deployment), opening) if settings.paper else ports


def make_people(settings: Settings) -> PeopleNotifier:
    """Those who are told, where any channel is configured."""
    from rebalancer.adapters.notify.people import PeopleNotifier

    return PeopleNotifier(settings.notify_urls, settings.way_out)


def make_notifier(settings: Settings) -> Notifier:
    """All who are told how a tick ended."""
    stamp = lock_path(settings).with_suffix(".told")
    notifier = notifier_for(settings.notify_urls, settings.ping_url, stamp, settings.way_out)
    if settings.paper:
        from rebalancer.adapters.notify.paper import OnPaper

        return OnPaper(notifier)
    return notifier


def known_venues(settings: Settings) -> tuple[tuple[Known, bool], ...]:
    """All that can be asked over the network, and whether this portfolio asks them."""
    from rebalancer.adapters.venues.known import KNOWN

    asked = {one.name for one in settings.outside}
    return tuple((one, one.name in asked) for one in KNOWN)


def _played(
    ports: Ports, settings: Settings, real: SafeWallet | ModuleSafe, way: tuple[Nodes, Deployment], opening: Opening
) -> Ports:
    """The same with the wallet, and the chain as to its balances, on paper."""
    from rebalancer.adapters.chain.paper import PaperChain, Purse
    from rebalancer.adapters.wallets.filling import Filler
    from rebalancer.adapters.wallets.paper import PaperWallet

    nodes, deployment = way
    purse = Purse(ports.ledger, ports.clock, opening.anew)
    filler = Filler(nodes, settings.chain_id, real, purse, deployment.multicall3)
    return replace(
        ports,
        chain=PaperChain(ports.chain, purse, ports.targets, settings.policy, opening.value),
        wallet=PaperWallet(real, purse, filler, settings.policy.limits),
    )


def _outside(settings: Settings) -> Outside:
    """Those who are asked over the network. Where there is none nothing of theirs is imported."""
    if not settings.outside:
        return NobodyOutside()
    from rebalancer.adapters.venues.known import Access, outside_of

    def node() -> Rpc:
        return Rpc(settings.rpc_urls, settings.chain_id)

    accesses = [Access(one.name, one.router, one.url, one.key) for one in settings.outside]
    if settings.module is not None:
        from rebalancer.adapters.venues.listed import require_routes

        require_routes(accesses, settings.module.routes)
    return outside_of(accesses, settings.chain_id, settings.module is None, node)


def _spenders(settings: Settings, venues: tuple[Venue, ...], outside: Outside) -> tuple[Address, ...]:
    """Whoever may be approved: the venues' contracts, and the routers of the on-chain policy. Each once."""
    of_venues = [*(spender for venue in venues for spender in venue.spenders), *outside.spenders]
    of_policy = [] if settings.module is None else [route.router for route in settings.module.routes]
    return tuple(dict.fromkeys((*of_venues, *of_policy)))


def _book(settings: Settings, spenders: tuple[Address, ...]) -> Book:
    return Book(
        chain_id=settings.chain_id,
        tokens=settings.tokens,
        assets=settings.policy.assets,
        prices=settings.price_rules,
        native=settings.native,
        pools=settings.pools,
        spenders=spenders,
        wallet=settings.wallet.address,
        operator=settings.wallet.operator,
        max_block_age=settings.policy.limits.max_block_age,
        quorum=settings.quorum,
    )
