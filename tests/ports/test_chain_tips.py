"""What builders were paid lately, out of the tick's one request; where a node does not say, it goes without."""

from __future__ import annotations

from typing import Any

import pytest
from given_chain import LyingNode, a_reader, requests_of

from rebalancer.adapters.chain.book import Book
from rebalancer.replica.chain import Replica

GWEI = 10**9


def blocks_with_tips(replica: Replica, *tips: int) -> None:
    """One block for each, with one transaction that pays it."""
    owner = replica.actor("owner").address
    for tip in tips:
        transaction = {"from": owner, "to": owner, "maxPriorityFeePerGas": hex(tip), "maxFeePerGas": hex(100 * GWEI)}
        replica.receipt(replica.rpc.call("eth_sendTransaction", transaction))


def test_read__after_blocks_that_paid__has_their_median_in_one_request(replica: Replica, book: Book) -> None:
    blocks_with_tips(replica, *[3 * GWEI] * 5, *[7 * GWEI] * 6, *[GWEI] * 9)
    reader = a_reader(replica.url, book)
    assert reader.read().block.tip == 3 * GWEI
    assert requests_of(reader) == 1
    assert reader.head().tip == 3 * GWEI
    assert requests_of(reader) == 2


def test_read__after_empty_blocks__has_none(replica: Replica, book: Book) -> None:
    replica.mine(20)
    assert a_reader(replica.url, book).read().block.tip == 0


REWARDS: list[tuple[Any, int]] = [
    ([["0x5"], ["0x9"]], 9),
    ([["0x5"]], 5),
    ([], 0),
    ([[]], 0),
    (None, 0),
    ([None], 0),
    ([[None]], 0),
    ([[7]], 0),
    ([["0x" + "f" * 40]], 0),
    ("0x5", 0),
]


@pytest.mark.parametrize(("reward", "tip"), REWARDS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("ask", ["read", "head"])
def test_tip__of_a_strange_history__is_what_can_be_read_or_none(
    book: Book, lying: LyingNode, ask: str, reward: Any, tip: int
) -> None:
    def change(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "result": {"reward": reward}} if call["method"] == "eth_feeHistory" else answer

    lying.change = change
    found = getattr(a_reader(lying.url, book), ask)()
    assert (found if ask == "head" else found.block).tip == tip


@pytest.mark.parametrize("answer", [{"error": {"code": -32601, "message": "no such method"}}, {"result": None}, {}])
def test_read__of_a_node_without_a_history__goes_on_without(
    book: Book, lying: LyingNode, answer: dict[str, Any]
) -> None:
    lying.change = lambda call, true: {"id": call["id"], **answer} if call["method"] == "eth_feeHistory" else true
    assert a_reader(lying.url, book).read().block.tip == 0
