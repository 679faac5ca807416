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
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.adapters.notify.log import LogNotifier
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets import abi
from rebalancer.adapters.wallets.keystore import KeystoreSigner, new_operator
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.module_reads import ModuleReads, Wanted
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.safe_module import ModuleSafe
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.config import Settings, module_policy
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import NOBODY, Call, ModulePolicy, ModuleSwap, ModuleWallet, Snapshot
from rebalancer.ports import Ledger, Ports, Venue, Wallet
from rebalancer.units import Address, Ppm

if TYPE_CHECKING:
    from rebalancer.adapters.wallets.module_doctor import Seen


def make_ports(settings: Settings, remember: bool = True) -> Ports:
    """The parts of one keeper. Opens the ledger, or with `remember` off plays it from an empty memory; asks nothing
    of the network yet.
    """
    deployment = _deployment(settings)
    rpc = Rpc(settings.rpc_urls, settings.chain_id)
    clock = SystemClock()
    venues: tuple[Venue, ...] = (UniswapVenue(deployment.swap_router_02, settings.policy.hubs, settings.policy.limits),)
    sender = Sender(rpc, settings.chain_id, make_signer(settings), settings.policy.limits)
    wallet, reads = _wallet(settings, rpc, deployment, sender)
    book = _book(settings, _spenders(settings, venues))
    return Ports(
        clock=clock,
        chain=ChainReader(rpc, deployment, book, reads, clock),
        targets=FixedTargets(settings.targets),
        venues=venues,
        wallet=wallet,
        ledger=open_ledger(settings) if remember else MemoryLedger(),
        notifier=LogNotifier(),
        requests=lambda: rpc.requests,
    )


def make_signer(settings: Settings) -> KeystoreSigner:
    """The operator's key, still locked."""
    return KeystoreSigner(settings.wallet.keystore, settings.wallet.operator, settings.wallet.password)


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


def wanted_policy(settings: Settings) -> tuple[ModulePolicy, tuple[Ppm, ...]]:
    """What the owners want on-chain, and the targets in ppm. ConfigError where the wallet is no module's."""
    return module_policy(settings, _deployment(settings).swap_router_02)


def create_operator(path: Path, password: str) -> Address:
    """A new operator account, encrypted at `path`; its address. ConfigError where a file stands there."""
    return new_operator(path, password)


def lock_path(settings: Settings) -> Path:
    """One for each wallet, wherever its configuration lies: two keepers of one wallet meet here."""
    return settings.state / f"{settings.chain_id}-{settings.wallet.address.lower()}.lock"


def _spenders(settings: Settings, venues: tuple[Venue, ...]) -> tuple[Address, ...]:
    """Whoever may be approved: the venues' contracts, and the routers of the on-chain policy. Each once."""
    of_venues = [spender for venue in venues for spender in venue.spenders]
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
    )
