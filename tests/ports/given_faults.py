"""A node that goes wrong in one way: it stands between a keeper and a true node, on a real socket.

A fault is a value: which calls it is about, how often it strikes, and what becomes of the calls on their way there, of
the answers on their way back, and of the HTTP answer around them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from given_node import Node, Reply

Json = dict[str, Any]
ALWAYS = 10**9


def as_asked(call: Json) -> Json:
    return call


def as_answered(call: Json, answer: Json) -> Json | None:
    """None: no answer."""
    return answer


def as_sent(body: Any, content: bytes) -> Reply:
    return Reply(content)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong. A request is struck where any of its calls is concerned."""

    on: tuple[str, ...] = ()
    """Methods; none: every call."""
    whole: bool = False
    """Whether all calls of a request that is struck are concerned."""
    times: int = ALWAYS
    """Requests that it strikes; what comes later goes through."""
    ask: Callable[[Json], Json] = as_asked
    """What reaches the node in the place of a call."""
    instead: Callable[[Json], Json] | None = None
    """The answer to a call that does not reach the node."""
    answer: Callable[[Json, Json], Json | None] = as_answered
    reply: Callable[[Any, bytes], Reply] = as_sent
    """What HTTP makes of the whole, which is a request's body and the answers as JSON."""
    deliveries: int = 1
    """How often the request reaches the node; the last answer counts."""

    def concerns(self, call: Json) -> bool:
        return not self.on or call["method"] in self.on


class Proxy:
    """In front of the node at `url`. Honest while `fault` is None; `asked` are the methods of all requests."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._fault: Fault | None = None
        self.struck = 0
        """Requests that the present fault has struck."""
        self._lock = threading.Lock()
        self.asked: list[tuple[str, ...]] = []
        self.node = Node(self._reply)
        self.url = self.node.url()

    def go_wrong(self, fault: Fault) -> None:
        self._fault, self.struck = fault, 0

    def be_honest(self) -> None:
        self._fault = None

    def close(self) -> None:
        self.be_honest()
        self.node.close()
        self._session.close()

    def _reply(self, body: Any) -> Reply:
        calls = body if isinstance(body, list) else [body]
        with self._lock:
            self.asked.append(tuple(call["method"] for call in calls))
            fault = self._strikes(calls)
        if fault is None:
            return Reply(self._post(body))
        answers = self._answers(fault, calls)
        content = json.dumps(answers if isinstance(body, list) else (answers or [None])[0]).encode()
        return fault.reply(body, content)

    def _strikes(self, calls: Sequence[Json]) -> Fault | None:
        fault = self._fault
        if fault is None or not any(fault.concerns(call) for call in calls):
            return None
        if self.struck >= fault.times:
            return None
        self.struck += 1
        return fault

    def _answers(self, fault: Fault, calls: Sequence[Json]) -> list[Json]:
        """One for each call, in one request to the node, so that they are as much of one moment as ever."""
        concerned = [fault.whole or fault.concerns(call) for call in calls]
        held_back = [fault.instead is not None and each for each in concerned]
        passed = [fault.ask(call) if each else call for call, each in zip(calls, concerned, strict=True)]
        sent = [call for call, held in zip(passed, held_back, strict=True) if not held]
        for _ in range(fault.deliveries if sent else 0):
            found = {answer["id"]: answer for answer in json.loads(self._post(sent))}
        answers = []
        for call, each in zip(calls, concerned, strict=True):
            if each and fault.instead is not None:
                answers.append(_entry(call, fault.instead(call)))
                continue
            true = found[call["id"]]
            answer = fault.answer(call, true) if each else true
            answers += [] if answer is None else [answer]
        return answers

    def _post(self, body: Any) -> bytes:
        return self._session.post(self._url, json=body, timeout=60).content


def _entry(call: Json, answer: Json) -> Json:
    return {"jsonrpc": "2.0", "id": call["id"], **answer}


# ---------------------------------------------------------------- parts of faults


def result(value: Any) -> Callable[[Json, Json], Json]:
    """This result for every call."""
    return lambda call, answer: _entry(call, {"result": value})


def error(code: int, message: str, **more: Any) -> Callable[[Json], Json]:
    """This error for every call, which does not reach the node."""
    return lambda call: {"error": {"code": code, "message": message, **more}}


def fields(**changed: Any) -> Callable[[Json, Json], Json]:
    """Every result that is an object with these fields instead of its own; what can be called is given the old one."""

    def change(call: Json, answer: Json) -> Json:
        found = answer.get("result")
        if not isinstance(found, dict):
            return answer
        new = {name: value(found.get(name)) if callable(value) else value for name, value in changed.items()}
        return {**answer, "result": {**found, **new}}

    return change


def http(status: int, body: bytes = b"", **headers: str) -> Callable[[Any, bytes], Reply]:
    """An HTTP answer of its own. Underlines of header names are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _, __: Reply(body, status, {"Content-Type": "text/plain"} | named)
