"""What became of a sent intent: the chain is asked about all its transactions until it is final or patience ends.

Of transactions with one nonce the chain takes at most one. Gone is said only where none of them could do anything any
more, and Halt only where the nonce is used by none of them: a node that lags behind may know neither the receipt nor
the nonce. The wallet and the chain are the intent's own: a configuration may have changed since it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import DecodeError, hex_int
from rebalancer.adapters.chain.rpc import Call, Rpc, require_chain
from rebalancer.adapters.wallets.doubts import doubt_failure
from rebalancer.adapters.wallets.nonces import Nonces, Use
from rebalancer.adapters.wallets.receipts import (
    Json,
    Proof,
    changes_of,
    field,
    is_proven,
    is_removed,
    proof_of,
    quantity,
)
from rebalancer.adapters.wallets.unmined import is_cancellation, missing_before, names_of, unknown, unmined
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Gone,
    Intent,
    Landed,
    Landing,
    Receipt,
    SignedTransaction,
    Waiting,
)
from rebalancer.units import Address, Wei

Explain = Callable[[Intent, int, int], str]
"""(intent, the block that it failed in, that block's time) → why. Raises Unavailable."""

POLL_SECONDS = 1.0
INDEX_SECONDS = 600
"""A node's index of transactions may lag behind its blocks by minutes, and a relay shows nobody what it holds: so long
after the deadline, a transaction that is neither in the index nor in a block is believed to be none."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How deep a block must lie to be final (1: mined is enough), and how often to look, in seconds."""

    confirmations: int = 1
    poll: float = POLL_SECONDS


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a node says at one time. `used`: how many transactions of the operator's were mined."""

    head: int
    now: int
    used: int
    mined: tuple[tuple[int, Json], ...]
    """(its place among the intent's transactions, its receipt)."""
    known: tuple[SignedTransaction, ...]


class Lander:
    """Watches the transactions that execute batches of a Safe.

    `accounts`: the Safe, and the operator who sends; `relay`: the host that they are sent to, where that is no node.
    """

    def __init__(
        self,
        rpc: Rpc,
        accounts: tuple[Address, Address],
        patience: Patience,
        explain: Explain,
        relay: str | None = None,
    ) -> None:
        self._rpc = rpc
        self._relay = relay
        self._safe, self._operator = accounts
        self._patience = patience
        self._explain = explain
        self._nonces = Nonces(rpc, self._operator)

    def land(self, intent: Intent, seconds: int, last_block: int) -> Landing:
        """Look at once, and again until it is final or `seconds` have gone by; what fails is tried again so long.

        Raises Unavailable (the last look failed, or the node is behind), ConfigError (a node of another chain), Halt.
        """
        end = time.monotonic() + seconds
        while True:
            seen: Landing | Unavailable
            try:
                seen = self._look(intent, max(last_block, intent.block))
            except Unavailable as error:
                seen = error
            left = end - time.monotonic()
            if left <= 0 or isinstance(seen, Landed | Gone):
                break
            time.sleep(min(self._patience.poll, left))
        if isinstance(seen, Unavailable):
            raise seen
        return seen

    def _look(self, intent: Intent, least: int) -> Landing:
        seen = self._ask(intent)
        while seen.head < least and self._rpc.turn_away():
            seen = self._ask(intent)
        if seen.head < least:
            raise Unavailable(
                f"{self._rpc.host}: at block {seen.head}, behind block {least} that was read before, so what it says "
                f"of {intent.newest.hash} is not believed; wait for it to catch up, or use another node"
            )
        if seen.mined:
            return self._mined(intent, seen)
        if seen.used > intent.commitment.transaction.nonce:
            return self._nonce_used(intent, seen)
        if not seen.known and seen.now > _believed_at(intent):
            return Gone(
                f"{names_of(intent)} was not mined by its deadline {intent.deadline} (block {seen.head} has time "
                f"{seen.now}), and {self._rpc.host} does not know it"
            )
        waits = unmined(intent, seen.known[-1], seen.now) if seen.known else self._unknown(intent, seen.now)
        return Waiting(waits + missing_before(intent, seen.used))

    def _unknown(self, intent: Intent, now: int) -> str:
        hidden = "" if self._relay is None else f" (nor can it: it was sent to {self._relay}, which keeps it to itself)"
        return unknown(intent, now, self._rpc.host) + hidden

    def _ask(self, intent: Intent) -> _Seen:
        """In one request. A receipt is asked for before its transaction: what is mined in between is still known."""
        signed = intent.transactions
        calls: list[Call] = [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_getTransactionCount", [self._operator, "latest"]),
        ]
        for each in signed:
            calls += [("eth_getTransactionReceipt", [each.hash]), ("eth_getTransactionByHash", [each.hash])]
        chain, head, used, *found = self._rpc.batch(calls)
        require_chain(self._rpc.host, hex_int(chain), intent.commitment.transaction.chain_id)
        receipts, known = found[::2], found[1::2]
        return _Seen(
            head=quantity("the newest block", head, "number"),
            now=quantity("the newest block", head, "timestamp"),
            used=hex_int(used),
            mined=tuple((place, receipt) for place, receipt in enumerate(receipts) if receipt is not None),
            known=tuple(each for each, answer in zip(signed, known, strict=True) if answer is not None),
        )

    def _mined(self, intent: Intent, seen: _Seen) -> Landing:
        (place, receipt), *more = seen.mined
        signed = intent.transactions[place]
        what = f"the receipt of {signed.hash}"
        if more:
            raise DecodeError(f"{self._rpc.host}: gives receipts of {1 + len(more)} transactions with one nonce")
        if str(field(what, receipt, "transactionHash")).lower() != signed.hash:
            raise DecodeError(f"{self._rpc.host}: asked for {what}, was given another one; try another node")
        number, hash_ = quantity(what, receipt, "blockNumber"), field(what, receipt, "blockHash")
        depth = max(seen.head - number + 1, 0)
        if depth < self._patience.confirmations:
            reason = f"mined in block {number}, {depth} of {self._patience.confirmations} confirmations"
            return Waiting(reason, mined=True)
        block = self._rpc.call("eth_getBlockByNumber", hex(number), False)
        if block is None or field(f"block {number}", block, "hash") != hash_ or is_removed(receipt):
            return Waiting(f"block {number}, in which it was mined, is being replaced", mined=True)
        timestamp = quantity(f"block {number}", block, "timestamp")
        proof = proof_of(intent.commitment.transaction.call, self._safe)
        return Landed(
            Receipt(
                tx=signed.hash,
                block=number,
                block_hash=str(hash_),
                timestamp=timestamp,
                gas_used=quantity(what, receipt, "gasUsed"),
                gas_price=Wei(quantity(what, receipt, "effectiveGasPrice")),
                changes=changes_of(receipt, proof.holder, [amount.token for amount in intent.expected]),
                reason=_cancelled(intent, place) or self._reason(intent, receipt, proof, (number, timestamp)),
            )
        )

    def _reason(self, intent: Intent, receipt: Json, proof: Proof, mined: tuple[int, int]) -> str | None:
        succeeded = quantity("a receipt", receipt, "status") == 1
        if succeeded and is_proven(receipt, proof):
            return None
        doubt = doubt_failure(self._rpc, proof.holder, intent, mined[0])
        if doubt is not None:
            raise Unavailable(doubt)
        if succeeded:
            return f"mined, but {proof.missing}"
        used, limit = quantity("a receipt", receipt, "gasUsed"), intent.commitment.transaction.gas
        try:
            why = self._explain(intent, *mined)
        except Unavailable as error:
            # That it failed must be known even where the node cannot tell why.
            why = f"why is not known: {error}"
        return f"mined and reverted with {used} of {limit} gas: {why}"

    def _nonce_used(self, intent: Intent, seen: _Seen) -> Waiting:
        """No receipt, but the nonce is gone: ours was mined and the node lags, or another transaction took it. Halt."""
        nonce, host = intent.commitment.transaction.nonce, self._rpc.host
        use = self._nonces.use_of(nonce, intent.block - 1, seen.head)
        if isinstance(use, Use) and use.hash in {each.hash for each in intent.transactions}:
            return Waiting(f"mined in block {use.block}, {host} has no receipt yet", mined=True)
        if isinstance(use, Use):
            raise Halt(
                f"operator {self._operator}: nonce {nonce} was used by {use}, so {names_of(intent)} can never be "
                "mined. Find out who else uses the operator's key, or whether an earlier intent came late (`rebalancer "
                "history`), then resume: that closes the intent"
            )
        used = f"{host} says that nonce {nonce} is used ({use})"
        if not seen.known and seen.now > _believed_at(intent):
            raise Halt(
                f"operator {self._operator}: {used}, and knows nothing of {names_of(intent)}, long past its deadline "
                f"{intent.deadline}. Look on an explorer which transaction of the operator has that nonce: where it is "
                "this one, use another node; else find out who uses the key, then resume: that closes the intent"
            )
        # Between two blocks, or behind a balancer of loads, a node's answers need not fit together.
        return Waiting(f"{used}, and has no receipt of {names_of(intent)}", mined=True)


def _believed_at(intent: Intent) -> int:
    """From when on a node that does not know any of its transactions is believed. A cancellation has no deadline."""
    signed_at = (each.at for each in intent.replacements)
    return max((intent.deadline, *signed_at)) + INDEX_SECONDS


def _cancelled(intent: Intent, place: int) -> str | None:
    if not is_cancellation(intent, intent.transactions[place]):
        return None
    nonce = intent.commitment.transaction.nonce
    return f"cancelled: {intent.transactions[place].hash} has used up nonce {nonce}, so the batch can never be mined"
