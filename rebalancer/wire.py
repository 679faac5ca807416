"""Settings to ports: the only file that names an adapter. A new adapter is a line here."""

from __future__ import annotations

from pathlib import Path

from rebalancer.adapters.chain.book import Book
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
from rebalancer.adapters.wallets.keystore import KeystoreSigner, new_operator
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.config import Settings
from rebalancer.core.errors import ConfigError
from rebalancer.ports import Ledger, Ports, Venue
from rebalancer.units import Address


def make_ports(settings: Settings, remember: bool = True) -> Ports:
    """The parts of one keeper. Opens the ledger, or with `remember` off plays it from an empty memory; asks nothing
    of the network yet.
    """
    deployment = _deployment(settings)
    rpc = Rpc(settings.rpc_urls, settings.chain_id)
    clock = SystemClock()
    venues: tuple[Venue, ...] = (UniswapVenue(deployment.swap_router_02, settings.policy.hubs, settings.policy.limits),)
    sender = Sender(rpc, settings.chain_id, make_signer(settings), settings.policy.limits)
    wallet = SafeWallet(rpc, settings.wallet.address, deployment, sender, Patience(settings.confirmations))
    book = _book(settings, tuple(spender for venue in venues for spender in venue.spenders))
    return Ports(
        clock=clock,
        chain=ChainReader(rpc, deployment, book, SafeReads(wallet.address), clock),
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


def open_ledger(settings: Settings) -> Ledger:
    """The memory alone: for what needs no node."""
    wallet = settings.wallet
    return IdleLedger(settings.ledger_url, Identity(settings.chain_id, wallet.address, wallet.operator))


def create_operator(path: Path, password: str) -> Address:
    """A new operator account, encrypted at `path`; its address. ConfigError where a file stands there."""
    return new_operator(path, password)


def lock_path(settings: Settings) -> Path:
    """One for each wallet, wherever its configuration lies: two keepers of one wallet meet here."""
    return settings.state / f"{settings.chain_id}-{settings.wallet.address.lower()}.lock"


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
