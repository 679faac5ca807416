"""Nodes that do not answer, answer nonsense, or are of another chain: named by their host, their key never shown."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from given_keeper import Keeper, Lines, command
from given_node import Node, Reply

from rebalancer.replica.anvil import Anvil

MARK = "7Secret"
"""In every part of a URL that may be a key."""
COMMANDS = ("check", "plan", "run", "status")
HTML = {"Content-Type": "text/html"}


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything that anybody logs."""
    lines, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(lines)
    root.setLevel(level)


def secret_url(port: int) -> str:
    return f"http://user{MARK}:pass{MARK}@127.0.0.1:{port}/v2/path{MARK}?apikey=query{MARK}"


def aimed_at(keeper: Keeper, port: int, url: Callable[[int], str] = secret_url) -> Keeper:
    keeper.edit(keeper.replica.url, url(port))
    return keeper


def without_path(port: int) -> str:
    """Anvil answers on no path."""
    return secret_url(port).replace(f"/v2/path{MARK}", "/")


def shows_no_key(keeper: Keeper, said: str, lines: Lines) -> None:
    assert MARK not in said
    assert MARK not in lines.text
    files = [path for path in keeper.folder.iterdir() if path != keeper.config]
    assert [path.name for path in files if MARK.encode() in path.read_bytes()] == []


def error(message: str, code: int = -32_000) -> Callable[[Any], Reply]:
    def answer(body: Any) -> Reply:
        one = {"jsonrpc": "2.0", "error": {"code": code, "message": message}}
        whole = [{**one, "id": call["id"]} for call in body] if isinstance(body, list) else {**one, "id": 0}
        return Reply(json.dumps(whole).encode())

    return answer


def nulls(body: Any) -> Reply:
    calls = body if isinstance(body, list) else [body]
    return Reply(json.dumps([{"jsonrpc": "2.0", "id": call["id"], "result": None} for call in calls]).encode())


ANSWERS: dict[str, tuple[Callable[[Any], Reply], str]] = {
    "a web page": (lambda _: Reply(b"<html>hello</html>", 200, HTML), "HTTP 200 with text/html, expected JSON"),
    "a proxy's error": (lambda _: Reply(b"<html>502</html>", 502, HTML), "HTTP 502 with text/html, expected JSON"),
    "one error for all": (lambda _: Reply(b'{"error": {"code": -32005, "message": "too many"}}'), "too many"),
    "an error for each": (error("header not found"), "header not found"),
    "an error with the key": (error(f"no such project path{MARK}"), "no such project ***"),
    "a refusal with the key": (
        lambda _: Reply(json.dumps({"message": f"key query{MARK} is over its limit"}).encode(), 429),
        "HTTP 429: key *** is over its limit",
    ),
    "null": (lambda _: Reply(b"null"), "null"),
    "null for each": (nulls, "null"),
    "an empty list": (lambda _: Reply(b"[]"), "no answer to eth_chainId"),
    "nothing at all": (lambda _: Reply(b""), "expected JSON"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_command__without_a_node__is_unavailable_and_names_the_host_only(
    keeper: Keeper, lines: Lines, name: str
) -> None:
    done = aimed_at(keeper, 9).command(name)
    assert done.code == 3 and "127.0.0.1: no connection" in done.said
    shows_no_key(keeper, done.said, lines)


def test_command__without_a_node__says_in_json_what_kind_of_error_it_is(keeper: Keeper, lines: Lines) -> None:
    done = aimed_at(keeper, 9).command("run", "--json")
    assert (done.json["error"], done.json["exit_code"]) == ("Unavailable", 3)
    assert done.json["message"].startswith("127.0.0.1: no connection")
    assert keeper.rows() == [("Unavailable", done.json["message"])]
    shows_no_key(keeper, done.said, lines)


@pytest.mark.parametrize("kind", ANSWERS)
def test_run__node_that_answers_nonsense__is_unavailable_with_what_was_seen(
    keeper: Keeper, lines: Lines, kind: str
) -> None:
    answer, seen = ANSWERS[kind]
    node = Node(answer)
    try:
        done = aimed_at(keeper, node.port).command("run", "--json")
    finally:
        node.close()
    assert done.code == 3 and done.json["error"] == "Unavailable"
    assert "127.0.0.1" in done.json["message"] and seen in done.json["message"]
    assert [outcome for outcome, _ in keeper.rows()] == ["Unavailable"]
    shows_no_key(keeper, done.said, lines)


def test_run__node_of_another_chain__is_a_config_error_with_both_ids(keeper: Keeper, lines: Lines) -> None:
    other = Anvil(None, ["--chain-id", "10"])
    try:
        done = aimed_at(keeper, other.port, without_path).command("run")
    finally:
        other.close()
    assert done.code == 2 and "127.0.0.1: chain id 10, expected 1" in done.said
    shows_no_key(keeper, done.said, lines)


def test_run__node_without_contracts__is_a_config_error(keeper: Keeper, lines: Lines) -> None:
    empty = Anvil(None, ["--chain-id", "1"])
    try:
        done = aimed_at(keeper, empty.port, without_path).command("run")
    finally:
        empty.close()
    assert done.code == 2 and "127.0.0.1: no Multicall3 at 0xcA11" in done.said
    shows_no_key(keeper, done.said, lines)


def test_run__node_that_has_fallen_behind__is_unavailable_with_its_age(keeper: Keeper, lines: Lines) -> None:
    port = int(keeper.replica.url.rpartition(":")[2])
    aimed_at(keeper, port, without_path).edit("max_block_age: 2 min", "max_block_age: 1 s")
    keeper.replica.mine()
    time.sleep(2.1)
    done = command("run", "--config", str(keeper.config))
    assert done.code == 3 and "127.0.0.1: its newest block" in done.said and "expected at most 1 s" in done.said
    shows_no_key(keeper, done.said, lines)


def test_run__url_that_is_none__is_a_config_error_that_does_not_repeat_it(keeper: Keeper, lines: Lines) -> None:
    keeper.edit(f'"{keeper.replica.url}"', f'"htp://127.0.0.1/path{MARK}"')
    done = keeper.command("run")
    assert done.code == 2 and "chain.rpc" in done.said
    shows_no_key(keeper, done.said, lines)
