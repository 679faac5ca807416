"""Reads at one block in one HTTP request: calls in, their results and the block they hold for out.

A JSON-RPC batch of the header, the chain id, recent tips, and one eth_call of Multicall3's aggregate3 for
the reads that see contracts as they are, one more for those that need a state override. Entries of a batch
may straddle two blocks, and BASEFEE is 0 inside eth_call on some nodes: so every call reports its block's
number and time, and the base fee comes from the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rebalancer.adapters.chain.codec import (
    CallResult,
    DecodeError,
    EthCall,
    Words,
    decode_aggregate3,
    encode_aggregate3,
    hex_bytes,
    hex_int,
)
from rebalancer.adapters.chain.rpc import Call, Rpc, require_chain
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Block
from rebalancer.units import Address, Wei

GET_BLOCK_NUMBER = bytes.fromhex("42cbb15c")
GET_TIMESTAMP = bytes.fromhex("0f28c97d")

Override = dict[str, dict[str, str]]

_HEADER_BITS = {"number": 63, "timestamp": 63, "baseFeePerGas": 128}
"""The most that a header's figures may have; the ledger keeps numbers and times in signed 64 bits."""
_TIPS: tuple[str, list[int]] = ("0x14", [50])
"""Of 20 blocks, four minutes of mainnet's, what the gas in their middle paid."""


class NoBlock(Unavailable):
    """The node does not have the block that was asked for: it is behind, or the block never was."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Calls of one eth_call, encoded once, and the state override that they are made under."""

    count: int
    data: str
    override: Override | None

    @staticmethod
    def of(multicall3: Address, calls: Sequence[EthCall], override: Override | None = None) -> Reads:
        witnesses = (EthCall(multicall3, GET_BLOCK_NUMBER), EthCall(multicall3, GET_TIMESTAMP))
        return Reads(len(calls) + 2, "0x" + encode_aggregate3((*witnesses, *calls)).hex(), override)


@dataclass(frozen=True, slots=True)
class AtBlock:
    """Results, one tuple for each of the Reads, and the block that all of them hold for."""

    block: Block
    results: tuple[tuple[CallResult, ...], ...]


@dataclass(frozen=True, slots=True)
class _Straddled:
    """The entries of one batch saw different blocks. `newest` is the highest number among the calls."""

    newest: int
    seen: str


def read_newest(rpc: Rpc, chain_id: int, multicall3: Address, reads: Sequence[Reads]) -> AtBlock:
    """`reads` at the newest block: one request, or two where the first came between two blocks.

    Raises Unavailable, ConfigError for a chain that is not `chain_id` or has no Multicall3.
    """
    first = _read(rpc, chain_id, multicall3, reads, "latest")
    if isinstance(first, AtBlock):
        return first
    # Once more, and now every entry names the block.
    second = _read(rpc, chain_id, multicall3, reads, hex(first.newest))
    if isinstance(second, AtBlock):
        return second
    raise Unavailable(
        f"{rpc.host}: the answers to one request are of different blocks ({first.seen}, then {second.seen}); "
        "try again at the next tick, or use one node instead of several behind one name"
    )


def read_again(rpc: Rpc, chain_id: int, multicall3: Address, reads: Sequence[Reads], block: Block) -> AtBlock:
    """`reads` at a block that was read before, in one request. Raises Unavailable where it is not the same."""
    found = _read(rpc, chain_id, multicall3, reads, hex(block.number))
    if isinstance(found, AtBlock) and found.block.hash == block.hash:
        return found
    raise Unavailable(
        f"{rpc.host}: block {block.number} is not {block.hash} any more: the chain was reorganised; read again"
    )


def read_head(rpc: Rpc) -> Block:
    """The newest block, in one request. Raises Unavailable."""
    header, tips = rpc.batch_answers([_header_call("latest"), _tips_call("latest")])
    try:
        block = _decode_header(rpc.host, "latest", rpc.result("eth_getBlockByNumber", header))
        return replace(block, tip=_decode_tips(tips))
    except DecodeError as error:
        raise Unavailable(f"{rpc.host}: {error}; try again at the next tick, or use another node") from None


def read_headers(rpc: Rpc, chain_id: int, first: int, last: int) -> tuple[Block, ...]:
    """The blocks from `first` to `last`, both inclusive, in one request. Raises Unavailable, ConfigError."""
    tags = [hex(number) for number in range(first, last + 1)]
    chain, *headers = rpc.batch_answers([("eth_chainId", []), *(_header_call(tag) for tag in tags)])
    try:
        require_chain(rpc.host, hex_int(rpc.result("eth_chainId", chain)), chain_id)
        both = zip(tags, headers, strict=True)
        return tuple(_decode_header(rpc.host, tag, rpc.result("eth_getBlockByNumber", each)) for tag, each in both)
    except DecodeError as error:
        raise Unavailable(f"{rpc.host}: {error}; try again at the next tick, or use another node") from None


