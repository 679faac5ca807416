"""What became of a sent intent: the chain is asked until it is final or patience ends.

Gone is said only where the batch could do nothing any more, and Halt only with the other transaction at hand:
a node that lags behind may know neither the receipt nor the nonce. The wallet and the chain are the intent's own:
a configuration may have changed since it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import DecodeError, hex_int, printable
from rebalancer.adapters.chain.rpc import Rpc, RpcError, require_chain
from rebalancer.adapters.wallets.receipts import (
    Json,
    Proof,
    changes_of,
    field,
    is_proven,
    proof_of,
    quantity,
    transactions_of,
)
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Gone, Intent, Landed, Landing, Receipt, Waiting
from rebalancer.units import Address, Wei

Explain = Callable[[Intent, int, int], str]
"""(intent, the block that it failed in, that block's time) → why. Raises Unavailable."""

POLL_SECONDS = 1.0
INDEX_SECONDS = 600
"""A node's index of transactions may lag behind its blocks by minutes: so long after its deadline, a transaction that
is neither in the index nor in a block is believed to be none."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How deep a block must lie to be final (1: mined is enough), and how often to look, in seconds."""

    confirmations: int = 1
    poll: float = POLL_SECONDS


class Lander:
    """Watches the transactions that execute batches of a Safe. `accounts`: the Safe, and the operator who sends."""

    def __init__(self, rpc: Rpc, accounts: tuple[Address, Address], patience: Patience, explain: Explain) -> None:
        self._rpc = rpc
        self._safe, self._operator = accounts
        self._patience = patience
        self._explain = explain

    def land(self, intent: Intent, seconds: int) -> Landing:
        """Look at once, and again until it is final or `seconds` have gone by.

        Raises Unavailable, ConfigError (a node of another chain), Halt.
        """
        end = time.monotonic() + seconds
        while True:
            landing = self._look(intent)
            left = end - time.monotonic()
            if left <= 0 or not isinstance(landing, Waiting):
                return landing
            time.sleep(min(self._patience.poll, left))

    def _look(self, intent: Intent) -> Landing:
        signed = intent.commitment
        chain, receipt, head, used, known = self._rpc.batch(
            [
                ("eth_chainId", []),
                ("eth_getTransactionReceipt", [signed.hash]),
                ("eth_getBlockByNumber", ["latest", False]),
                ("eth_getTransactionCount", [self._operator, "latest"]),
                ("eth_getTransactionByHash", [signed.hash]),
            ]
        )
        require_chain(self._rpc.host, hex_int(chain), signed.transaction.chain_id)
        number, now = quantity("the newest block", head, "number"), quantity("the newest block", head, "timestamp")
        if receipt is not None:
            return self._mined(intent, receipt, number)
        if hex_int(used) > signed.transaction.nonce:
            void = known is None and now > intent.deadline + INDEX_SECONDS
            return self._nonce_used(intent, number, void)
        if known is not None:
            return _unmined(intent, now)
        if now > intent.deadline:
            return Gone(
                f"{signed.hash} was not mined by its deadline {intent.deadline} (block {number} has time {now}), and "
                f"{self._rpc.host} does not know it"
            )
        return Waiting(f"{self._rpc.host} does not know {signed.hash}, which can be mined until {intent.deadline}")

    def _mined(self, intent: Intent, receipt: Json, head: int) -> Landing:
        what = f"the receipt of {intent.commitment.hash}"
        if field(what, receipt, "transactionHash") != intent.commitment.hash:
            raise DecodeError(f"{self._rpc.host}: asked for {what}, was given another one; try another node")
        number, hash_ = quantity(what, receipt, "blockNumber"), field(what, receipt, "blockHash")
        depth = head - number + 1
        if depth < self._patience.confirmations:
            return Waiting(f"mined in block {number}, {depth} of {self._patience.confirmations} confirmations")
        block = self._rpc.call("eth_getBlockByNumber", hex(number), False)
        if block is None or field(f"block {number}", block, "hash") != hash_:
            return Waiting(f"block {number}, in which it was mined, is being replaced")
        timestamp = quantity(f"block {number}", block, "timestamp")
        proof = proof_of(intent.commitment.transaction.call, self._safe)
        return Landed(
            Receipt(
                tx=intent.commitment.hash,
                block=number,
                block_hash=str(hash_),
                timestamp=timestamp,
                gas_used=quantity(what, receipt, "gasUsed"),
                gas_price=Wei(quantity(what, receipt, "effectiveGasPrice")),
                changes=changes_of(receipt, proof.holder, [amount.token for amount in intent.expected]),
                reason=self._reason(intent, receipt, proof, (number, timestamp)),
            )
        )

    def _reason(self, intent: Intent, receipt: Json, proof: Proof, mined: tuple[int, int]) -> str | None:
        if quantity("a receipt", receipt, "status") == 1:
            return None if is_proven(receipt, proof) else f"mined, but {proof.missing}"
        used, limit = quantity("a receipt", receipt, "gasUsed"), intent.commitment.transaction.gas
        try:
            why = self._explain(intent, *mined)
        except Unavailable as error:
            # That it failed must be known even where the node cannot tell why.
            why = f"why is not known: {error}"
        return f"mined and reverted with {used} of {limit} gas: {why}"

    def _nonce_used(self, intent: Intent, head: int, void: bool) -> Landing:
        """No receipt, but the nonce is gone: ours was mined and the node lags, or another transaction took it.

        `void`: long past its deadline and unknown. Then it is gone, whoever took its place.
        """
        signed = intent.commitment
        try:
            found, where = self._found(intent, head)
        except RpcError as error:
            # A node that keeps no old states cannot tell where, and never will.
            if not void:
                raise
            found, where = False, str(error)
        if found:
            return Waiting(f"mined in {where}, {self._rpc.host} has no receipt yet")
        used = f"{self._rpc.host} says that nonce {signed.transaction.nonce} is used ({where})"
        if void:
            return Gone(f"{signed.hash} was not mined by its deadline {intent.deadline}: {used}, and does not know it")
        # Between two blocks, or behind a balancer of loads, a node's answers need not fit together.
        return Waiting(f"{used}, and has no receipt of {signed.hash}")

    def _found(self, intent: Intent, head: int) -> tuple[bool, str]:
        """(whether ours is there, the block in which its nonce was used). Halt where another transaction used it."""
        signed = intent.commitment
        number = self._block_of_nonce(signed.transaction.nonce, intent.block - 1, head)
        block = self._rpc.call("eth_getBlockByNumber", hex(number), True)
        for other in () if block is None else transactions_of(f"block {number}", block):
            sender = str(field("a transaction", other, "from")).lower()
            nonce = quantity("a transaction", other, "nonce")
            if (sender, nonce) != (self._operator.lower(), signed.transaction.nonce):
                continue
            used_by = printable(str(field("a transaction", other, "hash")))
            if used_by == signed.hash:
                return True, f"block {number}"
            raise Halt(
                f"operator {self._operator}: nonce {signed.transaction.nonce} was used by {used_by} (to "
                f"{printable(str(other.get('to')))}, in block {number}), so {signed.hash} can never be mined. Find out "
                "who else uses the operator's key, then resume: that closes the intent"
            )
        return False, f"block {number} shows no transaction with it"

    def _block_of_nonce(self, nonce: int, low: int, high: int) -> int:
        """The block after which the operator's count of transactions is above `nonce`, in (low, high]."""
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._count(middle) > nonce else (middle, high)
        return high

    def _count(self, block: int) -> int:
        return hex_int(self._rpc.call("eth_getTransactionCount", self._operator, hex(block)))


def _unmined(intent: Intent, now: int) -> Waiting:
    """The network knows it and has not mined it. Past its deadline no waiting helps: a person may cut it short."""
    signed = intent.commitment
    waits = f"{signed.hash} waits to be mined, with nonce {signed.transaction.nonce}"
    if now <= intent.deadline:
        return Waiting(waits)
    return Waiting(
        f"{waits}, and is {now - intent.deadline} s past its deadline: mined now, it can only revert and burn gas. "
        f"Wait until the network drops it, or replace it: from the operator to itself, 0 wei, with nonce "
        f"{signed.transaction.nonce}, a max fee above {signed.transaction.fees.max_fee} wei and a tip above "
        f"{signed.transaction.fees.tip} wei, both by an eighth or more; the next tick halts on that, and "
        f"`rebalancer resume` closes the intent"
    )
