"""What goes wrong on the way between a keeper and its node: lost, late, cut off, garbled, refused."""

from __future__ import annotations

import json
import threading
from typing import Any

from given_faults import Fault, Json, error, http, result
from given_node import Reply
from given_trials import Case

SETTLES = ("settled", "held")
RECOVERS = ("Unavailable", "settled", "held")
NEVER = threading.Event()


def hung_up(body: Any, content: bytes) -> Reply:
    return Reply(b"", hang_up=True)


def cut(body: Any, content: bytes) -> Reply:
    return Reply(content[: len(content) // 2], missing=len(content) - len(content) // 2)


def dripping(body: Any, content: bytes) -> Reply:
    return Reply(content, drip=0.02)


def first_twice(body: Any, content: bytes) -> Reply:
    """One answer twice, and another one not at all."""
    answers = json.loads(content)
    return Reply(json.dumps([answers[0], *answers[:-1]] if isinstance(answers, list) else [answers, answers]).encode())


def one_more(body: Any, content: bytes) -> Reply:
    answers = json.loads(content)
    return Reply(json.dumps([*answers, answers[0]] if isinstance(answers, list) else [answers, answers]).encode())


def other_id(call: Json, answer: Json) -> Json:
    return {**answer, "id": 7_777}


def missing(call: Json, answer: Json) -> Json | None:
    return None


def silent(body: Any, content: bytes) -> Reply:
    return Reply(content, hold=NEVER)


CASES = (
    Case("connection closed without an answer", Fault(reply=hung_up), RECOVERS, "no connection"),
    Case("connection closed once", Fault(reply=hung_up, times=1), SETTLES, ""),
    Case("no answer at all", Fault(reply=silent), RECOVERS, "no answer within"),
    Case("an answer that drips", Fault(reply=dripping), RECOVERS, "no answer within"),
    Case("an answer cut off in the middle", Fault(reply=cut), RECOVERS, "the answer broke off"),
    Case("an answer cut off once", Fault(reply=cut, times=1), SETTLES, ""),
    Case("429", Fault(reply=http(429, b"slow down")), RECOVERS, "HTTP 429"),
    Case("429 once", Fault(reply=http(429, b"slow down"), times=1), SETTLES, ""),
    Case("429 once with Retry-After", Fault(reply=http(429, Retry_After="1"), times=1), SETTLES, ""),
    Case("429 with Retry-After of an hour", Fault(reply=http(429, Retry_After="3600")), RECOVERS, "3,600 s of silence"),
    Case("500", Fault(reply=http(500, b"oops")), RECOVERS, "HTTP 500"),
    Case("502 once", Fault(reply=http(502, b"<html>bad gateway</html>"), times=1), SETTLES, ""),
    Case("a web page", Fault(reply=http(200, b"<html>hello</html>")), RECOVERS, "expected JSON"),
    Case("an empty body", Fault(reply=http(200)), RECOVERS, "expected JSON"),
    Case("null for everything", Fault(reply=http(200, b"null")), RECOVERS, "null"),
    Case("a redirect", Fault(reply=http(302, b"", Location="http://127.0.0.1:9/")), RECOVERS, "HTTP 302"),
    Case("ids of other calls", Fault(answer=other_id), RECOVERS, "no answer to eth_chainId"),
    Case("one answer twice, another not", Fault(reply=first_twice), RECOVERS, "no answer to"),
    Case("an answer too many", Fault(reply=one_more), RECOVERS, "answers to a batch of"),
    Case("an answer missing", Fault(on=("eth_call",), answer=missing), RECOVERS, "no answer to eth_call"),
    Case("null results", Fault(answer=result(None)), RECOVERS, "null"),
    Case("an error for everything", Fault(instead=error(-32603, "internal error")), RECOVERS, "internal error"),
    Case("limit exceeded, once", Fault(instead=error(-32005, "limit exceeded"), times=1), SETTLES, ""),
    Case("limit exceeded", Fault(instead=error(-32005, "limit exceeded")), RECOVERS, "limit exceeded"),
    Case("another chain", Fault(on=("eth_chainId",), answer=result("0xa")), ("ConfigError", *SETTLES), "chain id 10"),
    Case("every request delivered twice", Fault(deliveries=2), SETTLES, ""),
    Case("429, and another node at hand", Fault(reply=http(429, b"slow down")), SETTLES, "", spare=True),
    Case("no answer at all, and another node at hand", Fault(reply=silent), SETTLES, "", spare=True),
    Case("a web page, and another node at hand", Fault(reply=http(200, b"<html>")), SETTLES, "", spare=True),
    Case("null results, and another node at hand", Fault(answer=result(None)), SETTLES, "", spare=True),
)