def _read(rpc: Rpc, chain_id: int, multicall3: Address, reads: Sequence[Reads], tag: str) -> AtBlock | _Straddled:
    try:
        return _read_batch(rpc, chain_id, multicall3, reads, tag)
    except DecodeError as error:
        raise Unavailable(f"{rpc.host}: {error}; try again at the next tick, or use another node") from None


def _read_batch(rpc: Rpc, chain_id: int, multicall3: Address, reads: Sequence[Reads], tag: str) -> AtBlock | _Straddled:
    calls: list[Call] = [("eth_chainId", []), _header_call(tag), _tips_call(tag)]
    for read in reads:
        override = [] if read.override is None else [read.override]
        calls.append(("eth_call", [{"to": multicall3, "data": read.data}, tag, *override]))
    answers = rpc.batch_answers(calls)
    # The chain id first: on another chain everything else fails too, under a name that leads astray.
    require_chain(rpc.host, hex_int(rpc.result("eth_chainId", answers[0])), chain_id)
    block = _decode_header(rpc.host, tag, rpc.result("eth_getBlockByNumber", answers[1]))
    results = [
        _decode_call(rpc.host, multicall3, read, rpc.result("eth_call", answer))
        for read, answer in zip(reads, answers[3:], strict=True)
    ]
    witnesses = [(_witness(result[0]), _witness(result[1])) for result in results]
    # Two blocks of one number differ in their times, for each slot has one block.
    if any(witness != (block.number, block.timestamp) for witness in witnesses):
        return _straddled(block, witnesses)
    return AtBlock(replace(block, tip=_decode_tips(answers[2])), tuple(result[2:] for result in results))


def _header_call(tag: str) -> Call:
    return "eth_getBlockByNumber", [tag, False]


def _tips_call(tag: str) -> Call:
    count, percentiles = _TIPS
    return "eth_feeHistory", [count, tag, percentiles]


def _witness(result: CallResult) -> int:
    return Words(result.data, what="Multicall3's block number and time").uint(0, 63)


def _straddled(block: Block, witnesses: Sequence[tuple[int, int]]) -> _Straddled:
    seen = [(block.number, block.timestamp), *witnesses]
    # Two blocks of one number are told apart by their times.
    alike = len({number for number, _ in seen}) == 1
    header, *calls = (f"{number} of time {time}" if alike else str(number) for number, time in seen)
    return _Straddled(max(number for number, _ in witnesses), f"header {header}, calls {', '.join(calls)}")


def _decode_call(host: str, multicall3: Address, read: Reads, answer: Any) -> tuple[CallResult, ...]:
    data = hex_bytes(answer)
    if not data:
        raise ConfigError(f"{host}: no Multicall3 at {multicall3}; check the chain and its deployments")
    return decode_aggregate3(data, read.count)


def _decode_header(host: str, tag: str, header: Any) -> Block:
    if header is None:
        raise NoBlock(f"{host}: no block {tag} (null)")
    if not isinstance(header, dict):
        raise Unavailable(f"{host}: no block {tag} ({type(header).__name__})")
    number, timestamp, base_fee = (_quantity(host, header, name) for name in ("number", "timestamp", "baseFeePerGas"))
    block_hash = header.get("hash")
    if not isinstance(block_hash, str) or len(hex_bytes(block_hash)) != 32:
        raise Unavailable(f"{host}: block {number} came without a hash")
    if base_fee == 0:
        raise Unavailable(
            f"{host}: block {number} has a base fee of 0, expected 7 wei or more, the least that EIP-1559 comes down "
            "to: gas would count for nothing; use another node"
        )
    return Block(number=number, hash=block_hash, timestamp=timestamp, base_fee=Wei(base_fee))


def _quantity(host: str, header: dict[str, Any], name: str) -> int:
    if name not in header:
        raise Unavailable(f"{host}: a block header came without {name}")
    try:
        return hex_int(header[name], _HEADER_BITS[name])
    except DecodeError as error:
        raise DecodeError(f"the {name} of a block header: {error}") from None


def _decode_tips(answer: dict[str, Any]) -> Wei:
    """The median of recent blocks, the higher of two; 0 where the node does not say. EIP-1559's eth_feeHistory."""
    result = answer.get("result")
    rewards = result.get("reward") if isinstance(result, dict) else None
    if not isinstance(rewards, list):
        return Wei(0)
    try:
        tips = sorted(hex_int(each[0], _HEADER_BITS["baseFeePerGas"]) for each in rewards)
    except (DecodeError, TypeError, LookupError):
        # What it is for has a floor and a cap: no reason to do without all the rest.
        return Wei(0)
    return Wei(tips[len(tips) // 2] if tips else 0)
