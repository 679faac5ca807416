"""Which transaction used a nonce of the operator's: a nonce and a range of blocks in, that transaction out.

Found by the operator's counts at earlier blocks. Where a node keeps no old states, the blocks themselves are looked
through, a bounded number of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rebalancer.adapters.chain.codec import hex_int, printable
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.receipts import field, quantity, transactions_of
from rebalancer.units import Address

SCANNED = 64
"""Blocks that are looked through at most, half of them at each end: a nonce is used soon after the batch was signed, or
was used just now."""
AT_ONCE = 8
"""Whole blocks in one request: some megabytes of mainnet's."""


@dataclass(frozen=True, slots=True)
class Use:
    """A transaction of the operator's, as a block shows it."""

    hash: str
    to: str
    block: int

    def __str__(self) -> str:
        return f"{self.hash} (to {self.to}, in block {self.block})"


class Nonces:
    """Of one operator, as one node shows them."""

    def __init__(self, rpc: Rpc, operator: Address) -> None:
        self._rpc = rpc
        self._operator = operator

    def use_of(self, nonce: int, low: int, high: int) -> Use | str:
        """The transaction with `nonce` in the blocks (low, high]; or, in words, why it cannot be told.

        Raises Unavailable where the node gives no answer at all.
        """
        try:
            number = self._block_of(nonce, low, high)
            found = self._use_in([number], nonce)
        except RpcError as error:
            return self._scanned(nonce, low, high, error)
        return found or f"block {number} shows no transaction with it"

    def _block_of(self, nonce: int, low: int, high: int) -> int:
        """The block after which the operator's count of transactions is above `nonce`, in (low, high]."""
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._count(middle) > nonce else (middle, high)
        return high

    def _count(self, block: int) -> int:
        return hex_int(self._rpc.call("eth_getTransactionCount", self._operator, hex(block)))

    def _scanned(self, nonce: int, low: int, high: int, why: RpcError) -> Use | str:
        numbers = _ends(low + 1, high)
        try:
            for start in range(0, len(numbers), AT_ONCE):
                if found := self._use_in(numbers[start : start + AT_ONCE], nonce):
                    return found
        except RpcError as error:
            return str(error)
        return f"{len(numbers)} of the blocks {low + 1} to {high} show no transaction with it, and {why}"

    def _use_in(self, numbers: Sequence[int], nonce: int) -> Use | None:
        blocks = self._rpc.batch([("eth_getBlockByNumber", [hex(number), True]) for number in numbers])
        uses = (self._use(number, block, nonce) for number, block in zip(numbers, blocks, strict=True))
        return next(filter(None, uses), None)

    def _use(self, number: int, block: Any, nonce: int) -> Use | None:
        for other in () if block is None else transactions_of(f"block {number}", block):
            sender = str(field("a transaction", other, "from")).lower()
            if (sender, quantity("a transaction", other, "nonce")) == (self._operator.lower(), nonce):
                digest = str(field("a transaction", other, "hash")).lower()
                return Use(printable(digest), printable(str(other.get("to"))), number)
        return None


def _ends(first: int, last: int) -> list[int]:
    """The numbers from `first` to `last`; of more than SCANNED, as many from either end."""
    if last - first < SCANNED:
        return list(range(first, last + 1))
    half = SCANNED // 2
    return [*range(first, first + half), *range(last - half + 1, last + 1)]
