"""What became of a sent intent: the chain is asked until it is final or patience ends.

Gone is said only where the batch could do nothing any more, and Halt only with the other transaction at hand:
a node that lags behind may know neither the receipt nor the nonce.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import hex_int
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.receipts import Json, changes_of, field, quantity, says_success
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Gone, Intent, Landed, Landing, Receipt, Waiting
from rebalancer.units import Address, Wei

Explain = Callable[[Intent, int, int], str]
"""(intent, the block that it failed in, that block's time) → why. Raises Unavailable."""

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How deep a block must lie to be final (1: mined is enough), and how often to look, in seconds."""

    confirmations: int = 1
    poll: float = POLL_SECONDS


class Lander:
    """Watches the transactions of `operator` that execute batches of the Safe `wallet`."""

    def __init__(self, rpc: Rpc, wallet: Address, operator: Address, patience: Patience, explain: Explain) -> None:
        self._rpc = rpc
        self._wallet = wallet
        self._operator = operator
        self._patience = patience
        self._explain = explain

    def land(self, intent: Intent, seconds: int) -> Landing:
        """Look at once, and again until it is final or `seconds` have gone by. Raises Unavailable, Halt."""
        end = time.monotonic() + seconds
        while True:
            landing = self._look(intent)
            left = end - time.monotonic()
            if left <= 0 or not isinstance(landing, Waiting):
                return landing
            time.sleep(min(self._patience.poll, left))

    def _look(self, intent: Intent) -> Landing:
        signed = intent.commitment
        receipt, head, used, known = self._rpc.batch(
            [
                ("eth_getTransactionReceipt", [signed.hash]),
                ("eth_getBlockByNumber", ["latest", False]),
                ("eth_getTransactionCount", [self._operator, "latest"]),
                ("eth_getTransactionByHash", [signed.hash]),
            ]
        )
        number, now = quantity("the newest block", head, "number"), quantity("the newest block", head, "timestamp")
        if receipt is not None:
            return self._mined(intent, receipt, number)
        if hex_int(used) > signed.transaction.nonce:
            return self._nonce_used(intent, number)
        if known is not None:
            return Waiting(f"{signed.hash} waits to be mined, with nonce {signed.transaction.nonce}")
        if now > intent.deadline:
            return Gone(
                f"{signed.hash} was not mined by its deadline {intent.deadline} (block {number} has time {now}), and "
                f"{self._rpc.host} does not know it"
            )
        return Waiting(f"{self._rpc.host} does not know {signed.hash}, which can be mined until {intent.deadline}")

    def _mined(self, intent: Intent, receipt: Json, head: int) -> Landing:
        what = f"the receipt of {intent.commitment.hash}"
        number, hash_ = quantity(what, receipt, "blockNumber"), field(what, receipt, "blockHash")
        depth = head - number + 1
        if depth < self._patience.confirmations:
            return Waiting(f"mined in block {number}, {depth} of {self._patience.confirmations} confirmations")
        block = self._rpc.call("eth_getBlockByNumber", hex(number), False)
        if block is None or field(f"block {number}", block, "hash") != hash_:
            return Waiting(f"block {number}, in which it was mined, is being replaced")
        timestamp = quantity(f"block {number}", block, "timestamp")
        return Landed(
            Receipt(
                tx=intent.commitment.hash,
                block=number,
                block_hash=str(hash_),
                timestamp=timestamp,
                gas_used=quantity(what, receipt, "gasUsed"),
                gas_price=Wei(quantity(what, receipt, "effectiveGasPrice")),
                changes=changes_of(receipt, self._wallet, [amount.token for amount in intent.expected]),
                reason=self._reason(intent, receipt, (number, timestamp)),
            )
        )

    def _reason(self, intent: Intent, receipt: Json, mined: tuple[int, int]) -> str | None:
        if quantity("a receipt", receipt, "status") == 1:
            done = says_success(receipt, self._wallet)
            return None if done else f"mined, but the Safe {self._wallet} does not report ExecutionSuccess"
        used, limit = quantity("a receipt", receipt, "gasUsed"), intent.commitment.transaction.gas
        try:
            why = self._explain(intent, *mined)
        except Unavailable as error:
            # That it failed must be known even where the node cannot tell why.
            why = f"why is not known: {error}"
        return f"mined and reverted with {used} of {limit} gas: {why}"

    def _nonce_used(self, intent: Intent, head: int) -> Landing:
        """No receipt, but the nonce is gone: ours was mined and the node lags, or another transaction took it."""
        signed = intent.commitment
        number = self._block_of_nonce(signed.transaction.nonce, intent.block - 1, head)
        block = self._rpc.call("eth_getBlockByNumber", hex(number), True)
        for other in field(f"block {number}", block, "transactions"):
            sender = str(field("a transaction", other, "from")).lower()
            if (
                sender != self._operator.lower()
                or quantity("a transaction", other, "nonce") != signed.transaction.nonce
            ):
                continue
            if other["hash"] == signed.hash:
                return Waiting(f"mined in block {number}, {self._rpc.host} has no receipt yet")
            raise Halt(
                f"operator {self._operator}: nonce {signed.transaction.nonce} was used by {other['hash']} (to "
                f"{other.get('to')}, in block {number}), so {signed.hash} can never be mined. Find out who else uses "
                "the operator's key, then close the intent"
            )
        # Between two blocks, or behind a balancer of loads, a node's answers need not fit together.
        return Waiting(
            f"{self._rpc.host} says that nonce {signed.transaction.nonce} is used, but block {number} shows no "
            "transaction with it"
        )

    def _block_of_nonce(self, nonce: int, low: int, high: int) -> int:
        """The block after which the operator's count of transactions is above `nonce`, in (low, high]."""
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._count(middle) > nonce else (middle, high)
        return high

    def _count(self, block: int) -> int:
        return hex_int(self._rpc.call("eth_getTransactionCount", self._operator, hex(block)))
