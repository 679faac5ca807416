"""The RPC client with several endpoints: when it asks the next one, and when it must not."""

from __future__ import annotations

import pytest
from given_node import Answer, Nodes, Reply, error_body, good, html, result_of, status

from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.core.errors import ConfigError, Unavailable


@pytest.mark.parametrize("bad", [html, status(429), status(503), status(403, b'{"error":{"message":"no"}}')])
def test_call__where_the_first_endpoint_gives_no_answer__asks_the_second_and_stays(nodes: Nodes, bad: Answer) -> None:
    first, second = nodes(bad), nodes(good)
    rpc = Rpc((first.url(), second.url()), chain_id=1)
    assert rpc.call("eth_blockNumber") == "0x10"
    assert rpc.requests == 3, "the first, the second's chain id, the call"
    assert rpc.call("eth_blockNumber") == "0x10"
    assert rpc.requests == 4
    assert len(first.seen) == 1


def test_call__where_the_first_endpoint_is_dead__asks_the_second(nodes: Nodes, dead_url: str) -> None:
    rpc = Rpc((dead_url, nodes(good).url()), chain_id=1)
    assert rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])]) == ["0x1", "0x10"]


def test_call__where_the_second_fails_later__goes_back_to_the_first(nodes: Nodes) -> None:
    first, second = nodes(html), nodes(good)
    rpc = Rpc((first.url(), second.url()), chain_id=1)
    rpc.call("eth_blockNumber")
    first.answer, second.answer = good, html
    assert rpc.call("eth_blockNumber") == "0x10"
    assert len(second.seen) == 3
    assert [body["method"] for body in first.seen] == ["eth_blockNumber", "eth_chainId", "eth_blockNumber"]


def test_call__where_the_node_reports_an_error__takes_it_for_the_answer(nodes: Nodes) -> None:
    second = nodes(good)
    with pytest.raises(RpcError):
        Rpc((nodes(error_body).url(), second.url()), chain_id=1).call("eth_call")
    assert second.seen == []


def test_call__where_an_error_comes_with_http_500__takes_it_for_the_answer(nodes: Nodes) -> None:
    second = nodes(good)
    first = nodes(lambda body: Reply(error_body(body).body, status=500))
    with pytest.raises(RpcError):
        Rpc((first.url(), second.url()), chain_id=1).call("eth_call")
    assert second.seen == []


def test_call__where_the_second_endpoint_is_on_another_chain__is_a_config_error(nodes: Nodes) -> None:
    second = nodes(lambda body: result_of(body, {"eth_chainId": "0xaa36a7"}))
    rpc = Rpc((nodes(html).url(), second.url()), chain_id=1)
    with pytest.raises(ConfigError, match="127.0.0.1: chain id 11155111, expected 1"):
        rpc.call("eth_blockNumber")
    assert [body["method"] for body in second.seen] == ["eth_chainId"]


def test_call__where_the_second_endpoint_answers_another_call__does_not_switch(nodes: Nodes) -> None:
    second = nodes(lambda _: Reply(b'{"id":7,"result":"0x1"}'))
    with pytest.raises(Unavailable, match="eth_chainId was answered without a chain id"):
        Rpc((nodes(html).url(), second.url()), chain_id=1).call("eth_blockNumber")


def test_call__where_no_endpoint_answers__names_each_with_its_reason(nodes: Nodes, dead_url: str) -> None:
    with pytest.raises(Unavailable) as caught:
        Rpc((nodes(html).url(), dead_url, nodes(status(502)).url()), chain_id=1).call("eth_blockNumber")
    reasons = str(caught.value).partition(". Try again")[0].split("; ")
    assert [part.split(": ")[1].split(" (")[0] for part in reasons] == [
        "HTTP 200 with text/html, expected JSON",
        "no connection",
        "HTTP 502 with text/plain, expected JSON",
    ]
