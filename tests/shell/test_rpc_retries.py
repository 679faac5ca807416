"""The RPC client and endpoints that want to be asked again: how often, when, and when not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from typing import Any

import pytest
from given_node import Answer, Node, Nodes, Reply, error_body, good, html, status

from rebalancer.adapters.chain.endpoint import MOST_SILENCE
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.core.errors import Unavailable

PATIENCE = 30.0


def in_turn(*answers: Answer) -> Answer:
    """One after the other; the last one stays."""
    left: Iterator[Answer] = iter(answers[:-1])
    return lambda body: next(left, answers[-1])(body)


def too_many(retry_after: str | None = None) -> Answer:
    headers = {"Content-Type": "text/plain"} | ({} if retry_after is None else {"Retry-After": retry_after})
    return lambda _: Reply(b"slow down", 429, headers)


def cut(body: Any) -> Reply:
    return Reply(good(body).body[:10], missing=100)


def limited(code: int, message: str, **more: Any) -> Answer:
    def answer(body: Any) -> Reply:
        error = {"code": code, "message": message, **more}
        calls = body if isinstance(body, list) else [body]
        answers: list[dict[str, Any]] = [{"jsonrpc": "2.0", "id": call["id"], "result": "0x1"} for call in calls]
        answers[-1] = {"jsonrpc": "2.0", "id": calls[-1]["id"], "error": error}
        return Reply(json.dumps(answers if isinstance(body, list) else answers[0]).encode())

    return answer


LIMITS: Sequence[Answer] = (
    limited(-32005, "limit exceeded"),
    limited(429, "Your app has exceeded its compute units per second capacity"),
    limited(-32000, "Too Many Requests"),
    limited(-32016, "over rate limit"),
    limited(-32007, "50/second request limit reached"),
)


def seconds_of(rpc: Rpc) -> float:
    started = time.monotonic()
    assert rpc.call("eth_blockNumber") == "0x10"
    return time.monotonic() - started


@pytest.mark.parametrize("bad", [too_many(), status(500), status(503), cut, *LIMITS])
def test_call__refused_once__is_answered_by_the_second_try(nodes: Nodes, bad: Answer) -> None:
    rpc = Rpc(nodes(in_turn(bad, good)).url(), patience=PATIENCE)
    assert 0.3 < seconds_of(rpc) < 10
    assert rpc.requests == 2


def test_call__refused_for_ever__is_tried_three_times(nodes: Nodes) -> None:
    node = nodes(too_many())
    with pytest.raises(Unavailable, match=r"^127.0.0.1: HTTP 429 .* \(tried 3 times\)\. Try again at the next tick"):
        Rpc(node.url(), patience=PATIENCE).call("eth_blockNumber")
    assert len(node.seen) == 3


def test_call__refused_without_patience__is_tried_once(nodes: Nodes) -> None:
    node = nodes(too_many("1"))
    with pytest.raises(Unavailable):
        Rpc(node.url()).call("evm_mine")
    assert len(node.seen) == 1


@pytest.mark.parametrize("bad", [html, status(401), status(403), status(404), limited(-32601, "no such method")])
def test_call__refused_for_good__is_tried_once(nodes: Nodes, bad: Answer) -> None:
    node = nodes(bad)
    with pytest.raises(Unavailable):
        Rpc(node.url(), patience=PATIENCE).call("eth_blockNumber")
    assert len(node.seen) == 1


def test_batch__with_one_call_over_the_limit__is_tried_again_whole(nodes: Nodes) -> None:
    node = nodes(in_turn(LIMITS[0], good))
    calls = [("eth_chainId", []), ("eth_blockNumber", [])]
    assert Rpc(node.url(), patience=PATIENCE).batch(calls) == ["0x1", "0x10"]
    assert [len(body) for body in node.seen] == [2, 2]


@pytest.mark.parametrize("bad", [error_body, limited(3, "execution reverted: rate limit", data="0x08c379a0")])
def test_call__that_reverts__is_tried_at_one_endpoint_once(nodes: Nodes, bad: Answer) -> None:
    first, second = nodes(bad), nodes(good)
    with pytest.raises(RpcError) as caught:
        Rpc((first.url(), second.url()), 1, patience=PATIENCE).call("eth_call")
    assert caught.value.reverted
    assert (len(first.seen), len(second.seen)) == (1, 0)


def test_call__refused_until_a_time__waits_for_it(nodes: Nodes) -> None:
    rpc = Rpc(nodes(in_turn(too_many("2"), good)).url(), patience=PATIENCE)
    assert 2 <= seconds_of(rpc) < 10


def test_call__refused_until_a_date__waits_for_it(nodes: Nodes) -> None:
    rpc = Rpc(nodes(in_turn(too_many(formatdate(time.time() + 3, usegmt=True)), good)).url(), patience=PATIENCE)
    assert 1.5 <= seconds_of(rpc) < 10


@pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "Wed, 99 Foo 2020 00:00:00 GMT", "\u0662"])
def test_call__refused_until_nobody_knows_when__is_tried_as_without(nodes: Nodes, header: str) -> None:
    answer = in_turn(lambda _: Reply(b"", 429, {"Retry-After": header.encode().decode("latin-1")}), good)
    assert seconds_of(Rpc(nodes(answer).url(), patience=PATIENCE)) < 10


@pytest.mark.parametrize(("header", "said"), [("31", "31"), ("9" * 5_000, f"{MOST_SILENCE:,.0f}")])
def test_call__refused_for_longer_than_our_patience__ends_at_once_and_says_so(
    nodes: Nodes, header: str, said: str
) -> None:
    node, started = nodes(too_many(header)), time.monotonic()
    rpc = Rpc(node.url(), patience=PATIENCE)
    for _ in range(2):
        with pytest.raises(Unavailable, match=rf"HTTP 429 .* \(it asks for {said} s of silence\)"):
            rpc.call("eth_blockNumber")
    assert time.monotonic() - started < 10
    assert len(node.seen) == 1, "it is left alone for so long"


def test_call__refused_until_a_time__is_answered_by_another_endpoint_meanwhile(nodes: Nodes) -> None:
    first, second = nodes(too_many("20")), nodes(good)
    rpc = Rpc((first.url(), second.url()), 1, patience=PATIENCE)
    assert seconds_of(rpc) < 10
    assert len(first.seen) == 1


def test_calls__that_lose_time__have_one_patience_in_all(nodes: Nodes) -> None:
    node = nodes(too_many("1"))
    rpc, started = Rpc(node.url(), patience=2.5), time.monotonic()
    for _ in range(4):
        with pytest.raises(Unavailable):
            rpc.call("eth_blockNumber")
    assert 2 < time.monotonic() - started < 8


def test_call__timed_out__costs_patience(nodes: Nodes) -> None:
    node = nodes(lambda _: Reply(b" " * 1_000, drip=0.05))
    rpc, started = Rpc(node.url(), timeout=0.4, patience=1.1), time.monotonic()
    with pytest.raises(Unavailable, match=r"no answer within 0.4 s \(tried 2 times\)"):
        rpc.call("eth_blockNumber")
    assert time.monotonic() - started < 8


def test_call__cut_off_in_its_answer__says_so(nodes: Nodes) -> None:
    with pytest.raises(Unavailable, match="^127.0.0.1: the answer broke off"):
        Rpc(nodes(cut).url()).call("eth_blockNumber")


def test_call__on_a_connection_that_the_node_has_closed__is_answered(nodes: Nodes) -> None:
    node: Node = nodes(in_turn(good, cut, good))
    rpc = Rpc(node.url(), patience=PATIENCE)
    assert [rpc.call("eth_blockNumber") for _ in range(2)] == ["0x10"] * 2
    assert rpc.requests == 3
