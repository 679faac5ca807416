"""All ports played from memory, for tests of the tick and of the keeper around it."""

from __future__ import annotations

from dataclasses import replace

from small_market import ASSETS, NOW, TARGETS, WALLET, snapshot_with

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.clock import FixedClock
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.notify.log import SilentNotifier
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.wallets.fake import OPERATOR, FakeWallet
from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import Allowance, Snapshot
from rebalancer.ports import Ports, Venue
from rebalancer.tick import Mode
from rebalancer.units import Amount

LIVE = Mode(live=True, patience=0)
DRY = Mode(live=False, patience=0)
OURS = replace(WALLET, owners=(*WALLET.owners, OPERATOR))
ON_TARGET = (30_000, 40_000, 20_000, 10_000)
OFF_TARGET = (45_000, 30_000, 20_000, 5_000)


def state(*dollars: str | int, **changes: object) -> Snapshot:
    """What a tick reads of our wallet, the fake venue's spender included."""
    snapshot = snapshot_with(*dollars)
    allowances = tuple(Allowance(FakeVenue.spenders[0], Amount(token, 0)) for token in ASSETS)
    return replace(snapshot, **({"wallet": OURS, "allowances": allowances} | changes))  # type: ignore[arg-type]


def ports_of(snapshot: Snapshot, wallet: FakeWallet | None = None, venues: tuple[Venue, ...] | None = None) -> Ports:
    return Ports(
        clock=FixedClock(NOW),
        chain=FakeChain([snapshot]),
        targets=FixedTargets(TARGETS),
        venues=venues if venues is not None else (FakeVenue(),),
        wallet=wallet or FakeWallet(),
        ledger=MemoryLedger(),
        notifier=SilentNotifier(),
        requests=lambda: 0,
    )


def failing(error: RebalancerError) -> Ports:
    """Off their targets, and the chain answers every question with this error."""
    ports = ports_of(state(*OFF_TARGET))
    assert isinstance(ports.chain, FakeChain)
    ports.chain.failure = error
    return ports


def rows(ports: Ports) -> list[str]:
    """How the ticks on record ended, the newest first."""
    return [row.outcome for row in ports.ledger.history(10)]


def told(ports: Ports) -> list[str]:
    """What people were told, by the kind of outcome or error."""
    assert isinstance(ports.notifier, SilentNotifier)
    return [type(word).__name__ for word in ports.notifier.told]
