"""A keeper on paper from memory: the chain goes on by itself, and nothing that lands shows in it."""

from __future__ import annotations

from dataclasses import replace

from given_ports import DRY, LIVE, OFF_TARGET, ports_of, state
from small_market import POLICY, TARGETS

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.chain.paper import PaperChain, Purse
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.wallets.fake import FakeWallet
from rebalancer.core.model import Failure, Intent, Receipt, Settlement, Snapshot
from rebalancer.keeper import begin_anew, run_once
from rebalancer.ports import Ports
from rebalancer.tick import Report
from rebalancer.units import Usd


def on_paper(snapshot: Snapshot, wallet: FakeWallet | None = None, value: Usd | None = None) -> Ports:
    """A landing is a block more, and no more than that."""
    wallet = wallet or FakeWallet()
    ports = ports_of(snapshot, wallet)
    assert isinstance(ports.chain, FakeChain)
    real = ports.chain

    def a_block_later(_: Receipt) -> None:
        real.deepen(2)

    wallet.on_landed = a_block_later
    return again(replace(ports, chain=real), value)


def again(ports: Ports, value: Usd | None = None) -> Ports:
    """The same on the real chain below, as the next process makes it."""
    real = ports.chain._chain if isinstance(ports.chain, PaperChain) else ports.chain
    purse = Purse(ports.ledger, ports.clock)
    return replace(ports, chain=PaperChain(real, purse, FixedTargets(TARGETS), POLICY, value))


def anew(ports: Ports, value: Usd | None = None) -> None:
    """Begun anew, as a process of its own does it."""
    real = ports.chain._chain if isinstance(ports.chain, PaperChain) else ports.chain
    purse = Purse(ports.ledger, ports.clock, anew=True)
    chain = PaperChain(real, purse, FixedTargets(TARGETS), POLICY, value)
    begin_anew(replace(ports, chain=chain), POLICY, "configuration a")


def begun(wallet: FakeWallet | None = None) -> Ports:
    """Off its targets, and it stands on record what it begins with."""
    ports = on_paper(state(*OFF_TARGET), wallet)
    run_once(ports, POLICY, DRY)
    return ports


def run(ports: Ports) -> Report:
    """One recorded tick."""
    return run_once(ports, POLICY, LIVE)


def held(ports: Ports) -> dict[str, int]:
    """Base units by symbol, as the next tick sees them."""
    return {each.token.symbol: each.raw for each in ports.chain.read().balances}


class Dying(MemoryLedger):
    """Dies right after a landing is on record."""

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        super().record_landing(intent, result)
        raise KeyboardInterrupt
