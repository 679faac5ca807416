"""The reader and a node that is behind, ahead, on another chain, at two blocks at once, or mad."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from given_chain import MAX_BLOCK_AGE, LyingNode, a_reader, requests_of

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.clock import FixedClock, SystemClock
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.market.routing import MoreTicks
from rebalancer.market.swap import NeedTicks
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.replica.chain import Replica

# ---------------------------------------------------------------- time


@pytest.mark.parametrize("ask", ["read", "head"])
def test_head__older_than_allowed__is_unavailable_with_its_age(replica: Replica, book: Book, ask: str) -> None:
    clock = FixedClock(replica.now() + MAX_BLOCK_AGE)
    reader = a_reader(replica.url, book, clock)
    getattr(reader, ask)()
    clock.at += 1
    number = int(replica.rpc.call("eth_blockNumber"), 16)
    with pytest.raises(Unavailable, match=f"newest block {number} is 301 s old, expected at most 300 s"):
        getattr(reader, ask)()


@pytest.mark.parametrize("ask", ["read", "head"])
def test_head__from_the_future__is_unavailable_with_its_distance(replica: Replica, book: Book, ask: str) -> None:
    clock = FixedClock(replica.now() - 120)
    reader = a_reader(replica.url, book, clock)
    getattr(reader, ask)()
    clock.at -= 1
    with pytest.raises(Unavailable, match="is 121 s in the future, expected at most 120 s"):
        getattr(reader, ask)()


# ---------------------------------------------------------------- a node that lies


def on(method: str, result: Any) -> Callable[[dict[str, Any], dict[str, Any]], dict[str, Any] | None]:
    """Gives `result` for every answer to `method`."""
    return lambda call, answer: {**answer, "result": result} if call["method"] == method else answer


def test_read__that_comes_between_two_blocks__is_read_again_at_the_later_one(
    replica: Replica, book: Book, lying: LyingNode
) -> None:
    pinned: list[str] = []
    mined = []

    def mine_before_the_first_call(call: dict[str, Any]) -> None:
        if call["method"] == "eth_call":
            pinned.append(call["params"][1])
            if not mined:
                mined.append(replica.mine(1))

    lying.before = mine_before_the_first_call
    before = replica.rpc.call("eth_blockNumber")
    reader = a_reader(lying.url, book)
    snapshot = reader.read()
    assert snapshot.block.number == int(before, 16) + 1
    assert requests_of(reader) == 2
    assert pinned == ["latest"] * 2 + [hex(snapshot.block.number)] * 2
    header = replica.rpc.call("eth_getBlockByNumber", hex(snapshot.block.number), False)
    assert snapshot.block.hash == header["hash"]


def test_read__that_comes_between_two_blocks_at_its_second_call__is_read_again(
    replica: Replica, book: Book, lying: LyingNode
) -> None:
    calls: list[str] = []

    def mine_before_the_second_call(call: dict[str, Any]) -> None:
        calls.append(call["method"])
        if calls.count("eth_call") == 2 and call["method"] == "eth_call":
            replica.mine(1)

    lying.before = mine_before_the_second_call
    reader = a_reader(lying.url, book)
    assert reader.read().block.number == int(replica.rpc.call("eth_blockNumber"), 16)
    assert requests_of(reader) == 2


def test_read__of_a_node_that_never_agrees_with_itself__is_unavailable_with_the_figures(
    replica: Replica, book: Book, lying: LyingNode
) -> None:
    number = int(replica.rpc.call("eth_blockNumber"), 16)

    def one_behind(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_getBlockByNumber":
            return answer
        return {**answer, "result": {**answer["result"], "number": hex(number - 1)}}

    lying.change = one_behind
    reader = a_reader(lying.url, book)
    with pytest.raises(
        Unavailable, match=rf"of different blocks \(header {number - 1}, calls {number}, {number}, then"
    ):
        reader.read()
    assert requests_of(reader) == 2


@pytest.mark.parametrize(
    ("method", "result", "why"),
    [
        ("eth_getBlockByNumber", None, "no block latest .null."),
        ("eth_getBlockByNumber", "0x1", "no block latest .str."),
        ("eth_getBlockByNumber", {}, "a block header came without number"),
        ("eth_getBlockByNumber", {"number": "0x1", "timestamp": "0x1"}, "a block header came without baseFeePerGas"),
        ("eth_getBlockByNumber", {"number": 1, "timestamp": "0x1", "baseFeePerGas": "0x1"}, "int is no 0x-hex number"),
        (
            "eth_getBlockByNumber",
            {"number": "0x1", "timestamp": "0x1", "baseFeePerGas": "0x1", "hash": "0x12"},
            "block 1 came without a hash",
        ),
        ("eth_chainId", None, "null is no 0x-hex number"),
        ("eth_call", None, "null is no 0x-hex data"),
        ("eth_call", "0x1234", r"aggregate3\(\): short data: 2 bytes"),
        ("eth_call", "0x" + "00" * 64, r"aggregate3\(\): word 0"),
        ("eth_call", "0x" + "00" * 31 + "20" + "00" * 32, r"aggregate3\(\): 0 results of \d+ calls"),
    ],
)
def test_read__of_a_node_that_answers_garbage__is_unavailable_and_says_what(
    book: Book, lying: LyingNode, method: str, result: Any, why: str
) -> None:
    lying.change = on(method, result)
    with pytest.raises(Unavailable, match=f"^127.0.0.1: .*{why}") as caught:
        a_reader(lying.url, book).read()
    assert "the-key" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"<html>", b"", b"null", b"[]", b'{"jsonrpc":"2.0","id":0,"result":null}'])
def test_read__of_a_node_that_answers_with_no_batch__is_unavailable(book: Book, lying: LyingNode, raw: bytes) -> None:
    lying.raw = raw
    with pytest.raises(Unavailable, match="^127.0.0.1: "):
        a_reader(lying.url, book).read()


def test_read__of_a_node_that_reports_an_error__is_unavailable_with_its_reason(book: Book, lying: LyingNode) -> None:
    lying.raw = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32005, "message": "too fast"}}).encode()
    with pytest.raises(Unavailable, match=r"^127.0.0.1: too fast \(code -32005\)"):
        a_reader(lying.url, book).read()


def test_read__of_a_node_that_leaves_an_entry_out__is_unavailable_and_names_it(book: Book, lying: LyingNode) -> None:
    lying.change = lambda call, answer: None if call["method"] == "eth_getBlockByNumber" else answer
    with pytest.raises(Unavailable, match="no answer to eth_getBlockByNumber in a batch of 5"):
        a_reader(lying.url, book).read()


def test_read__of_a_node_on_another_chain__says_so_before_anything_else(book: Book, lying: LyingNode) -> None:
    def elsewhere(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "result": "0xaa36a7" if call["method"] == "eth_chainId" else None}

    lying.change = elsewhere
    with pytest.raises(ConfigError, match="127.0.0.1: chain id 11155111, expected 1"):
        a_reader(lying.url, book).read()


def test_read__of_a_node_that_ignores_overrides__says_that_the_lens_did_not_run(book: Book, lying: LyingNode) -> None:
    def without_override(call: dict[str, Any]) -> None:
        if call["method"] == "eth_call":
            del call["params"][2:]

    lying.before = without_override
    with pytest.raises(Unavailable, match="the lens did not run, .*honours state overrides"):
        a_reader(lying.url, book).read()


def test_read_ticks__of_a_pool_that_moved__is_unavailable(replica: Replica, book: Book) -> None:
    reader = a_reader(replica.url, book)
    snapshot = reader.read()
    pool = next(pool for pool in snapshot.pools if isinstance(pool, V3Pool))
    moved = replace(snapshot, pools=(replace(pool, liquidity=pool.liquidity + 1), *snapshot.pools[1:]))
    need = MoreTicks((NeedTicks(pool.address, pool.word_low - 1, pool.word_high, 0),))
    with pytest.raises(Unavailable, match="it moved while more of its ticks were read"):
        reader.read_ticks(moved, need)


def test_read__where_the_first_endpoint_is_broken__comes_from_the_second(
    replica: Replica, book: Book, lying: LyingNode
) -> None:
    lying.raw = b"<html>"
    rpc = Rpc((lying.url, replica.url), chain_id=1)
    reader = ChainReader(rpc, MAINNET, book, SafeReads(book.wallet), SystemClock())
    assert reader.read().block == reader.head()
    assert rpc.requests == 4, "the first, the second's chain id, the read, the head"
