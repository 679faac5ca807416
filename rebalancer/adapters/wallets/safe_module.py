"""Wallet kind `safe-module`: the owners' Safe holds the funds, and the operator acts through a RebalanceModule on it.

The operator names swaps by their places in the policy. The module makes the calls, or has a RouteCheck look at calldata
from outside. What it would refuse is told before it is sent, in its own words.
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.adapters.chain.codec import CallResult
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.counting import Counter
from rebalancer.adapters.wallets.keyless import Keyless
from rebalancer.adapters.wallets.landing import Lander, Patience
from rebalancer.adapters.wallets.measuring import Trial, fitting, try_batch
from rebalancer.adapters.wallets.module_abi import rebalance_data
from rebalancer.adapters.wallets.module_reads import ModuleReads, Wanted, without_meters
from rebalancer.adapters.wallets.reasons import first_failure, hides_a_call, module_reason
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.adapters.wallets.simulation import NOTHING_LAID, Laid, Place, Ran, Simulator
from rebalancer.adapters.wallets.standing import stands
from rebalancer.adapters.wallets.steps import payments_of, steps_of
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import (
    Batch,
    Block,
    Breach,
    Call,
    Commitment,
    Fees,
    Intent,
    Landing,
    ModuleWallet,
    Order,
    Purpose,
    Quote,
    Reverted,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
)
from rebalancer.core.model.module import ModuleCall
from rebalancer.core.module_swaps import module_call
from rebalancer.units import Address


class ModuleSafe:
    """The Safe of `wanted`, through its module. `sender` has the operator's key, if anybody has; `patience`: what is
    final.
    """

    def __init__(
        self, rpc: Rpc, wanted: Wanted, multicall3: Address, sender: Sender | Keyless, patience: Patience
    ) -> None:
        self.address = wanted.policy.safe
        self.operator = sender.operator
        self._module = wanted.module
        self._reads = ModuleReads(wanted)
        self._sender = sender
        self._simulator = Simulator(rpc, multicall3)
        self._counter = Counter(sender.nodes, self.operator)
        self._lander = Lander(sender.nodes, (self.address, self.operator), patience, self._why_failed, sender.relay)

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        """One rebalance(). Where the module has no words for a quote, the guard says so, and the batch is empty."""
        wallet = _module_of(snapshot)
        found = module_call(quotes, wallet.policy, wallet.checkers)
        call = ModuleCall(()) if isinstance(found, Breach) else found
        data = rebalance_data(call.swaps, call.data, deadline, wallet.state.nonce)
        return Batch(quotes, self.operator, Call(self._module, data), deadline)

    def simulate(self, batch: Batch, snapshot: Snapshot, laid: Laid = NOTHING_LAID) -> Simulation:
        """The exact call from the operator, between two measurements. Raises Unavailable."""
        trial = try_batch(self._simulator, self.address, batch, snapshot, laid)
        if trial.measured is None:
            return Reverted(self._why_reverted(batch, snapshot, trial))
        return fitting(trial.measured)

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        """Sign, if operator, module and Safe are still as they were read. Raises ConfigError, Unavailable, Halt."""
        then = without_meters(_module_of(snapshot))

        def unchanged(results: Sequence[CallResult]) -> None:
            now = without_meters(self._reads.read(results))
            if now != then:
                changed = "; ".join(_changes(then, now))
                raise Unavailable(
                    f"module {self._module}: changed since block {snapshot.block.number}, {changed}; what was planned "
                    "is void, the next tick plans anew"
                )

        nonce = self._counter.next(snapshot, self._reads.calls(), unchanged)
        return self._sender.sign(batch, simulation, snapshot, nonce, instead_of)

    def gas_now(self) -> Block:
        """See sending.py. Raises Unavailable."""
        return self._sender.gas_now()

    def rehearse(self, intent: Intent) -> str | None:
        """As it would be mined next. Raises Unavailable."""
        place = Place.after(self._sender.gas_now())
        transaction = intent.commitment.transaction
        outer = self._simulator.rehearse(self.operator, transaction, place)
        if outer.success:
            return None
        return self._simulator.starved(self.operator, transaction, place) or module_reason(outer.data)

    def refusal(self, intent: Intent, ran: Ran, place: Place) -> str | None:
        """Why the intent's call, run so, has not done what it is for; None: it has."""
        return None if ran.success else module_reason(ran.data)

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        """See sending.py. Raises ConfigError, Unavailable, Halt."""
        return self._sender.replace(intent, purpose, fees)

    def execute(self, intent: Intent) -> None:
        """Send the recorded bytes. Raises Unavailable, Halt."""
        self._sender.send(intent)

    def withdrawal(self, orders: tuple[Order, ...]) -> Batch:
        """Raises Unavailable: the module lets the operator place no order, nor take one back."""
        raise Unavailable(
            f"module {self._module}: takes back no orders, and {len(orders)} of the Safe's stand open from before it "
            "was its wallet: they end by themselves, or the owners cancel them; the next tick looks again"
        )

    def withdraw(self, intent: Intent) -> None:
        """See sending.py: bytes that were signed before the module was there. Raises Unavailable, Halt."""
        self._sender.send_withdrawal(intent)

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        """See standing.py. Raises Unavailable, ConfigError, Halt."""
        return stands(self._sender.nodes, self._sender.chain_id, (block, block_hash), last_block)

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        """See landing.py. Raises Unavailable, ConfigError, Halt."""
        return self._lander.land(intent, patience, last_block)

    def _why_reverted(self, batch: Batch, snapshot: Snapshot, trial: Trial) -> str:
        inner = None
        if hides_a_call(trial.executed.data):
            # The payments of what the module builds, and the venues' own calls, with the floors that the module's have.
            built = tuple(quote for quote in batch.quotes if quote.terms is None)
            tried = (payments_of(built), steps_of(batch.quotes, snapshot))
            found = (first_failure(self._simulator, self.address, steps, trial.place) for steps in tried)
            inner = next(filter(None, found), None)
        said = module_reason(trial.executed.data)
        return f"{said}; {inner}" if inner else said

    def _why_failed(self, intent: Intent, block: int, timestamp: int) -> str:
        """As near as can be told: on the state before the whole block, at the block's time."""
        call = intent.commitment.transaction.call
        (outer,) = self._simulator.run(self.operator, [call], Place(block - 1, timestamp))
        return "the same call succeeds on the block before" if outer.success else module_reason(outer.data)


def _module_of(snapshot: Snapshot) -> ModuleWallet:
    if not isinstance(snapshot.wallet, ModuleWallet):
        raise ConfigError("the snapshot is of a wallet without a module: wallet.kind and what was read do not fit")
    return snapshot.wallet


def _changes(then: ModuleWallet, now: ModuleWallet) -> list[str]:
    """What somebody has changed, by name."""
    pairs = (("safe", then.safe, now.safe), ("policy", then.policy, now.policy), ("state", then.state, now.state))
    return [f"{name} then {one}, now {other}" for name, one, other in pairs if one != other]
