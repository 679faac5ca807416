"""Settings to ports: the only file that names an adapter. A new adapter is a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from rebalancer.adapters.wallets.keyless import Keyless
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
from rebalancer.core.optimal_bands import measurable
from rebalancer.core.paper import paper_address
from rebalancer.fleet import Queue
from rebalancer.ports import Lease, Ledger, Notifier, Outside, Ports, Targets, Venue
from rebalancer.units import Address, Ppm, Usd

if TYPE_CHECKING:
    from rebalancer.adapters.notify.people import PeopleNotifier
    from rebalancer.adapters.prices.feeds import FeedHistory
    from rebalancer.adapters.prices.llama import LlamaHistory
    from rebalancer.adapters.targets.estimated import EstimatedTargets
    from rebalancer.adapters.venues.known import Known
    from rebalancer.adapters.wallets.seen import Seen

SERVER = "postgresql"
"""What the URL of a ledger begins with that many hosts can share."""
RPC_PATIENCE = 30.0
"""Seconds that a tick may lose to nodes that do not answer, before it leaves the rest to the next."""
HISTORY_PATIENCE = 300.0
"""The same of somebody who reads years of prices: what was read is kept, and he may be away."""


def make_ports(settings: Settings, remember: bool = True, value: Usd | None = None) -> Ports:
    """The parts of one keeper. Opens the ledger, or with `remember` off plays it from an empty memory; asks nothing
    of the network yet. `value`: dollars to begin with on paper; None: what the wallet holds.
    """
    deployment = _deployment(settings)
    rpc = Rpc(settings.rpc_urls, settings.chain_id, patience=RPC_PATIENCE)
    relay = _relay(settings)
    clock, limits = SystemClock(), settings.policy.limits
    venues: tuple[Venue, ...] = (UniswapVenue(deployment.swap_router_02, settings.policy.hubs, limits),)
    nodes = Nodes(rpc, clock, limits.max_block_age, settings.quorum)
    wallet, reads = _wallet(settings, rpc, deployment, _sender(settings, nodes, relay))
    outside = _outside(settings)
    book = _book(settings, _spenders(settings, venues, outside))
    ports = Ports(
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
    return _played(ports, settings, wallet, (nodes, deployment), value) if settings.paper else ports


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
    chain, wallet = settings.chain_id, settings.wallet
    on_paper = paper_address(chain, wallet.address)
    if settings.paper:
        # Whoever the operator is: the key plays no part.
        return IdleLedger(settings.ledger_url, Identity(chain, on_paper, NOBODY, beside=wallet.address))
    return IdleLedger(settings.ledger_url, Identity(chain, wallet.address, wallet.operator, beside=on_paper))


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


def make_estimated(settings: Settings, rpc: Rpc | None = None) -> EstimatedTargets:
    """The targets that follow from past prices. ConfigError where the configuration fixes them."""
    from rebalancer.adapters.chain.rounds import ALL_PHASES, RoundReads
    from rebalancer.adapters.targets.estimate_file import EstimateFile
    from rebalancer.adapters.targets.estimated import EstimatedTargets

    if settings.estimation is None:
        raise ConfigError(
            f"{settings.path.name}: targets.method is fixed, expected one that estimates, such as inverse_volatility"
        )
    rpc = rpc or Rpc(settings.rpc_urls, settings.chain_id, patience=RPC_PATIENCE)
    rounds = RoundReads(rpc, settings.chain_id, _deployment(settings).multicall3, settings.quorum, ALL_PHASES)
    file = EstimateFile(lock_path(settings).with_suffix(".targets"))
    return EstimatedTargets(settings.estimation, settings.price_rules, rounds, file)


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


def close_ports(ports: Ports) -> None:
    """Let go of the ledger, in a process that goes on with another portfolio."""
    close_ledger(ports.ledger)


def close_ledger(ledger: Ledger) -> None:
    """Nothing recorded is lost without it."""
    if isinstance(ledger, IdleLedger):
        ledger.close()


def known_venues(settings: Settings) -> tuple[tuple[Known, bool], ...]:
    """All that can be asked over the network, and whether this portfolio asks them."""
    from rebalancer.adapters.venues.known import KNOWN

    asked = {one.name for one in settings.outside}
    return tuple((one, one.name in asked) for one in KNOWN)


def feed_history(settings: Settings, folder: Path) -> FeedHistory:
    """What the feeds of the configuration said at any time; what was read is kept in `folder`."""
    from rebalancer.adapters.chain.at_block import read_head
    from rebalancer.adapters.chain.rounds import ALL_PHASES, RoundReads
    from rebalancer.adapters.prices.feeds import FeedHistory

    rpc = Rpc(settings.rpc_urls, settings.chain_id, patience=HISTORY_PATIENCE)
    multicall3 = _deployment(settings).multicall3
    rounds = RoundReads(rpc, settings.chain_id, multicall3, settings.quorum, ALL_PHASES)
    return FeedHistory(settings.chain_id, settings.price_rules, rounds, lambda: read_head(rpc), folder)


def llama_history(folder: Path, url: str | None = None) -> LlamaHistory:
    """DefiLlama's prices, or those of whoever speaks as it does at `url`; what was read is kept in `folder`."""
    from rebalancer.adapters.prices.llama import BASE, LlamaHistory
    from rebalancer.adapters.prices.polite import Polite

    return LlamaHistory(Polite(url or BASE), folder)


