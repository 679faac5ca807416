"""All ports played from memory, for tests of the tick and of the keeper around it."""

from __future__ import annotations

from dataclasses import replace

from small_market import ASSETS, NOW, POLICY, TARGETS, WALLET, snapshot_with

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.clock import FixedClock
from rebalancer.adapters.lease.fake import FakeLease
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.notify.log import SilentNotifier
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.venues.nobody import NobodyOutside
from rebalancer.adapters.wallets.fake import OPERATOR, FakeWallet
from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import FINAL_BLOCKS, Allowance, Past, Policy, Snapshot
from rebalancer.intents import remembered
from rebalancer.ports import Ports, Venue
from rebalancer.tick import Mode, Report, run_tick
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
    """What lands in the wallet shows in the chain, as long as the two stay together."""
    wallet, chain = wallet or FakeWallet(), FakeChain([snapshot])
    wallet.on_landed = chain.mine
    return Ports(
        clock=FixedClock(NOW),
        chain=chain,
        targets=FixedTargets(TARGETS),
        venues=venues if venues is not None else (FakeVenue(),),
        outside=NobodyOutside(),
        wallet=wallet,
        ledger=MemoryLedger(),
        lease=FakeLease(),
        notifier=SilentNotifier(),
        requests=lambda: 0,
    )


def off_target_again(ports: Ports, blocks: int = FINAL_BLOCKS) -> Ports:
    """The same keeper, and the wallet is off its targets once more: deposits and withdrawals made it so.

    `blocks` later: what landed before is final.
    """
    assert isinstance(ports.wallet, FakeWallet) and isinstance(ports.chain, FakeChain)
    ports.chain.deepen(blocks)
    chain = FakeChain([state(*OFF_TARGET, block=ports.chain.head())])
    ports.wallet.on_landed = chain.mine
    return replace(ports, chain=chain)


def past_of(ports: Ports, policy: Policy = POLICY) -> Past:
    """What is on record now."""
    return remembered(ports, policy)


def tick(ports: Ports, policy: Policy = POLICY, mode: Mode = LIVE) -> Report:
    """One tick on what is on record, without the keeper around it: no row is written."""
    return run_tick(ports, policy, past_of(ports, policy), mode)


def at(ports: Ports, seconds: int) -> Ports:
    """The same keeper, so many seconds after NOW."""
    return replace(ports, clock=FixedClock(NOW + seconds))


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
    """What the notifier heard of, by the kind of outcome or error."""
    assert isinstance(ports.notifier, SilentNotifier)
    return [type(word).__name__ for word in ports.notifier.told]


def notices(ports: Ports) -> list[str]:
    """The titles of what people were told."""
    assert isinstance(ports.notifier, SilentNotifier)
    return [notice.title for notice in ports.notifier.notices]
