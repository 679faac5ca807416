"""The RPC client and one node that answers well, strangely, slowly or not at all, on real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from given_node import SECRET, Answer, Nodes, Reply, error_body, good, html, status

from rebalancer.adapters.chain.http import LONGEST_ANSWER
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.core.errors import Unavailable


def test_call__of_a_node_that_answers__gives_the_result_in_one_request(nodes: Nodes) -> None:
    rpc = Rpc(nodes(good).url())
    assert rpc.call("eth_blockNumber") == "0x10"
    assert rpc.requests == 1


def test_batch__answered_out_of_order__gives_the_results_in_order(nodes: Nodes) -> None:
    def reversed_answer(body: Any) -> Reply:
        return Reply(json.dumps(json.loads(good(body).body)[::-1]).encode())

    rpc = Rpc(nodes(reversed_answer).url())
    assert rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])]) == ["0x1", "0x10"]
    assert rpc.requests == 1


def test_batch__with_an_entry_missing__is_unavailable_and_names_it(nodes: Nodes) -> None:
    rpc = Rpc(nodes(lambda body: good(body[:1])).url())
    with pytest.raises(Unavailable, match="127.0.0.1: no answer to eth_blockNumber in a batch of 2"):
        rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])])


def two(first: str, second: str, more: str = "") -> Answer:
    """A batch of two answers, "a" and "b", with these ids."""
    body = f'[{{"id":{first},"result":"a"}},{{"id":{second},"result":"b"}}{more}]'
    return lambda _: Reply(body.encode())


BATCH = [("eth_chainId", []), ("eth_blockNumber", [])]


@pytest.mark.parametrize("ids", [("false", "true"), ("0.0", "1.0"), ('"0"', '"1"'), ("null", "null"), ("0", "0")])
def test_batch__with_ids_that_are_not_ours__is_unavailable(nodes: Nodes, ids: tuple[str, str]) -> None:
    assert Rpc(nodes(two("1", "0")).url()).batch(BATCH) == ["b", "a"]
    with pytest.raises(Unavailable, match="127.0.0.1: no answer to .*eth_blockNumber in a batch of 2"):
        Rpc(nodes(two(*ids)).url()).batch(BATCH)


@pytest.mark.parametrize("more", ['{"id":0,"result":"other"}', '{"id":9,"result":"other"}', '{"id":null}', "7"])
def test_batch__with_an_answer_too_many__is_unavailable(nodes: Nodes, more: str) -> None:
    with pytest.raises(Unavailable, match="127.0.0.1: 3 answers to a batch of 2"):
        Rpc(nodes(two("0", "1", f",{more}")).url()).batch(BATCH)


@pytest.mark.parametrize("number", ["77", "false", "0.0", '"0"', "null"])
def test_call__answered_with_the_id_of_another__is_unavailable(nodes: Nodes, number: str) -> None:
    rpc = Rpc(nodes(lambda _: Reply(f'{{"id":{number},"result":"0x1"}}'.encode())).url())
    with pytest.raises(Unavailable, match="127.0.0.1: eth_chainId was answered with the id of another call"):
        rpc.call("eth_chainId")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_call__answered_with_what_json_does_not_know__is_unavailable(nodes: Nodes, constant: str) -> None:
    rpc = Rpc(nodes(lambda _: Reply(f'{{"id":0,"result":{constant}}}'.encode())).url())
    with pytest.raises(Unavailable, match="127.0.0.1: HTTP 200 with application/json, expected JSON"):
        rpc.call("eth_chainId")


@pytest.mark.parametrize("code", [300, 302, 307])
def test_call__answered_with_a_redirect_and_a_result__is_no_answer(nodes: Nodes, code: int) -> None:
    moved = nodes(lambda body: Reply(good(body).body, status=code))
    with pytest.raises(Unavailable, match=f"127.0.0.1: HTTP {code}: "):
        Rpc(moved.url()).call("eth_chainId")


def test_call__with_a_proxy_in_the_environment__goes_straight_to_the_node(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, node = nodes(good), nodes(good)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url())
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert Rpc(node.url()).call("eth_blockNumber") == "0x10"
    assert (len(node.seen), proxy.seen) == (1, [])


@pytest.mark.parametrize("garbage", [b"null", b"7", b'"no"'])
def test_call__answered_with_json_of_another_kind__is_unavailable(nodes: Nodes, garbage: bytes) -> None:
    rpc = Rpc(nodes(lambda _: Reply(garbage)).url())
    with pytest.raises(Unavailable, match="127.0.0.1: eth_chainId was answered with .*, expected an object"):
        rpc.call("eth_chainId")
    with pytest.raises(Unavailable, match="127.0.0.1: a batch of 1 was answered with one"):
        rpc.batch([("eth_chainId", [])])


def test_call__answered_without_a_result__is_unavailable(nodes: Nodes) -> None:
    rpc = Rpc(nodes(lambda _: Reply(b'{"jsonrpc":"2.0","id":0}')).url())
    with pytest.raises(Unavailable, match="eth_chainId was answered without a result"):
        rpc.call("eth_chainId")


def test_call__answered_with_html__is_unavailable_with_status_and_type(nodes: Nodes) -> None:
    with pytest.raises(Unavailable, match="127.0.0.1: HTTP 200 with text/html, expected JSON"):
        Rpc(nodes(html).url()).call("eth_chainId")


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_call__refused_by_http__is_unavailable_with_the_status(nodes: Nodes, code: int) -> None:
    with pytest.raises(Unavailable, match=f"127.0.0.1: HTTP {code} with text/plain, expected JSON"):
        Rpc(nodes(status(code)).url()).call("eth_chainId")


def test_call__answered_with_a_redirect__does_not_follow_it(nodes: Nodes) -> None:
    elsewhere = nodes(good)
    here = nodes(lambda _: Reply(b"moved", status=307, headers={"Location": elsewhere.url()}))
    with pytest.raises(Unavailable, match="HTTP 307"):
        Rpc(here.url()).call("eth_chainId")
    assert elsewhere.seen == []


def test_call__not_answered_in_time__is_unavailable_with_the_limit(nodes: Nodes) -> None:
    hold = threading.Event()
    rpc = Rpc(nodes(lambda _: Reply(b"{}", hold=hold)).url(SECRET), timeout=0.1)
    with pytest.raises(Unavailable) as caught:
        rpc.call("eth_chainId")
    hold.set()
    assert str(caught.value).startswith("127.0.0.1: no answer within 0.1 s. ")


def test_call__answered_byte_by_byte__is_unavailable_after_the_limit_in_all(nodes: Nodes) -> None:
    rpc = Rpc(nodes(lambda _: Reply(b" " * 100 + b"{}", drip=0.05)).url(SECRET), timeout=0.2)
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"^127.0.0.1: no answer within 0.2 s\. "):
        rpc.call("eth_chainId")
    assert time.monotonic() - started < 2


def test_call__with_headers_that_come_byte_by_byte__is_unavailable_after_the_limit_in_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip_headers, args=(server,), daemon=True).start()
        rpc, started = Rpc(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.2), time.monotonic()
        with pytest.raises(Unavailable, match="no answer within 0.2 s"):
            rpc.call("eth_chainId")
    assert time.monotonic() - started < 2


def _drip_headers(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.recv(9_999)
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
            time.sleep(0.05)
            connection.sendall(bytes([byte]))


def test_call__answered_with_too_much__is_unavailable_and_read_no_further(nodes: Nodes) -> None:
    endless = nodes(lambda _: Reply(b" " * (LONGEST_ANSWER + 1)))
    with pytest.raises(Unavailable, match=r"127.0.0.1: an answer of more than 67,108,864 bytes"):
        Rpc(endless.url()).call("eth_chainId")


def test_call__answered_with_json_that_nests_for_ever__is_unavailable(nodes: Nodes) -> None:
    with pytest.raises(Unavailable, match="expected JSON"):
        Rpc(nodes(lambda _: Reply(b"[" * 200_000)).url()).call("eth_chainId")


def test_call__repeated__keeps_its_connection(nodes: Nodes) -> None:
    node = nodes(good)
    rpc = Rpc(node.url())
    for _ in range(3):
        rpc.call("eth_chainId")
    assert node.connections == 1


def test_call__with_nobody_there__is_unavailable(dead_url: str) -> None:
    with pytest.raises(Unavailable, match="127.0.0.1: no connection"):
        Rpc(dead_url).call("eth_chainId")


def test_call__answered_with_an_error__carries_code_reason_and_data(nodes: Nodes) -> None:
    with pytest.raises(RpcError) as caught:
        Rpc(nodes(error_body).url()).call("eth_call")
    assert (caught.value.code, caught.value.data) == (-32000, "0x08c379a0")
    assert str(caught.value).startswith("127.0.0.1: eth_call failed: execution reverted")


def test_call__answered_with_nested_revert_data__carries_it(nodes: Nodes) -> None:
    error = {"code": 3, "message": "reverted", "data": {"data": "0x4e487b71", "message": "reverted"}}
    with pytest.raises(RpcError) as caught:
        Rpc(nodes(lambda _: Reply(json.dumps({"id": 0, "error": error}).encode())).url()).call("eth_call")
    assert caught.value.data == "0x4e487b71"
