"""Whether a block in which something landed is still the chain's: a block in, one node's word in one request out.

It needs no receipt, which nodes forget before the blocks around it are final, and no second node: where the answer is
no, what became of the transaction is asked for, and that is not believed of one alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.adapters.chain.codec import hex_int
from rebalancer.adapters.chain.rpc import Rpc, require_chain
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.receipts import Json, field, quantity
from rebalancer.core.errors import Unavailable


@dataclass(frozen=True, slots=True)
class _There:
    """What a node says at one time: its newest block's number and time, and what it has at the height in question."""

    number: int
    timestamp: int
    block: Json | None


def stands(nodes: Nodes, chain_id: int, block: tuple[int, str], last_block: int) -> bool:
    """Of (number, hash), on a node that is not behind `last_block`. What that has not come to is not the chain's.

    Raises Unavailable, ConfigError (another chain), Halt.
    """
    number, hash_ = block
    source, there = nodes.newest(lambda rpc: _ask(rpc, chain_id, number), last_block)
    if there.block is None:
        if there.number < number:
            return False
        raise Unavailable(
            f"{source.host}: has no block {number}, and says that its newest is {there.number}; try again at the next "
            "tick, or use another node"
        )
    what = f"block {number}"
    if (given := quantity(what, there.block, "number")) != number:
        raise Unavailable(f"{source.host}: asked for {what}, was given block {given}; use another node")
    return str(field(what, there.block, "hash")).lower() == hash_.lower()


def _ask(rpc: Rpc, chain_id: int, number: int) -> _There:
    chain, head, block = rpc.batch(
        [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_getBlockByNumber", [hex(number), False]),
        ]
    )
    require_chain(rpc.host, hex_int(chain), chain_id)
    what = "the newest block"
    return _There(quantity(what, head, "number"), quantity(what, head, "timestamp"), block)