def llama_coin(text: str, chain_id: int | None, address: Address | None) -> str:
    """DefiLlama's name of a token. Raises ConfigError where none is known."""
    from rebalancer.adapters.prices.llama import coin_of

    return coin_of(text, chain_id, address)


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
    """One for each wallet, and one for it on paper, wherever its configuration lies: two keepers meet here."""
    wallet = settings.wallet.address
    account = paper_address(settings.chain_id, wallet) if settings.paper else wallet
    return settings.state / f"{settings.chain_id}-{account.lower()}.lock"


def _targets(settings: Settings, rpc: Rpc, deployment: Deployment) -> Targets:
    """The weights of the file, or those that follow from the rounds of the feeds; the volatilities that it leaves open
    from the same.
    """
    weights: Targets = FixedTargets(settings.targets) if settings.estimation is None else make_estimated(settings, rpc)
    policy, found = settings.policy, weights
    if not measurable(policy) and policy.patience is None:
        return found
    from rebalancer.adapters.chain.rounds import RoundReads
    from rebalancer.adapters.targets.measured import MeasuredTargets
    from rebalancer.adapters.targets.remembered import MeasuredFile, TrendFile
    from rebalancer.adapters.targets.trending import TrendTargets

    rounds, beside = RoundReads(rpc, settings.chain_id, deployment.multicall3, settings.quorum), lock_path(settings)
    if measurable(policy):
        file = MeasuredFile(beside.with_suffix(".volatility"))
        found = MeasuredTargets(found, settings.price_rules, rounds, file)
    if policy.patience is not None:
        found = TrendTargets(found, settings.price_rules, rounds, TrendFile(beside.with_suffix(".trends")))
    return found


def _played(
    ports: Ports, settings: Settings, real: SafeWallet | ModuleSafe, way: tuple[Nodes, Deployment], value: Usd | None
) -> Ports:
    """The same with the wallet, and the chain as to its balances, on paper."""
    from rebalancer.adapters.chain.paper import PaperChain, Purse
    from rebalancer.adapters.wallets.filling import Filler
    from rebalancer.adapters.wallets.paper import PaperWallet

    nodes, deployment = way
    purse = Purse(ports.ledger, ports.clock)
    filler = Filler(nodes, settings.chain_id, real, purse, deployment.multicall3)
    return replace(
        ports,
        chain=PaperChain(ports.chain, purse, ports.targets, settings.policy, value),
        wallet=PaperWallet(real, purse, filler, settings.policy.limits),
    )


def _sender(settings: Settings, nodes: Nodes, relay: Relay | None) -> Sender | Keyless:
    """Who signs and sends: on paper nobody."""
    if settings.paper:
        return Keyless(nodes, settings.chain_id, settings.wallet.operator)
    return Sender(nodes, settings.chain_id, make_signer(settings), settings.policy.limits, relay)


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


def _wallet(
    settings: Settings, rpc: Rpc, deployment: Deployment, sender: Sender | Keyless
) -> tuple[SafeWallet | ModuleSafe, WalletReads]:
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
    # Those that are estimated the tick sets itself: in between the chain's are as far as they have come.
    fixed = targets if settings.estimation is None else None
    return Wanted(module, policy, fixed, settings.wallet.operator, guardian, names)


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
