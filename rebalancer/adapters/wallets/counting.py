"""The operator's next nonce: a snapshot in, the nonce that a batch decided on it gets out, if nothing was sent since.

The nonce is the chain's, not a memory of ours: a key that was also used elsewhere cannot put us out of step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import CallResult, EthCall, hex_bytes, hex_int
from rebalancer.adapters.chain.rpc import Call as RpcCall
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.nonces import Nonces, Use
from rebalancer.adapters.wallets.receipts import quantity
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Snapshot
from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a node says at one time: its newest block's number and time, how many transactions the operator has in
    blocks and on their way, and what was read.
    """

    number: int
    timestamp: int
    counts: tuple[int, ...]
    """At the snapshot's block, now, and with what waits."""
    results: tuple[CallResult, ...]


class Counter:
    """Of one operator's transactions."""

    def __init__(self, nodes: Nodes, operator: Address) -> None:
        self._nodes = nodes
        self._operator = operator

    def next(
        self, snapshot: Snapshot, reads: Sequence[EthCall], unchanged: Callable[[Sequence[CallResult]], None]
    ) -> int:
        """The operator's, if it has sent nothing since the snapshot, and `unchanged` lets what `reads` give now pass.

        As many endpoints as are configured to agree say so. Raises Unavailable, ConfigError.
        """
        source, counted = self._nodes.newest(lambda rpc: self._count(rpc, reads, snapshot))
        nonce = self._free(source, counted, snapshot)
        unchanged(counted.results)

        def denied(rpc: Rpc) -> Unavailable | None:
            try:
                other = self._count(rpc, reads, snapshot)
                if (refusal := self._nodes.why_not(rpc, other)) is not None:
                    return refusal
                if (theirs := self._free(rpc, other, snapshot)) != nonce:
                    return Unavailable(f"{rpc.host}: the operator's next nonce is {theirs}")
                unchanged(other.results)
            except Unavailable as error:
                return error
            return None

        what = f"operator {self._operator} has sent nothing since, and its next nonce is {nonce}"
        self._nodes.agree(source, what, denied)
        return nonce

    def _count(self, rpc: Rpc, reads: Sequence[EthCall], snapshot: Snapshot) -> _Counted:
        """All in one batch, and the counts before the reads: what is mined for the operator in between shows in what
        was read, and what is mined later takes the nonce that was counted here.
        """
        tags = (hex(snapshot.block.number), "latest", "pending")
        counts: list[RpcCall] = [("eth_getTransactionCount", [self._operator, tag]) for tag in tags]
        calls: list[RpcCall] = [("eth_call", [{"to": r.to, "data": "0x" + r.data.hex()}, "latest"]) for r in reads]
        *answers, head = rpc.batch([*counts, *calls, ("eth_getBlockByNumber", ["latest", False])])
        return _Counted(
            number=quantity("the newest block", head, "number"),
            timestamp=quantity("the newest block", head, "timestamp"),
            counts=tuple(hex_int(count) for count in answers[: len(counts)]),
            results=tuple(CallResult(True, hex_bytes(answer)) for answer in answers[len(counts) :]),
        )

    def _free(self, rpc: Rpc, counted: _Counted, snapshot: Snapshot) -> int:
        before, mined, pending = counted.counts
        if pending > mined:
            raise Unavailable(
                f"operator {self._operator}: {pending - mined} of its transactions wait to be mined (nonce {mined} is "
                "next), expected none; the operator's key should have no other use"
            )
        if mined < before:
            raise Unavailable(
                f"{rpc.host}: counts {mined} transactions of operator {self._operator} now, and {before} at block "
                f"{snapshot.block.number}: a node behind it has fallen behind; wait for it, or use another node"
            )
        if mined > before:
            raise Unavailable(
                f"operator {self._operator}: {mined - before} of its transactions were mined since block "
                f"{snapshot.block.number}, expected none{self._named(rpc, before, snapshot.block.number)}; what was "
                "planned is void, the next tick plans anew. The operator's key should have no other use"
            )
        return mined

    def _named(self, rpc: Rpc, nonce: int, block: int) -> str:
        """The transaction that took the operator's nonce after `block`, where the node tells."""
        try:
            use = Nonces(rpc, self._operator).use_of(nonce, block, hex_int(rpc.call("eth_blockNumber")))
        except Unavailable:
            return ""  # what is known without it is told all the same
        return f": {use}" if isinstance(use, Use) else ""
