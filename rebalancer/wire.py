"""Settings to ports: the only file that names an adapter. A new adapter is a line here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rebalancer.adapters.chain.book import Book, WalletReads
from rebalancer.adapters.chain.deployments import DEPLOYMENTS, Deployment
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.clock import SystemClock
from rebalancer.adapters.lease.file import FileLease
from rebalancer.adapters.lease.postgres import PostgresLease
from rebalancer.adapters.lease.several import AllOf
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.adapters.notify.several import notifier_for
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.nobody import NobodyOutside
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets import abi
from rebalancer.adapters.wallets.keystore import KeystoreSigner, new_operator
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.module_reads import ModuleReads, Wanted
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.safe_module import ModuleSafe
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.adapters.wallets.sending import Relay, Sender
from rebalancer.config import Settings, module_policy
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import NOBODY, Call, ModulePolicy, ModuleSwap, ModuleWallet, Snapshot
from rebalancer.core.optimal_bands import not_given
from rebalancer.fleet import Queue
from rebalancer.ports import Lease, Ledger, Notifier, Outside, Ports, Targets, Venue, Wallet
from rebalancer.units import Address, Ppm

if TYPE_CHECKING:
    from rebalancer.adapters.notify.people import PeopleNotifier
    from rebalancer.adapters.venues.known import Known
    from rebalancer.adapters.wallets.seen import Seen

SERVER = "postgresql"
"""What the URL of a ledger begins with that many hosts can share."""
RPC_PATIENCE = 30.0
"""Seconds that a tick may lose to nodes that do not answer, before it leaves the rest to the next."""


def make_ports(settings: Settings, remember: bool = True) -> Ports:
    """The parts of one keeper. Opens the ledger, or with `remember` off plays it from an empty memory; asks nothing
    of the network yet.
    """
    deployment = _deployment(settings)
    rpc = Rpc(settings.rpc_urls, settings.chain_id, patience=RPC_PATIENCE)
    relay = _relay(settings)
    clock, limits = SystemClock(), settings.policy.limits
    venues: tuple[Venue, ...] = (UniswapVenue(deployment.swap_router_02, settings.policy.hubs, limits),)
    nodes = Nodes(rpc, clock, limits.max_block_age, settings.quorum)
    sender = Sender(nodes, settings.chain_id, make_signer(settings), limits, relay)
    wallet, reads = _wallet(settings, rpc, deployment, sender)
    outside = _outside(settings)
    book = _book(settings, _spenders(settings, venues, outside))
    return Ports(
        clock=clock,
        chain=ChainReader(rpc, deployment, book, reads, clock),
        targets=_targets(settings, rpc, deployment),
        venues=venues,
        outside=outside,
        wallet=wallet,
        ledger=open_ledger(settings) if remember else MemoryLedger(),
        lease=make_lease(settings),
        notifier=make_notifier(settings),
        requests=lambda: rpc.requests + (0 if relay is None else relay.rpc.requests),
    )


def make_signer(settings: Settings) -> KeystoreSigner:
    """The operator's key, still locked."""
    wallet = settings.wallet
    return KeystoreSigner(wallet.keystore, wallet.operator, wallet.password, settings.chain_id)


def examine_wallet(settings: Settings, snapshot: Snapshot) -> tuple[Seen, ...]:
    """What a person should know of a module and its Safe before trusting them; nothing for a wallet without one."""
    from rebalancer.adapters.wallets.module_doctor import examine

    if not isinstance(snapshot.wallet, ModuleWallet):
        return ()
    return tuple(examine(Rpc(settings.rpc_urls, settings.chain_id), snapshot, snapshot.wallet))


def module_init_code(settings: Settings) -> bytes:
    """What is sent to deploy the module that the configuration wants. ConfigError where it wants none."""
    from rebalancer.adapters.wallets.module_code import init_code

    policy, targets = wanted_policy(settings)
    guardian = None if settings.module is None else settings.module.guardian
    return init_code(policy, settings.wallet.operator, guardian or NOBODY, targets)


def rebalance_data(swaps: Sequence[ModuleSwap], deadline: int, nonce: int) -> bytes:
    """Calldata of the one function that a module has for its operator."""
    from rebalancer.adapters.wallets import module_abi

    return module_abi.rebalance_data(swaps, b"", deadline, nonce)


def owners_call(safe: Address, owner: Address, call: Call) -> Call:
    """What an owner sends, alone, so that the Safe makes `call`."""
    return abi.exec_by_sender(safe, owner, call)


def open_ledger(settings: Settings) -> Ledger:
    """The memory alone: for what needs no node."""
    wallet = settings.wallet
    return IdleLedger(settings.ledger_url, Identity(settings.chain_id, wallet.address, wallet.operator))


def make_lease(settings: Settings) -> Lease:
    """Who may act: on this machine by a file, and where the ledger is PostgreSQL, on all that use it."""
    path = lock_path(settings)
    here = FileLease(path)
    if not settings.ledger_url.startswith(SERVER):
        return here
    return AllOf(here, PostgresLease(settings.ledger_url, path.stem))


