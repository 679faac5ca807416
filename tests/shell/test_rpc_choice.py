"""The RPC client and several endpoints: which one it asks first, and what it does not forget about the others."""

from __future__ import annotations

import time
from typing import Any

from given_node import Nodes, Reply, good, html, status

from rebalancer.adapters.chain.rpc import SLOW, Rpc


def slowly(body: Any) -> Reply:
    time.sleep(SLOW + 0.2)
    return good(body)


def test_call__where_the_one_in_use_is_slow__goes_on_to_one_that_is_not(nodes: Nodes) -> None:
    slow, quick = nodes(slowly), nodes(good)
    rpc = Rpc((slow.url(), quick.url()), 1)
    for _ in range(3):
        rpc.call("eth_blockNumber")
    assert (len(slow.seen), len(quick.seen)) == (1, 3), "the call; its chain id, two calls"


def test_call__where_all_are_slow__stays(nodes: Nodes) -> None:
    first, second = nodes(slowly), nodes(slowly)
    rpc = Rpc((first.url(), second.url()), 1)
    for _ in range(4):
        rpc.call("eth_blockNumber")
    assert len(first.seen) + len(second.seen) == 5, "each is tried once, and its chain id asked for once"


def test_call__after_a_failure__does_not_come_back_to_it_first(nodes: Nodes) -> None:
    first, second = nodes(html), nodes(good)
    rpc = Rpc((first.url(), second.url()), 1)
    rpc.call("eth_blockNumber")
    first.answer = good
    for _ in range(3):
        rpc.call("eth_blockNumber")
    assert len(first.seen) == 1


def test_call__back_at_an_endpoint_that_was_checked__does_not_check_it_again(nodes: Nodes) -> None:
    first, second = nodes(html), nodes(good)
    rpc = Rpc((first.url(), second.url()), 1)
    rpc.call("eth_blockNumber")
    for bad, well in ((second, first), (first, second), (second, first)):
        bad.answer, well.answer = html, good
        rpc.call("eth_blockNumber")
    checks = [
        node.seen.count({"jsonrpc": "2.0", "id": 0, "method": "eth_chainId", "params": []}) for node in (first, second)
    ]
    assert checks == [1, 1]


def test_turn_away__from_an_endpoint_that_is_not_believed__asks_the_next(nodes: Nodes) -> None:
    first, second = nodes(good), nodes(good)
    rpc = Rpc((first.url(), second.url()), 1)
    rpc.call("eth_blockNumber")
    assert rpc.turn_away()
    rpc.call("eth_blockNumber")
    assert (len(first.seen), len(second.seen)) == (1, 2)
    assert not rpc.turn_away(), "the first one is not believed either"


def test_turn_away__from_the_only_endpoint__leaves_none(nodes: Nodes) -> None:
    rpc = Rpc(nodes(good).url())
    assert not rpc.turn_away()
    assert rpc.call("eth_blockNumber") == "0x10"


def test_others__than_the_one_in_use__are_each_asked_alone(nodes: Nodes) -> None:
    first, second, third = nodes(good), nodes(status(503)), nodes(good)
    rpc = Rpc((first.url(), second.url(), third.url()), 1)
    rpc.call("eth_blockNumber")
    others = rpc.others(rpc.alone())
    assert len(others) == 2
    assert others[1].call("eth_blockNumber") == "0x10"
    assert (len(first.seen), len(second.seen), len(third.seen)) == (1, 0, 1)
    assert rpc.requests == 2, "what the others are asked is counted too"


def test_rpc__with_one_url_twice__has_one_endpoint(nodes: Nodes) -> None:
    node = nodes(good)
    rpc = Rpc((node.url(), node.url()), 1)
    assert rpc.others(rpc.alone()) == ()
