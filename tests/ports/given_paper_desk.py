"""A wallet on paper beside the real one that it plays, on the replica, and what both make of one batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from given_unmined import a_desk_of
from given_wallet import LIMITS, TOKENS, USDC, WETH, BlockClock, Desk, a_trade, an_intent_of, nodes_of
from small_market import POLICY

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.paper import PaperChain, Purse
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets.filling import Filler
from rebalancer.adapters.wallets.keyless import Keyless
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.paper import PaperWallet
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.safe_module import ModuleSafe
from rebalancer.core.model import INDEX, Basis, Batch, Intent, Landed, Receipt, Simulated, Snapshot, TickRecord
from rebalancer.core.settle import settle
from rebalancer.ports import Signer
from rebalancer.replica.chain import Replica
from rebalancer.units import Usd

ROUTER = MAINNET.swap_router_02


@dataclass(frozen=True, slots=True)
class OnPaper:
    """`real` has the operator's key, and is asked for nothing but to compare."""

    real: Desk
    ledger: MemoryLedger
    chain: PaperChain
    wallet: PaperWallet
    venue: UniswapVenue

    @property
    def replica(self) -> Replica:
        return self.real.replica

    def holds(self, **raw: int) -> None:
        """It stands on record that the paper wallet holds so many base units, and nothing else."""
        held = tuple((token.address, raw.get(token.symbol, 0)) for token in TOKENS)
        at = self.replica.now()
        self.ledger.record_tick(TickRecord(at, 1, "held", "", Usd(1), None, None, 1, index=INDEX, holdings=held))

    def batch(
        self, *sales: tuple[str, int, str], seconds: int = 600, slippage_bps: int = 100
    ) -> tuple[Batch, Snapshot]:
        """Of what is sold, how much of it, for what."""
        trades = [a_trade(self.real, *sale, slippage_bps) for sale in sales]
        snapshot = self.chain.read()
        deadline = snapshot.block.timestamp + seconds
        return self.wallet.build(self.real.quotes(trades, snapshot, deadline), snapshot, deadline), snapshot

    def intent(self, *sales: tuple[str, int, str], seconds: int = 600, slippage_bps: int = 100) -> Intent:
        """On record, as a tick leaves it."""
        batch, snapshot = self.batch(*sales, seconds=seconds, slippage_bps=slippage_bps)
        simulation = self.wallet.simulate(batch, snapshot)
        assert isinstance(simulation, Simulated), simulation
        intent = an_intent_of(batch, simulation, snapshot, self.wallet.commit(batch, simulation, snapshot))
        self.ledger.record_intent(intent, Basis(snapshot, batch.quotes, simulation))
        return intent

    def landed(self, intent: Intent) -> Receipt:
        landing = self.wallet.land(intent, 0, 0)
        assert isinstance(landing, Landed), landing
        return landing.receipt

    def settled(self, intent: Intent) -> None:
        self.ledger.record_landing(intent, settle(intent, self.landed(intent)))

    def really(self, batch: Batch, snapshot: Snapshot) -> Receipt:
        """The same batch signed and sent by the real wallet, which holds what it takes by now."""
        simulation = self.real.wallet.simulate(batch, self.real.reader.read())
        assert isinstance(simulation, Simulated), simulation
        commitment = self.real.wallet.commit(batch, simulation, self.real.reader.read())
        intent = an_intent_of(batch, simulation, snapshot, commitment)
        self.real.wallet.execute(intent)
        self.replica.mine()
        landing = self.real.wallet.land(intent, 5, 0)
        assert isinstance(landing, Landed), landing
        return landing.receipt


def on_paper(kind: str, replica: Replica, signer: Signer, rpc: Rpc | None = None) -> OnPaper:
    """The real wallet holds 100,000 USDT, the one on paper what is said to."""
    return beside(a_desk_of(kind, replica, signer), rpc or Rpc(replica.url))


def beside(real: Desk, rpc: Rpc) -> OnPaper:
    """A wallet on paper of a real one."""
    replica = real.replica
    nodes = nodes_of(replica, rpc)
    keyless = Keyless(nodes, 1, real.wallet.operator)
    played: SafeWallet | ModuleSafe
    if isinstance(real.wallet, ModuleSafe):
        played = ModuleSafe(nodes.rpc, real.wallet._reads._wanted, MAINNET.multicall3, keyless, Patience())
    else:
        played = SafeWallet(nodes.rpc, real.wallet.address, MAINNET, keyless, Patience())
    ledger, clock = MemoryLedger(), BlockClock(replica)
    purse = Purse(ledger, clock)
    policy = replace(POLICY, assets=TOKENS)
    return OnPaper(
        real,
        ledger,
        PaperChain(real.reader, purse, FixedTargets(()), policy, None),
        PaperWallet(played, purse, Filler(nodes, 1, played, purse, MAINNET.multicall3), LIMITS),
        UniswapVenue(ROUTER, (WETH, USDC), LIMITS),
    )
