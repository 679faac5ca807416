"""A settlement's events: a wallet and a range of blocks in, what one node says of the wallet's orders out.

`Trade`, `OrderInvalidated` and `PreSignature` of GPv2Settlement name the order's owner in their first topic. They are
asked for, and not the contract's own count of what was filled (`filledAmount`): once an order has expired anybody who
settles may set that back to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rebalancer.adapters.chain.codec import WORD, DecodeError, Words, bytes_tail, hex_bytes, hex_int, uint_word
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.receipts import field, quantity
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Order
from rebalancer.units import Address

MOST_RANGES = 200
"""Requests for the events of one intent: its orders live for some hundred blocks, and the most careful of nodes show
ten at a time."""


class Said(StrEnum):
    """Which event, by its first topic."""

    TRADE = "0xa07a543ab8a018198e99ca0184c93fe9050a79400a0a723441f84de1d972cc17"
    """Trade(address,address,address,uint256,uint256,uint256,bytes)"""
    INVALIDATED = "0x875b6cb035bbd4ac6500fabc6d1e4ca5bdc58a3e2b424ccb5c24cdbebeb009a9"
    """OrderInvalidated(address,bytes)"""
    PRESIGNED = "0x01bf7c8b0ca55deecbea89d7e58295b7ffbf685fd0d96801034ba8c6ffe1c68d"
    """PreSignature(address,bytes,bool)"""


_UID_AT = {Said.TRADE: 5, Said.INVALIDATED: 0, Said.PRESIGNED: 0}
"""The word that says where the order's name begins."""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One event about one order. `sold` and `bought` (token, base units) of a TRADE; `signed` of a PRESIGNED."""

    said: Said
    uid: str
    settlement: str
    block: int
    block_hash: str
    tx: str
    place: int
    """Among all events of its block."""
    sold: tuple[Address, int] | None = None
    bought: tuple[Address, int] | None = None
    signed: bool = False


def asked_of(selector: bytes, order: Order) -> bytes:
    """Calldata of a function of the settlement that takes an order's name."""
    return selector + uint_word(WORD) + bytes_tail(bytes.fromhex(order.uid[2:]))


def order_events(
    rpc: Rpc, owner: Address, settlements: Sequence[Address], blocks: tuple[int, int]
) -> tuple[OrderEvent, ...]:
    """All of `owner` in the blocks (first, last), both included, in the order of the chain.

    Raises Unavailable where the node gives them not, or others than were asked for.
    """
    asked = {
        "address": list(dict.fromkeys(settlements)),
        "topics": [[said.value for said in Said], "0x" + owner[2:].lower().zfill(2 * WORD)],
    }
    found = [_event(rpc, log, asked, blocks) for log in _logs(rpc, asked, blocks)]
    return tuple(sorted(found, key=lambda event: (event.block, event.place)))


def _logs(rpc: Rpc, asked: dict[str, Any], blocks: tuple[int, int]) -> list[Any]:
    """In one request, or in as many as the node wants: each refusal halves what the next one asks for."""
    (start, last), found = blocks, list[Any]()
    size = last - start + 1
    for _ in range(MOST_RANGES):
        if start > last:
            return found
        end = min(start + size - 1, last)
        try:
            logs = rpc.call("eth_getLogs", asked | {"fromBlock": hex(start), "toBlock": hex(end)})
        except RpcError:
            if size == 1:
                raise
            size //= 2
            continue
        if not isinstance(logs, list):
            raise DecodeError(f"{rpc.host}: eth_getLogs was answered with {type(logs).__name__}, expected a list")
        found += logs
        start = end + 1
    raise Unavailable(
        f"{rpc.host}: gives the events of {size} blocks at a time, so that those of blocks {blocks[0]} to {last} take "
        f"more than {MOST_RANGES} requests: use another node"
    )


def _event(rpc: Rpc, log: Any, asked: dict[str, Any], blocks: tuple[int, int]) -> OrderEvent:
    what = "an event of eth_getLogs"
    topics, address = field(what, log, "topics"), str(field(what, log, "address")).lower()
    block = quantity(what, log, "blockNumber")
    there = isinstance(topics, list) and len(topics) == 2 and str(topics[1]).lower() == asked["topics"][1]
    known = there and str(topics[0]).lower() in asked["topics"][0] and blocks[0] <= block <= blocks[1]
    if not known or address not in [each.lower() for each in asked["address"]] or log.get("removed") is True:
        raise DecodeError(f"{rpc.host}: gives an event of block {block} that was not asked for; try another node")
    said = Said(str(topics[0]).lower())
    data = Words(hex_bytes(field(what, log, "data")), what=f"{said.name} of block {block}")
    traded = said is Said.TRADE
    return OrderEvent(
        said=said,
        uid="0x" + data.at(_UID_AT[said]).blob().hex(),
        settlement=address,
        block=block,
        block_hash=str(field(what, log, "blockHash")).lower(),
        tx=str(field(what, log, "transactionHash")).lower(),
        place=hex_int(field(what, log, "logIndex")),
        sold=(data.address(0), data.uint(2)) if traded else None,
        bought=(data.address(1), data.uint(3)) if traded else None,
        signed=said is Said.PRESIGNED and data.flag(1),
    )
