"""Wallet kind `safe`: the operator is an owner of a Safe with threshold 1, and sends each batch itself.

One execTransaction delegates to MultiSendCallOnly. The Safe takes the sender as the signature, so the very
bytes that are simulated are the ones that are sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.adapters.chain.codec import CallResult, Words, hex_bytes
from rebalancer.adapters.chain.deployments import Deployment
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.abi import calls_of_batch, exec_batch, void_after
from rebalancer.adapters.wallets.counting import Counter
from rebalancer.adapters.wallets.keyless import Keyless
from rebalancer.adapters.wallets.landing import Lander, Patience
from rebalancer.adapters.wallets.measuring import Trial, fitting, try_batch
from rebalancer.adapters.wallets.reasons import first_failure, hides_the_reason, safe_reason
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.adapters.wallets.simulation import NOTHING_LAID, Laid, Place, Ran, Simulator
from rebalancer.adapters.wallets.standing import stands
from rebalancer.adapters.wallets.steps import Step, steps_of, withdrawal_of
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import (
    Batch,
    Block,
    Commitment,
    Fees,
    Intent,
    Landing,
    Order,
    Purpose,
    Quote,
    Reverted,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
)
from rebalancer.units import Address


class SafeWallet:
    """The Safe at `address`. `sender` has the operator's key, if anybody has; `patience`: when a batch is final."""

    def __init__(
        self, rpc: Rpc, address: Address, deployment: Deployment, sender: Sender | Keyless, patience: Patience
    ) -> None:
        self.address = address
        self.operator = sender.operator
        self._rpc = rpc
        self._sender = sender
        self._multi_send = deployment.multi_send_call_only
        self._router = deployment.swap_router_02
        self._multi_send_seen = False
        self._simulator = Simulator(rpc, deployment.multicall3)
        self._counter = Counter(sender.nodes, self.operator)
        self._lander = Lander(sender.nodes, (address, self.operator), patience, self._why_failed, sender.relay)

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        """One execTransaction. The deadline stands inside the calls of our own router, and before those of others."""
        calls = [step.call for step in self._steps(quotes, snapshot, deadline)]
        return Batch(quotes, self.operator, exec_batch(self.address, self._multi_send, self.operator, calls), deadline)

    def withdrawal(self, orders: tuple[Order, ...]) -> Batch:
        """One execTransaction, without a deadline: late, it takes back what is over."""
        calls = [step.call for step in withdrawal_of(orders)]
        call = exec_batch(self.address, self._multi_send, self.operator, calls)
        return Batch((), self.operator, call, max(order.valid_to for order in orders), orders)

    def simulate(self, batch: Batch, snapshot: Snapshot, laid: Laid = NOTHING_LAID) -> Simulation:
        """The exact call from the operator, between two measurements. Raises Unavailable, ConfigError."""
        self._require_multi_send()
        trial = try_batch(self._simulator, self.address, batch, snapshot, laid)
        if trial.measured is None:
            return Reverted(self._why_reverted(batch, snapshot, trial))
        if not Words(trial.executed.data).flag(0):
            return Reverted(f"the Safe {self.address} reports that the batch failed")
        return fitting(trial.measured)

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        """Sign, if the operator and the Safe are still as they were read. Raises ConfigError, Unavailable, Halt."""
        reads = SafeReads(self.address)

        def unchanged(results: Sequence[CallResult]) -> None:
            now = reads.decode(results)
            if now != snapshot.wallet:
                raise Unavailable(
                    f"Safe {self.address}: changed since block {snapshot.block.number}, then {snapshot.wallet}, now "
                    f"{now}; what was planned is void, the next tick plans anew"
                )

        # What the operator has mined in between moves the Safe's nonce.
        nonce = self._counter.next(snapshot, reads.calls(), unchanged)
        return self._sender.sign(batch, simulation, snapshot, nonce, instead_of)

    def gas_now(self) -> Block:
        """See sending.py. Raises Unavailable."""
        return self._sender.gas_now()

    def rehearse(self, intent: Intent) -> str | None:
        """As it would be mined next. Raises Unavailable."""
        place = Place.after(self._sender.gas_now())
        transaction = intent.commitment.transaction
        outer = self._simulator.rehearse(self.operator, transaction, place)
        starved = None if outer.success else self._simulator.starved(self.operator, transaction, place)
        return starved or self.refusal(intent, outer, place)

    def refusal(self, intent: Intent, ran: Ran, place: Place) -> str | None:
        """Why the intent's call, run so, has not done what it is for; None: it has. Raises Unavailable."""
        if not ran.success:
            return self._why(intent, ran, place)
        to = intent.commitment.transaction.call.to
        return None if Words(ran.data).flag(0) else f"the Safe {to} reports that the batch failed"

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        """See sending.py. Raises ConfigError, Unavailable, Halt."""
        return self._sender.replace(intent, purpose, fees)

    def execute(self, intent: Intent) -> None:
        """Send the recorded bytes. Raises Unavailable, Halt."""
        self._sender.send(intent)

    def withdraw(self, intent: Intent) -> None:
        """Send the newest recorded bytes that take its orders back. Raises Unavailable, Halt."""
        self._sender.send_withdrawal(intent)

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        """See standing.py. Raises Unavailable, ConfigError, Halt."""
        return stands(self._sender.nodes, self._sender.chain_id, (block, block_hash), last_block)

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        """See landing.py. Raises Unavailable, ConfigError, Halt."""
        return self._lander.land(intent, patience, last_block)

    def _require_multi_send(self) -> None:
        """A delegatecall to an account without code succeeds and does nothing."""
        if not self._multi_send_seen and not hex_bytes(self._rpc.call("eth_getCode", self._multi_send, "latest")):
            raise ConfigError(
                f"MultiSendCallOnly {self._multi_send}: there is no code on this chain, so a batch would do nothing; "
                "check the chain"
            )
        self._multi_send_seen = True

    def _why_reverted(self, batch: Batch, snapshot: Snapshot, trial: Trial) -> str:
        inner = None
        if hides_the_reason(trial.executed.data):
            placing = self._steps(batch.quotes, snapshot, batch.deadline)
            steps = withdrawal_of(batch.withdrawn) if batch.withdrawn else placing
            inner = first_failure(self._simulator, self.address, steps, trial.place)
        return inner or safe_reason(trial.executed.data)

    def _steps(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> tuple[Step, ...]:
        steps = steps_of(quotes, snapshot)
        if all(quote.route is not None for quote in quotes):
            return steps
        # Calldata from outside has no deadline, or one of its venue's: mined much later, it would trade at old floors.
        return (Step("deadline", void_after(self._router, deadline)), *steps)

    def _why_failed(self, intent: Intent, block: int, timestamp: int) -> str:
        """As near as can be told: on the state before the whole block, at the block's time."""
        place = Place(block - 1, timestamp)
        (outer,) = self._simulator.run(self.operator, [intent.commitment.transaction.call], place)
        return "the same call succeeds on the block before" if outer.success else self._why(intent, outer, place)

    def _why(self, intent: Intent, outer: Ran, place: Place) -> str:
        call = intent.commitment.transaction.call
        names = {amount.token.address: f"{amount.token}.approve" for amount in intent.expected}
        calls = calls_of_batch(call.data)
        steps = [Step(names.get(c.to, f"call {n} of {len(calls)} to {c.to}"), c) for n, c in enumerate(calls, 1)]
        inner = first_failure(self._simulator, call.to, steps, place) if hides_the_reason(outer.data) else None
        return inner or safe_reason(outer.data)
