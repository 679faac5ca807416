"""Wallet kind `safe`: the operator is an owner of a Safe with threshold 1, and sends each batch itself.

One execTransaction delegates to MultiSendCallOnly. The Safe takes the sender as the signature, so the very
bytes that are simulated are the ones that are sent.
"""

from __future__ import annotations

from rebalancer.adapters.chain.codec import CallResult, EthCall, Words, hex_bytes
from rebalancer.adapters.chain.deployments import Deployment
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.abi import allowance, balance_of, calls_of_batch, exec_batch
from rebalancer.adapters.wallets.landing import Lander, Patience, wallet_of
from rebalancer.adapters.wallets.reasons import first_failure, hides_the_reason, safe_reason
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.adapters.wallets.simulation import Place, Ran, Simulator
from rebalancer.adapters.wallets.steps import Step, approvals_of, steps_of
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import (
    Allowance,
    Batch,
    Commitment,
    Intent,
    Landing,
    Quote,
    Reverted,
    Simulated,
    Simulation,
    Snapshot,
)
from rebalancer.units import Address, Amount

SLOT_SECONDS = 12
"""Mainnet's: a batch is simulated in the block after the snapshot's, at the earliest time that it can have."""


class SafeWallet:
    """The Safe at `address`. `sender` holds the operator's key; `patience` says when a batch is final."""

    def __init__(self, rpc: Rpc, address: Address, deployment: Deployment, sender: Sender, patience: Patience) -> None:
        self.address = address
        self.operator = sender.operator
        self._rpc = rpc
        self._sender = sender
        self._multi_send = deployment.multi_send_call_only
        self._multi_send_seen = False
        self._simulator = Simulator(rpc, deployment.multicall3)
        self._lander = Lander(rpc, self.operator, patience, self._why_failed)

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        """One execTransaction. The deadline stands inside the venues' calls."""
        calls = [step.call for step in steps_of(quotes, snapshot)]
        return Batch(quotes, self.operator, exec_batch(self.address, self._multi_send, self.operator, calls), deadline)

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        """The exact call from the operator, between two measurements. Raises Unavailable, ConfigError."""
        self._require_multi_send()
        place = Place(snapshot.block.number, snapshot.block.timestamp + SLOT_SECONDS)
        tokens = [balance.token for balance in snapshot.balances]
        approvals = approvals_of(batch.quotes)
        reads = [balance_of(token.address, self.address) for token in tokens]
        reads_after = reads + [allowance(a.token.address, self.address, a.spender) for a in approvals]
        ran = self._simulator.run(self.operator, [*reads, batch.call, *reads_after], place)
        before, executed, after = ran[: len(reads)], ran[len(reads)], ran[len(reads) + 1 :]
        if not executed.success:
            return Reverted(self._why_reverted(batch, snapshot, (executed, place)))
        if not Words(executed.data).flag(0):
            return Reverted(f"the Safe {self.address} reports that the batch failed")
        left = [_measured(result) for result in after[len(reads) :]]
        gas = executed.gas if executed.gas is not None else self._simulator.gas(self.operator, batch.call, place)
        return Simulated(
            changes=tuple(
                Amount(token, _measured(later) - _measured(sooner))
                for token, sooner, later in zip(tokens, before, after[: len(reads)], strict=True)
            ),
            allowances=tuple(
                Allowance(a.spender, Amount(a.token, raw)) for a, raw in zip(approvals, left, strict=True)
            ),
            gas=gas,
        )

    def commit(self, batch: Batch, simulation: Simulated, snapshot: Snapshot) -> Commitment:
        """Sign, if the operator and the Safe are still as they were read. Raises ConfigError, Unavailable, Halt."""
        reads, counts = SafeReads(self.address), self._sender.counts(snapshot)
        # In one batch, and the operator's counts before the Safe: what the operator has mined in between moves the
        # Safe's nonce, and what it has mined later takes the nonce that was counted here.
        answers = self._rpc.batch([*counts, *(("eth_call", [_as_json(call), "latest"]) for call in reads.calls())])
        nonce = self._sender.free_nonce(answers[: len(counts)], snapshot)
        now = reads.decode([CallResult(True, hex_bytes(answer)) for answer in answers[len(counts) :]])
        if now != snapshot.wallet:
            raise Unavailable(
                f"Safe {self.address}: changed since block {snapshot.block.number}, then {snapshot.wallet}, now {now}; "
                "what was planned is void, the next tick plans anew"
            )
        return self._sender.sign(batch, simulation, snapshot, nonce)

    def execute(self, intent: Intent) -> None:
        """Send the recorded bytes. Raises Unavailable, Halt."""
        self._sender.send(intent.commitment)

    def land(self, intent: Intent, patience: int) -> Landing:
        """See landing.py. Raises Unavailable, ConfigError, Halt."""
        return self._lander.land(intent, patience)

    def _require_multi_send(self) -> None:
        """A delegatecall to an account without code succeeds and does nothing."""
        if not self._multi_send_seen and not hex_bytes(self._rpc.call("eth_getCode", self._multi_send, "latest")):
            raise ConfigError(
                f"MultiSendCallOnly {self._multi_send}: there is no code on this chain, so a batch would do nothing; "
                "check the chain"
            )
        self._multi_send_seen = True

    def _why_reverted(self, batch: Batch, snapshot: Snapshot, ran: tuple[Ran, Place]) -> str:
        executed, place = ran
        inner = None
        if hides_the_reason(executed.data):
            inner = first_failure(self._simulator, self.address, steps_of(batch.quotes, snapshot), place)
        return inner or safe_reason(executed.data)

    def _why_failed(self, intent: Intent, block: int, timestamp: int) -> str:
        """As near as can be told: on the state before the whole block, at the block's time."""
        call = intent.commitment.transaction.call
        names = {amount.token.address: f"{amount.token}.approve" for amount in intent.expected}
        calls = calls_of_batch(call.data)
        steps = [Step(names.get(c.to, f"call {n} of {len(calls)} to {c.to}"), c) for n, c in enumerate(calls, 1)]
        place = Place(block - 1, timestamp)
        (outer,) = self._simulator.run(self.operator, [call], place)
        if outer.success:
            return "the same call succeeds on the block before"
        inner = (
            first_failure(self._simulator, wallet_of(intent), steps, place) if hides_the_reason(outer.data) else None
        )
        return inner or safe_reason(outer.data)


def _measured(result: Ran) -> int:
    """A balance or allowance. Where it could be read before the batch, it can be read after."""
    if not result.success:
        raise Unavailable("a balance could not be read around the simulated batch; try again at the next tick")
    return Words(result.data).uint(0)


def _as_json(call: EthCall) -> dict[str, str]:
    return {"to": call.to, "data": "0x" + call.data.hex()}