def wanted_policy(settings: Settings) -> tuple[ModulePolicy, tuple[Ppm, ...]]:
    """What the owners want on-chain, and the targets in ppm. ConfigError where the wallet is no module's."""
    return module_policy(settings, _deployment(settings).swap_router_02)


def make_people(settings: Settings) -> PeopleNotifier:
    """Those who are told, where any channel is configured."""
    from rebalancer.adapters.notify.people import PeopleNotifier

    return PeopleNotifier(settings.notify_urls, settings.way_out)


def make_notifier(settings: Settings) -> Notifier:
    """All who are told how a tick ended."""
    stamp = lock_path(settings).with_suffix(".told")
    return notifier_for(settings.notify_urls, settings.ping_url, stamp, settings.way_out)


def close_ports(ports: Ports) -> None:
    """Let go of the ledger, in a process that goes on with another portfolio."""
    if isinstance(ports.ledger, IdleLedger):
        ports.ledger.close()


def known_venues(settings: Settings) -> tuple[tuple[Known, bool], ...]:
    """All that can be asked over the network, and whether this portfolio asks them."""
    from rebalancer.adapters.venues.known import KNOWN

    asked = {one.name for one in settings.outside}
    return tuple((one, one.name in asked) for one in KNOWN)


def open_queue(place: str) -> Queue:
    """Of many portfolios: at the PostgreSQL of that URL, or in that folder."""
    if place.startswith(SERVER):
        from rebalancer.adapters.ledger.fleet import ServerQueue

        return ServerQueue(place)
    from rebalancer.adapters.ledger.fleet_here import FileQueue

    return FileQueue(Path(place))


def fleet_name(settings: Settings) -> str:
    """A portfolio's, on every host: its wallet's, as the lease has it."""
    return lock_path(settings).stem


def create_operator(path: Path, password: str, chain_id: int) -> Address:
    """A new operator account for a chain, encrypted at `path`; its address. ConfigError where a file stands there."""
    return new_operator(path, password, chain_id)


def lock_path(settings: Settings) -> Path:
    """One for each wallet, wherever its configuration lies: two keepers of one wallet meet here."""
    return settings.state / f"{settings.chain_id}-{settings.wallet.address.lower()}.lock"


def _targets(settings: Settings, rpc: Rpc, deployment: Deployment) -> Targets:
    """The weights of the file; the volatilities that it leaves open from the rounds of the feeds."""
    fixed = FixedTargets(settings.targets)
    if not not_given(settings.policy):
        return fixed
    from rebalancer.adapters.chain.rounds import RoundReads
    from rebalancer.adapters.targets.measured import MeasuredTargets
    from rebalancer.adapters.targets.remembered import MeasuredFile

    rounds = RoundReads(rpc, settings.chain_id, deployment.multicall3, settings.quorum)
    file = MeasuredFile(lock_path(settings).with_suffix(".volatility"))
    return MeasuredTargets(fixed, settings.price_rules, rounds, file)


def _relay(settings: Settings) -> Relay | None:
    if settings.relay_url is None:
        return None
    try:
        # Never more than once: what it may have taken is not offered again before the chain was looked at.
        rpc = Rpc(settings.relay_url, settings.chain_id)
    except ConfigError:
        # Its text counts the nodes.
        raise ConfigError("execution.relay is no http or https URL: expected https://host/…") from None
    return Relay(rpc, settings.relay_fallback)


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


def _wallet(settings: Settings, rpc: Rpc, deployment: Deployment, sender: Sender) -> tuple[Wallet, WalletReads]:
    """The wallet of the configured kind, and what the tick reads about it."""
    patience = Patience(settings.confirmations)
    if settings.module is None:
        address = settings.wallet.address
        return SafeWallet(rpc, address, deployment, sender, patience), SafeReads(address)
    wanted = _wanted(settings)
    return ModuleSafe(rpc, wanted, deployment.multicall3, sender, patience), ModuleReads(wanted)


def _wanted(settings: Settings) -> Wanted:
    (policy, targets), module = wanted_policy(settings), settings.wallet.module
    if module is None:
        raise ConfigError(
            f"{settings.path.name}: wallet.module is empty, expected the address of the RebalanceModule: deploy it "
            "from this file with `ape run deploy_module`, then write its address there"
        )
    guardian = None if settings.module is None else settings.module.guardian
    names = {token.address: token.symbol for token in settings.tokens}
    return Wanted(module, policy, targets, settings.wallet.operator, guardian, names)


def _deployment(settings: Settings) -> Deployment:
    if settings.chain_id not in DEPLOYMENTS:
        known = ", ".join(map(str, DEPLOYMENTS))
        raise ConfigError(f"chain.id: no contracts are known on chain {settings.chain_id}; expected one of {known}")
    return DEPLOYMENTS[settings.chain_id]


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
