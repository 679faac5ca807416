"""What became of the withdrawal of an intent's orders: its receipts and the operator's count in, by one node's word.

Its nonce is another than the intent's, and nothing of it can happen once that is used, by whichever transaction: then
the orders end as their events say.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.adapters.chain.codec import DecodeError
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.nonces import Nonces, Use
from rebalancer.adapters.wallets.receipts import Json, changes_of, field, quantity
from rebalancer.core.model import Intent, Waiting
from rebalancer.units import Address, Amount


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """As it was mined: what it cost, and what it moved."""

    gas_used: int
    gas_price: int
    changes: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """Its nonce is used, and this node has no receipt of it, and why. `by_another`: by a transaction that is none of
    ours, as deep as is asked for; else nobody knows by which.
    """

    reason: str
    by_another: bool


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """Asks `rpc`. `holder`: whose orders they are; `confirmations`: how deep one must lie to be final."""

    rpc: Rpc
    holder: Address
    operator: Address
    confirmations: int

    def ended(
        self, intent: Intent, receipts: tuple[tuple[int, Json], ...], newest: int, used: int
    ) -> Waiting | Withdrawn | Lost | None:
        """`receipts`: (place among the withdrawals, receipt) of those that are mined. `newest`: the node's newest
        block; `used`: how many of the operator's transactions were mined.

        None: there is none. Raises Unavailable.
        """
        if not intent.withdrawals:
            return None
        last = intent.withdrawals[-1].signed
        nonce = last.transaction.nonce
        if receipts:
            return self._mined(intent, receipts, newest)
        if used <= nonce:
            return Waiting(f"their withdrawal {last.hash} waits to be mined, with nonce {nonce}", withdrawing=True)
        use = Nonces(self.rpc, self.operator).use_of(nonce, intent.block - 1, newest)
        ours = {each.signed.hash for each in intent.withdrawals}
        another = isinstance(use, Use) and use.hash not in ours and newest - use.block + 1 >= self.confirmations
        seen = f"nonce {nonce} of their withdrawal is used ({use})"
        return Lost(seen if another else f"{seen}, and {self.rpc.host} has no receipt of it yet", another)

    def _mined(self, intent: Intent, receipts: tuple[tuple[int, Json], ...], newest: int) -> Waiting | Withdrawn:
        (place, receipt), *more = receipts
        signed = intent.withdrawals[place].signed
        what = f"the receipt of {signed.hash}"
        if more or str(field(what, receipt, "transactionHash")).lower() != signed.hash:
            raise DecodeError(f"{self.rpc.host}: asked for {what}, was given another one, or several of one nonce")
        number = quantity(what, receipt, "blockNumber")
        depth = max(newest - number + 1, 0)
        if depth < self.confirmations:
            deep = f"{depth} of {self.confirmations} confirmations"
            return Waiting(f"their withdrawal was mined in block {number}, {deep}")
        block = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        if block is None or field(f"block {number}", block, "hash") != field(what, receipt, "blockHash"):
            return Waiting(f"block {number}, in which their withdrawal was mined, is being replaced")
        gas = quantity(what, receipt, "gasUsed"), quantity(what, receipt, "effectiveGasPrice")
        return Withdrawn(*gas, changes_of(receipt, self.holder, [amount.token for amount in intent.expected]))
