"""The operator's transactions: a call in, signed bytes out; recorded bytes in, sent.

The nonce is the chain's, not a memory of ours: a key that was also used elsewhere cannot put us out of step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rebalancer.adapters.chain.codec import CallResult, EthCall, hex_bytes, hex_int
from rebalancer.adapters.chain.rpc import Call, Rpc, RpcError
from rebalancer.core.cost import fees_for
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Batch, Limits, SignedTransaction, Simulated, Snapshot, Transaction
from rebalancer.ports import Signer
from rebalancer.units import BPS, mul_div_up

GAS_MARGIN = 15_000
"""Basis points of the simulated gas that the transaction may use. A quarter is what EIP-3529 may have given
back at the end but wants up front, the rest is for pools that moved. Gas that is not used is not paid."""
MOST_GAS = 1 << 24
"""Of one transaction: EIP-7825."""


def gas_limit(gas: int) -> int:
    """Of the transaction whose simulation used `gas`."""
    return min(mul_div_up(gas, GAS_MARGIN, BPS), MOST_GAS)


class Sender:
    """Makes and sends the operator's transactions on one chain."""

    def __init__(self, rpc: Rpc, chain_id: int, signer: Signer, limits: Limits) -> None:
        self._rpc = rpc
        self._chain_id = chain_id
        self._signer = signer
        self.operator = signer.address
        self._limits = limits

    def count_and_read(self, reads: Sequence[EthCall], snapshot: Snapshot) -> tuple[int, tuple[CallResult, ...]]:
        """The operator's next nonce, if it has sent nothing since the snapshot, and what `reads` give now.

        All in one batch, and the counts before the reads: what is mined for the operator in between shows in what
        was read, and what is mined later takes the nonce that was counted here. Raises Unavailable.
        """
        tags = (hex(snapshot.block.number), "latest", "pending")
        counts: list[Call] = [("eth_getTransactionCount", [self.operator, tag]) for tag in tags]
        calls: list[Call] = [("eth_call", [{"to": r.to, "data": "0x" + r.data.hex()}, "latest"]) for r in reads]
        answers = self._rpc.batch([*counts, *calls])
        nonce = self._free_nonce(answers[: len(counts)], snapshot)
        return nonce, tuple(CallResult(True, hex_bytes(answer)) for answer in answers[len(counts) :])

    def _free_nonce(self, answers: Sequence[Any], snapshot: Snapshot) -> int:
        before, mined, pending = (hex_int(count) for count in answers)
        if pending > mined:
            raise Unavailable(
                f"operator {self.operator}: {pending - mined} of its transactions wait to be mined (nonce {mined} is "
                "next), expected none; the operator's key should have no other use"
            )
        if mined < before:
            raise Unavailable(
                f"{self._rpc.host}: counts {mined} transactions of operator {self.operator} now, and {before} at block "
                f"{snapshot.block.number}: a node behind it has fallen behind; wait for it, or use another node"
            )
        if mined > before:
            raise Unavailable(
                f"operator {self.operator}: {mined - before} of its transactions were mined since block "
                f"{snapshot.block.number}, expected none; what was planned is void, the next tick plans anew"
            )
        return mined

    def sign(self, batch: Batch, simulation: Simulated, snapshot: Snapshot, nonce: int) -> SignedTransaction:
        """Raises ConfigError, Unavailable (gas cannot be paid), Halt."""
        transaction = Transaction(
            chain_id=self._chain_id,
            nonce=nonce,
            gas=gas_limit(simulation.gas),
            fees=fees_for(snapshot.block, self._limits),
            call=batch.call,
            access_list=simulation.access_list,
        )
        needed = transaction.gas * transaction.fees.max_fee
        if snapshot.operator_balance < needed:
            raise Unavailable(
                f"operator {batch.operator}: holds {snapshot.operator_balance} wei, the batch may need {needed} for "
                "gas; send it native coin"
            )
        signed = self._signer.sign(transaction)
        if signed.transaction != transaction:
            raise Halt(f"operator {batch.operator}: the signer signed another transaction than it was given")
        return signed

    def send(self, signed: SignedTransaction) -> None:
        """Safe to repeat. Raises Unavailable where the node neither takes nor knows it, Halt for a strange answer."""
        try:
            answer = self._rpc.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
        except RpcError as error:
            # "already known", "nonce too low" after it was mined: each node has its own words. Whether it
            # knows the transaction is the question, and all of them answer that alike.
            if self._rpc.call("eth_getTransactionByHash", signed.hash) is None:
                raise Unavailable(f"{error}; the transaction {signed.hash} was not taken") from None
            return
        if answer != signed.hash:
            raise Halt(f"{self._rpc.host}: sent {signed.hash}, was answered {str(answer)[:80]!r}; look at that node")
