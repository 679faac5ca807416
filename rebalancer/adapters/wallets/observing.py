"""What one node says of a sent intent: an intent in, its landing by that node's word out.

Of transactions with one nonce the chain takes at most one. Gone is said only where none of them could do anything any
more, and Halt only where the nonce is used by none of them, or was given back: a node that lags behind may know neither
the receipt nor the nonce. The wallet and the chain are the intent's own: a configuration may have changed since it was
sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import DecodeError, hex_int
from rebalancer.adapters.chain.rpc import Call, Rpc, require_chain
from rebalancer.adapters.wallets.doubts import doubt_failure
from rebalancer.adapters.wallets.nonces import Nonces, Use
from rebalancer.adapters.wallets.pool_events import swaps_of
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
from rebalancer.adapters.wallets.unmined import (
    believed_at,
    is_cancellation,
    missing_before,
    names_of,
    unknown,
    unmined,
)
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Gone, Intent, Landed, Landing, Receipt, SignedTransaction, Waiting
from rebalancer.units import Address, Wei

Explain = Callable[[Intent, int, int], str]
"""(intent, the block that it failed in, that block's time) → why. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node says at one time: its newest block's number and time, and `used`: how many transactions of the
    operator's were mined.
    """

    number: int
    timestamp: int
    used: int
    mined: tuple[tuple[int, Json], ...]
    """(its place among the intent's transactions, its receipt)."""
    known: tuple[SignedTransaction, ...]
    withdrawn: tuple[tuple[int, Json], ...] = ()
    """As `mined`, of its withdrawals: their nonce is another."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Asks `rpc`. `confirmations`: how deep a block must lie to be final; `relay`: the host that transactions are sent
    to, where that is no node.
    """

    rpc: Rpc
    safe: Address
    operator: Address
    confirmations: int
    explain: Explain
    relay: str | None

    def ask(self, intent: Intent) -> Seen:
        """In one request. A receipt is asked for before its transaction: what is mined in between is still known.

        Raises Unavailable, ConfigError (another chain).
        """
        signed = intent.transactions
        withdrawals = [each.signed for each in intent.withdrawals]
        calls: list[Call] = [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_getTransactionCount", [self.operator, "latest"]),
        ]
        for each in signed:
            calls += [("eth_getTransactionReceipt", [each.hash]), ("eth_getTransactionByHash", [each.hash])]
        calls += [("eth_getTransactionReceipt", [each.hash]) for each in withdrawals]
        chain, head, used, *answers = self.rpc.batch(calls)
        found, taken_back = answers[: 2 * len(signed)], answers[2 * len(signed) :]
        require_chain(self.rpc.host, hex_int(chain), intent.commitment.transaction.chain_id)
        receipts, known = found[::2], found[1::2]
        return Seen(
            number=quantity("the newest block", head, "number"),
            timestamp=quantity("the newest block", head, "timestamp"),
            used=hex_int(used),
            mined=tuple((place, receipt) for place, receipt in enumerate(receipts) if receipt is not None),
            known=tuple(each for each, answer in zip(signed, known, strict=True) if answer is not None),
            withdrawn=tuple((place, receipt) for place, receipt in enumerate(taken_back) if receipt is not None),
        )

    def landing(self, intent: Intent, seen: Seen, now: int) -> Landing:
        """What `seen` means. `now` is our clock's: of it and the node's, the earlier says what is over.

        Raises Unavailable, Halt.
        """
        nonce = intent.commitment.transaction.nonce
        is_over = min(seen.timestamp, now) > believed_at(intent)
        if seen.mined:
            landing = self._mined(intent, seen)
            if not intent.orders or not isinstance(landing, Landed) or landing.receipt.reason is not None:
                return landing
            return self._ordered(intent, seen, landing.receipt)
        if seen.used > nonce:
            return self._nonce_used(intent, seen, is_over)
        if seen.used < nonce and is_over:
            raise Halt(
                f"operator {self.operator}: {self.rpc.host} says that its next nonce is {seen.used}, and the nonce of "
                f"{names_of(intent)} is {nonce}, long past its deadline {intent.deadline}: an earlier transaction was "
                "taken back with its block, so this one cannot be mined. Look on an explorer for the operator's next "
                "nonce, and for every transaction in `rebalancer history`: where they stand, use another node; else "
                "what they moved is undone. Then resume: that closes the intent"
            )
        if is_over and not seen.known:
            return Gone(
                f"{names_of(intent)} was not mined by its deadline {intent.deadline} (block {seen.number} has time "
                f"{seen.timestamp}), and {self.rpc.host} does not know it"
            )
        at = seen.timestamp
        waits = unmined(intent, seen.known[-1], at) if seen.known else self._unknown(intent, at)
        return Waiting(waits + missing_before(intent, seen.used))

    def _unknown(self, intent: Intent, now: int) -> str:
        hidden = "" if self.relay is None else f" (nor can it: it was sent to {self.relay}, which keeps it to itself)"
        return unknown(intent, now, self.rpc.host) + hidden

    def _mined(self, intent: Intent, seen: Seen) -> Landing:
        (place, receipt), *more = seen.mined
        signed = intent.transactions[place]
        what = f"the receipt of {signed.hash}"
        if more:
            raise DecodeError(f"{self.rpc.host}: gives receipts of {1 + len(more)} transactions with one nonce")
        if str(field(what, receipt, "transactionHash")).lower() != signed.hash:
            raise DecodeError(f"{self.rpc.host}: asked for {what}, was given another one; try another node")
        number, hash_ = quantity(what, receipt, "blockNumber"), field(what, receipt, "blockHash")
        depth = _depth(seen, number)
        if depth < self.confirmations:
            reason = f"mined in block {number}, {depth} of {self.confirmations} confirmations"
            return Waiting(reason, mined=True, block_hash=str(hash_))
        block = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        if block is None or field(f"block {number}", block, "hash") != hash_ or is_removed(receipt):
            return Waiting(f"block {number}, in which it was mined, is being replaced", mined=True)
        timestamp = quantity(f"block {number}", block, "timestamp")
        proof = proof_of(intent.commitment.transaction.call, self.safe)
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
                swaps=swaps_of(receipt, intent.pools),
            )
        )

    def _ordered(self, intent: Intent, seen: Seen, placed: Receipt) -> Landing:
        """Of an intent whose transaction has placed orders: what became of them, and of their withdrawal."""
        # Late: few ticks have an order.
        from rebalancer.adapters.wallets.ordering import Ordering
        from rebalancer.adapters.wallets.withdrawals import Withdrawals

        holder = proof_of(intent.commitment.transaction.call, self.safe).holder
        withdrawals = Withdrawals(self.rpc, holder, self.operator, self.confirmations)
        withdrawn = withdrawals.ended(intent, seen.withdrawn, seen.number, seen.used)
        ordering = Ordering(self.rpc, holder, self.confirmations)
        return ordering.landing(intent, placed, (seen.number, seen.timestamp), withdrawn)

    def _reason(self, intent: Intent, receipt: Json, proof: Proof, mined: tuple[int, int]) -> str | None:
        succeeded = quantity("a receipt", receipt, "status") == 1
        if succeeded and is_proven(receipt, proof):
            return None
        doubt = doubt_failure(self.rpc, proof.holder, intent, mined[0])
        if doubt is not None:
            raise Unavailable(doubt)
        if succeeded:
            return f"mined, but {proof.missing}"
        used, limit = quantity("a receipt", receipt, "gasUsed"), intent.commitment.transaction.gas
        try:
            why = self.explain(intent, *mined)
        except Unavailable as error:
            # That it failed must be known even where the node cannot tell why.
            why = f"why is not known: {error}"
        return f"mined and reverted with {used} of {limit} gas: {why}"

    def _nonce_used(self, intent: Intent, seen: Seen, is_over: bool) -> Waiting:
        """No receipt, but the nonce is gone: ours was mined and the node lags, or another transaction took it. Halt."""
        nonce, host = intent.commitment.transaction.nonce, self.rpc.host
        use = Nonces(self.rpc, self.operator).use_of(nonce, intent.block - 1, seen.number)
        if isinstance(use, Use) and use.hash in {each.hash for each in intent.transactions}:
            return Waiting(f"mined in block {use.block}, {host} has no receipt yet", mined=True)
        if isinstance(use, Use):
            depth = _depth(seen, use.block)
            if depth < self.confirmations:
                # Its block may be replaced yet by one that holds ours.
                reason = f"nonce {nonce} was used by {use}, {depth} of {self.confirmations} confirmations"
                return Waiting(reason, mined=True)
            raise Halt(
                f"operator {self.operator}: nonce {nonce} was used by {use}, so {names_of(intent)} can never be "
                "mined. Find out who else uses the operator's key, or whether an earlier intent came late (`rebalancer "
                "history`), then resume: that closes the intent"
            )
        used = f"{host} says that nonce {nonce} is used ({use})"
        if not seen.known and is_over:
            raise Halt(
                f"operator {self.operator}: {used}, and knows nothing of {names_of(intent)}, long past its deadline "
                f"{intent.deadline}. Look on an explorer which transaction of the operator has that nonce: where it is "
                "this one, use another node; else find out who uses the key, then resume: that closes the intent"
            )
        # Between two blocks, or behind a balancer of loads, a node's answers need not fit together.
        return Waiting(f"{used}, and has no receipt of {names_of(intent)}", mined=True)


def _depth(seen: Seen, number: int) -> int:
    """Blocks down to block `number` and with it; 0 where it is above the newest."""
    return max(seen.number - number + 1, 0)


def _cancelled(intent: Intent, place: int) -> str | None:
    if not is_cancellation(intent, intent.transactions[place]):
        return None
    nonce = intent.commitment.transaction.nonce
    return f"cancelled: {intent.transactions[place].hash} has used up nonce {nonce}, so the batch can never be mined"
