"""Where a portfolio is remembered, who may act for it, and where workers of many meet."""

from __future__ import annotations

from pathlib import Path

from rebalancer.adapters.lease.file import FileLease
from rebalancer.adapters.lease.postgres import PostgresLease
from rebalancer.adapters.lease.several import AllOf
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.config import Settings
from rebalancer.core.model import NOBODY
from rebalancer.core.paper import paper_address
from rebalancer.fleet import Queue
from rebalancer.ports import Lease, Ledger, Ports

SERVER = "postgresql"
"""What the URL of a ledger begins with that many hosts can share."""


def open_ledger(settings: Settings) -> Ledger:
    """The memory alone: for what needs no node."""
    chain, wallet = settings.chain_id, settings.wallet
    on_paper = paper_address(chain, wallet.address)
    if settings.paper:
        # Whoever the operator is: the key plays no part.
        return IdleLedger(settings.ledger_url, Identity(chain, on_paper, NOBODY, beside=wallet.address))
    return IdleLedger(settings.ledger_url, Identity(chain, wallet.address, wallet.operator, beside=on_paper))


def close_ports(ports: Ports) -> None:
    """Let go of the ledger, in a process that goes on with another portfolio."""
    close_ledger(ports.ledger)


def close_ledger(ledger: Ledger) -> None:
    """Nothing recorded is lost without it."""
    if isinstance(ledger, IdleLedger):
        ledger.close()


def make_lease(settings: Settings) -> Lease:
    """Who may act: on this machine by a file, and where the ledger is PostgreSQL, on all that use it."""
    path = lock_path(settings)
    here = FileLease(path)
    if not settings.ledger_url.startswith(SERVER):
        return here
    return AllOf(here, PostgresLease(settings.ledger_url, path.stem))


def lock_path(settings: Settings) -> Path:
    """One for each wallet, and one for it on paper, wherever its configuration lies: two keepers meet here."""
    wallet = settings.wallet.address
    account = paper_address(settings.chain_id, wallet) if settings.paper else wallet
    return settings.state / f"{settings.chain_id}-{account.lower()}.lock"


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
