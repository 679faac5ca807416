"""The reader and several nodes: which one it believes, and how many must say the same before a trade rests on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from given_chain import MAX_BLOCK_AGE, LyingNode, requests_of

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
from rebalancer.ports import Clock
from rebalancer.replica.chain import Replica

Make = Callable[[], LyingNode]


def reader_of(book: Book, *nodes: LyingNode, clock: Clock | None = None, quorum: int = 2) -> ChainReader:
    rpc = Rpc([node.url for node in nodes], 1)
    book = replace(book, quorum=quorum)
    return ChainReader(rpc, MAINNET, book, SafeReads(book.wallet), clock or SystemClock())


def counted(node: LyingNode) -> list[str]:
    """The methods that the node is asked, from now on."""
    seen: list[str] = []
    node.before = lambda call: seen.append(call["method"])
    return seen


def without_blocks_after(number: int) -> Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]:
    """A node that is behind: it has no later block."""

    def change(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getBlockByNumber" and int(call["params"][0], 16) > number:
            return {**answer, "result": None}
        return answer

    return change


def stays_at(number: int) -> Callable[[dict[str, Any]], None]:
    """A node that is behind: its newest block is that one."""

    def change(call: dict[str, Any]) -> None:
        call["params"] = [hex(number) if param == "latest" else param for param in call["params"]]

    return change


def other_balance(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """One digit of one read."""
    if call["method"] != "eth_call":
        return answer
    data = answer["result"]
    at = data.index("3b9aca00") if "3b9aca00" in data else -1  # 1,000 USDC
    return answer if at < 0 else {**answer, "result": data[:at] + "3b9aca01" + data[at + 8 :]}


# ---------------------------------------------------------------- whom to believe


def test_read__where_the_first_node_is_behind_the_last_block__comes_from_the_second(
    replica: Replica, book: Book, nodes: Make
) -> None:
    behind, good = nodes(), nodes()
    replica.mine(3)
    last = int(replica.rpc.call("eth_blockNumber"), 16)
    behind.before = stays_at(last - 1)
    reader = reader_of(book, behind, good)
    assert reader.read(last - 1).block.number == last - 1
    assert reader.read(last).block.number == last
    assert reader.head().number == last, "and the second is kept"


def test_read__where_every_node_is_behind__is_what_the_furthest_says(replica: Replica, book: Book, nodes: Make) -> None:
    first, second, third = nodes(), nodes(), nodes()
    replica.mine(3)
    last = int(replica.rpc.call("eth_blockNumber"), 16)
    for node, number in ((first, last - 2), (second, last - 1), (third, last - 2)):
        node.before = stays_at(number)
    assert reader_of(book, first, second, third).read(last).block.number == last - 1


def test_read__where_the_first_node_is_too_old__comes_from_the_second(
    replica: Replica, book: Book, nodes: Make
) -> None:
    stale, good = nodes(), nodes()
    stale.before = stays_at(int(replica.rpc.call("eth_blockNumber"), 16))
    clock = FixedClock(replica.now() + MAX_BLOCK_AGE + 7)
    replica.warp(MAX_BLOCK_AGE)
    newest = int(replica.rpc.call("eth_blockNumber"), 16)
    assert reader_of(book, stale, good, clock=clock).read().block.number == newest
    with pytest.raises(Unavailable, match=r"^127.0.0.1: its newest block \d+ is 307 s old, expected at most 300 s"):
        reader_of(book, stale, clock=clock).read()
    with pytest.raises(Unavailable, match="^no endpoint is to be believed. .* is 307 s old.*; .* is 307 s old"):
        second = nodes()
        second.before = stale.before
        reader_of(book, stale, second, clock=clock).read()


@pytest.mark.parametrize("method", ["eth_chainId", "eth_getBlockByNumber", "eth_call"])
def test_read__where_the_first_node_answers_garbage__comes_from_the_second(
    book: Book, nodes: Make, method: str
) -> None:
    mad, good = nodes(), nodes()
    mad.change = lambda call, answer: {**answer, "result": None} if call["method"] == method else answer
    reader = reader_of(book, mad, good)
    assert reader.read().block == reader.head()


def test_read__where_the_first_node_has_lost_its_states__comes_from_the_second(book: Book, nodes: Make) -> None:
    mad, good = nodes(), nodes()
    lost = {"jsonrpc": "2.0", "error": {"code": -32000, "message": "missing trie node 0a (path )"}}
    mad.change = lambda call, answer: {**lost, "id": call["id"]} if call["method"] == "eth_call" else answer
    assert reader_of(book, mad, good).read().balances == reader_of(book, good).read().balances


def test_read__where_a_read_reverts__asks_no_other_node(book: Book, nodes: Make) -> None:
    first, second = nodes(), nodes()
    reverted = {"jsonrpc": "2.0", "error": {"code": 3, "message": "execution reverted", "data": "0x"}}
    first.change = lambda call, answer: {**reverted, "id": call["id"]} if call["method"] == "eth_call" else answer
    asked = counted(second)
    with pytest.raises(Unavailable, match="eth_call failed: execution reverted"):
        reader_of(book, first, second).read()
    assert asked == []


# ---------------------------------------------------------------- how many must agree


def test_confirm__where_another_node_says_the_same__asks_it_once(book: Book, nodes: Make) -> None:
    first, second = nodes(), nodes()
    reader = reader_of(book, first, second)
    snapshot = reader.read()
    asked = counted(first), counted(second)
    reader.confirm(snapshot)
    assert asked == ([], ["eth_chainId", "eth_getBlockByNumber", "eth_feeHistory", "eth_call", "eth_call"])
    assert requests_of(reader) == 2


def test_confirm__where_one_node_suffices__asks_nobody(book: Book, nodes: Make) -> None:
    first, second = nodes(), nodes()
    reader = reader_of(book, first, second, quorum=1)
    snapshot = reader.read()
    reader.confirm(snapshot)
    assert requests_of(reader) == 1


def test_confirm__where_the_other_node_says_otherwise__is_unavailable_and_names_it(book: Book, nodes: Make) -> None:
    first, liar = nodes(), nodes()
    liar.change = other_balance
    reader = reader_of(book, first, liar)
    snapshot = reader.read()
    said = rf"^block {snapshot.block.number}: 1 of 2 endpoints agree .* 127.0.0.1: 1 of \d+ reads at block .* otherwise"
    with pytest.raises(Unavailable, match=said) as caught:
        reader.confirm(snapshot)
    assert "the-key" not in str(caught.value)


def test_confirm__where_the_first_node_lies__is_unavailable(book: Book, nodes: Make) -> None:
    liar, second = nodes(), nodes()
    liar.change = other_balance
    reader = reader_of(book, liar, second)
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree"):
        reader.confirm(reader.read())


def test_confirm__where_one_of_two_others_agrees__returns(book: Book, nodes: Make) -> None:
    first, liar, third = nodes(), nodes(), nodes()
    liar.change = other_balance
    reader = reader_of(book, first, liar, third)
    reader.confirm(reader.read())
    with pytest.raises(Unavailable, match="2 of 3 endpoints agree"):
        reader = reader_of(book, first, liar, third, quorum=3)
        reader.confirm(reader.read())


@pytest.mark.parametrize(
    "fields", [{"hash": "0x" + "1" * 64}, {"baseFeePerGas": "0x7"}], ids=["another block", "another base fee"]
)
def test_confirm__where_the_other_node_has_another_header__is_unavailable(
    book: Book, nodes: Make, fields: dict[str, str]
) -> None:
    first, other = nodes(), nodes()

    def change(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        header = call["method"] == "eth_getBlockByNumber"
        return {**answer, "result": {**answer["result"], **fields}} if header else answer

    other.change = change
    reader = reader_of(book, first, other)
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree"):
        reader.confirm(reader.read())


def test_confirm__where_the_other_node_gets_the_block_a_moment_later__returns(
    replica: Replica, book: Book, nodes: Make
) -> None:
    first, second = nodes(), nodes()
    reader = reader_of(book, first, second)
    snapshot = reader.read()
    second.change = without_blocks_after(snapshot.block.number - 1)
    asked: list[str] = []

    def catch_up(call: dict[str, Any]) -> None:
        asked.append(call["method"])
        if asked.count("eth_chainId") == 2:
            second.change = lambda call, answer: answer

    second.before = catch_up
    reader.confirm(snapshot)
    assert asked.count("eth_chainId") == 2


def test_confirm__where_the_other_node_stays_behind__is_unavailable_after_three_looks(book: Book, nodes: Make) -> None:
    first, second = nodes(), nodes()
    reader = reader_of(book, first, second)
    snapshot = reader.read()
    second.change = without_blocks_after(snapshot.block.number - 1)
    with pytest.raises(Unavailable, match=rf"127.0.0.1: no block {hex(snapshot.block.number)}"):
        reader.confirm(snapshot)
    assert requests_of(reader) == 4


def test_confirm__where_the_other_node_is_of_another_chain__is_a_config_error(book: Book, nodes: Make) -> None:
    first, other = nodes(), nodes()
    other.change = lambda call, answer: {**answer, "result": "0xa"} if call["method"] == "eth_chainId" else answer
    reader = reader_of(book, first, other)
    snapshot = reader.read()
    with pytest.raises(ConfigError, match="127.0.0.1: chain id 10, expected 1"):
        reader.confirm(snapshot)


def test_confirm__with_too_few_endpoints__is_a_config_error(book: Book, nodes: Make) -> None:
    reader = reader_of(book, nodes())
    snapshot = reader.read()
    with pytest.raises(ConfigError, match="chain.quorum is 2, and chain.rpc names 1"):
        reader.confirm(snapshot)


def test_confirm__of_a_snapshot_that_was_read_wider__asks_for_what_was_added_too(book: Book, nodes: Make) -> None:
    first, second = nodes(), nodes()
    reader = reader_of(book, first, second)
    snapshot = reader.read()
    pool = next(pool for pool in snapshot.pools if isinstance(pool, V3Pool))
    wider = reader.read_ticks(snapshot, MoreTicks((NeedTicks(pool.address, pool.word_low - 2, pool.word_high, 0),)))
    asked = counted(second)
    reader.confirm(wider)
    assert asked.count("eth_call") == 3
    calls: list[int] = []

    def lie_in_the_last(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        calls.append(call["method"] == "eth_call")
        return {**answer, "result": answer["result"][:-64] + "1" * 64} if sum(calls) == 3 else answer

    second.change = lie_in_the_last
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree"):
        reader.confirm(wider)


def test_read_ticks__where_several_must_agree_and_the_first_node_falls_silent__asks_no_other(
    book: Book, nodes: Make
) -> None:
    first, second = nodes(), nodes()
    reader = reader_of(book, first, second)
    snapshot = reader.read()
    pool = next(pool for pool in snapshot.pools if isinstance(pool, V3Pool))
    need = MoreTicks((NeedTicks(pool.address, pool.word_low - 2, pool.word_high, 0),))
    first.body = lambda url, calls: b"bad gateway"  # type: ignore[method-assign]
    asked = counted(second)
    with pytest.raises(Unavailable):
        reader.read_ticks(snapshot, need)
    assert asked == [], "the second is to confirm it, and not what it has said itself"


def test_confirm__of_a_snapshot_that_is_not_the_newest__is_unavailable(
    replica: Replica, book: Book, nodes: Make
) -> None:
    reader = reader_of(book, nodes(), nodes())
    old = reader.read()
    replica.mine(1)
    reader.read()
    with pytest.raises(Unavailable, match=f"block {old.block.number} is not what was read last"):
        reader.confirm(old)
