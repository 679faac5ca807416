"""JSON-RPC over HTTP: method and parameters in, the result out; every way to fail has one name.

An answer is believed only if it is a JSON-RPC result: an error body, HTML, a null where a value is
due, or a missing entry of a batch is `Unavailable` (`RpcError` where the node itself says why).
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Sequence
from typing import Any

from rebalancer.adapters.chain.codec import DecodeError, hex_int
from rebalancer.adapters.chain.endpoint import Endpoint, Link, NoAnswer
from rebalancer.adapters.chain.http import timed_session
from rebalancer.core.errors import ConfigError, Unavailable

Call = tuple[str, list[Any]]

PAUSES = (0.5, 1.5)
"""Seconds before the second and the third try, more or less: who was refused together need not come back together."""
SLOW = 1.0
"""Seconds to an answer, below which no other endpoint is looked for; nor before it takes three times as long there."""
_REVERTED = 3
"""The code that nodes give a call which reverted."""


class RpcError(Unavailable):
    """The node answered with an error: `code`, `reason`, and the revert data where it sent any."""

    def __init__(self, host: str, method: str, code: int, reason: str, data: str | None) -> None:
        super().__init__(f"{host}: {method} failed: {reason} (code {code})")
        self.code = code
        self.reason = reason
        self.data = data

    @property
    def reverted(self) -> bool:
        """Whether it is about the call, which every node would refuse alike."""
        return self.code == _REVERTED or self.data is not None or "revert" in self.reason.lower()


class _Patience:
    """Seconds that may be lost to endpoints that do not answer, in all."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def lose(self, seconds: float) -> None:
        self.left -= seconds

    def wait(self, seconds: float) -> bool:
        """Waits so long, if there is so much left."""
        if seconds > self.left:
            return False
        self.lose(seconds)
        time.sleep(seconds)
        return True


class Rpc:
    """One or more endpoints of one chain, the preferred one first, with kept-alive connections.

    Where one gives no answer (no connection, time-out, too many requests, no JSON), the next is asked, and kept while
    it answers; an error of the node is an answer. A switch is made only to an endpoint whose eth_chainId is
    `chain_id`. What no endpoint answers is tried again, twice at most, while no more than `patience` seconds are lost
    by that in all: with 0, for calls that must not be repeated, never. Raises ConfigError for what is no http(s) URL.
    """

    def __init__(
        self, urls: str | Sequence[str], chain_id: int | None = None, timeout: float = 10.0, patience: float = 0.0
    ) -> None:
        # The same URL twice would agree with itself.
        urls = (urls,) if isinstance(urls, str) else tuple(dict.fromkeys(urls))
        if not urls:
            raise ConfigError("no RPC URL: expected at least one")
        self._session = timed_session()
        endpoints = [Endpoint.of(number, url) for number, url in enumerate(urls, 1)]
        self._links = tuple(Link(endpoint, self._session, timeout) for endpoint in endpoints)
        self._current = self._links[0]
        self._chain_id = chain_id
        self._patience = _Patience(patience)

    @property
    def host(self) -> str:
        """The host of the endpoint in use."""
        return self._current.host

    @property
    def requests(self) -> int:
        """HTTP requests sent so far."""
        return sum(link.requests for link in self._links)

    def alone(self) -> Rpc:
        """The endpoint in use and no other, with the same connections and the same patience."""
        return self._only(self._current)

    def others(self, than: Rpc) -> tuple[Rpc, ...]:
        """Every endpoint that `than` does not ask, each alone, the best first."""
        return tuple(self._only(link) for link in self._order() if link not in than._links)

    def turn_away(self) -> bool:
        """Ask the others first from now on: what the endpoint in use says is not believed. False where none is left."""
        self._current.shun()
        return any(not link.is_shunned and not link.is_quiet for link in self._links)

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. A null result is returned as None: some methods mean it."""
        answer = self._post({"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)})
        result = self.result(method, answer)
        if _id_of(answer) != 0:
            raise Unavailable(f"{self.host}: {method} was answered with the id of another call; use another node")
        return result

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results of `calls`, in their order, in one HTTP request. Any failure fails all."""
        answers = self.batch_answers(calls)
        return [self.result(method, answer) for (method, _), answer in zip(calls, answers, strict=True)]

    def batch_answers(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        """The JSON-RPC answers of `calls`, in their order, errors left in place for `result`."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        answers = self._post(body)
        if isinstance(answers, dict):
            self.result("batch", answers)
        if not isinstance(answers, list):
            raise Unavailable(f"{self.host}: a batch of {len(calls)} was answered with one {_kind(answers)}")
        by_id = {_id_of(answer): answer for answer in answers}
        missing = [method for number, (method, _) in enumerate(calls) if number not in by_id]
        if missing:
            raise Unavailable(f"{self.host}: no answer to {', '.join(missing)} in a batch of {len(calls)}")
        if len(answers) != len(calls):
            raise Unavailable(f"{self.host}: {len(answers)} answers to a batch of {len(calls)}; use another node")
        return [by_id[number] for number in range(len(calls))]

    def result(self, method: str, answer: Any) -> Any:
        """The result in one JSON-RPC answer. RpcError where the node reports an error."""
        if not isinstance(answer, dict):
            raise Unavailable(f"{self.host}: {method} was answered with {_kind(answer)}, expected an object")
        error = answer.get("error")
        if error is not None:
            raise self._error(method, error if isinstance(error, dict) else {"message": str(error)})
        if "result" not in answer:
            raise Unavailable(f"{self.host}: {method} was answered without a result")
        return answer["result"]

    def close(self) -> None:
        self._session.close()

    def _error(self, method: str, error: dict[str, Any]) -> RpcError:
        code, data = error.get("code"), error.get("data")
        if isinstance(data, dict):  # some nodes wrap the revert data once more
            data = data.get("data")
        reason = self._current.clean(str(error.get("message", "")))
        return RpcError(
            self.host, method, code if isinstance(code, int) else 0, reason, data if isinstance(data, str) else None
        )

    def _only(self, link: Link) -> Rpc:
        rpc = copy.copy(self)
        rpc._links, rpc._current = (link,), link
        return rpc

    def _order(self) -> list[Link]:
        """The best first: those that answer, and not slowly; then from the one in use on, in the order of the file."""
        start = self._links.index(self._current)
        # One that was never asked may be quick: it is tried before a slow one is put up with.
        slow = max(SLOW, 3 * min((link.latency or 0.0 for link in self._links if not link.is_shunned), default=0.0))

        def rank(link: Link) -> tuple[bool, bool, int]:
            distance = (self._links.index(link) - start) % len(self._links)
            return link.is_shunned, (link.latency or 0.0) > slow, distance

        return sorted(self._links, key=rank)

    def _post(self, body: Any) -> Any:
        """The JSON answer of the first endpoint that gives one. Raises Unavailable, ConfigError (another chain)."""
        refusals: dict[Link, NoAnswer] = {}
        tries = 0
        for pause in (*PAUSES, None):
            tries += 1
            for link in self._order():
                answer = self._ask(link, body, refusals)
                if not isinstance(answer, NoAnswer):
                    return answer
                refusals[link] = answer
            if pause is None or not self._wait(refusals, pause):
                break
        whys = "; ".join(refusal.why for refusal in refusals.values())
        tried = f" (tried {tries} times)" if tries > 1 else ""
        # Raised here and not where it was caught: a chained error of the library repeats the whole URL.
        raise Unavailable(f"{whys}{tried}. Try again at the next tick; where it stays, look at chain.rpc")

    def _ask(self, link: Link, body: Any, refusals: dict[Link, NoAnswer]) -> Any | NoAnswer:
        """One try at one endpoint, which becomes the one in use if it answers."""
        if link in refusals and not refusals[link].again:
            return refusals[link]
        if link.is_quiet and link.refusal is not None:
            return link.refusal
        started = time.monotonic()
        refusal = self._check(link) if link is not self._current and not link.is_checked else None
        answer = refusal or link.ask(body)
        if isinstance(answer, NoAnswer):
            self._patience.lose(time.monotonic() - started)
        else:
            self._current = link
        return answer

    def _wait(self, refusals: dict[Link, NoAnswer], pause: float) -> bool:
        """Until the first endpoint may be tried again. False where none may, or it asks for more than is left."""
        pause *= random.uniform(0.75, 1.25)
        now = time.monotonic()
        waits = [max(link.quiet_until - now, pause) for link, refusal in refusals.items() if refusal.again]
        return bool(waits) and self._patience.wait(min(waits))

    def _check(self, link: Link) -> NoAnswer | None:
        """Before a switch: None where the endpoint is on our chain. ConfigError where it is on another."""
        if self._chain_id is None:
            return None
        answer = link.ask({"jsonrpc": "2.0", "id": 0, "method": "eth_chainId", "params": []})
        if isinstance(answer, NoAnswer):
            return answer
        try:
            seen = hex_int(answer.get("result") if _id_of(answer) == 0 else None)
        except DecodeError:
            return NoAnswer(f"{link.host}: eth_chainId was answered without a chain id")
        require_chain(link.host, seen, self._chain_id)
        link.is_checked = True
        return None


def require_chain(host: str, seen: int, expected: int) -> None:
    """ConfigError where an endpoint is on another chain than the configuration."""
    if seen != expected:
        raise ConfigError(f"{host}: chain id {seen}, expected {expected}: check the RPC URLs and the chain")


def _id_of(answer: Any) -> int | None:
    """The number that the call was asked with, None where the answer has none. To Python, false would be 0 as well."""
    number = answer.get("id") if isinstance(answer, dict) else None
    return number if type(number) is int else None


def _kind(answer: Any) -> str:
    return "null" if answer is None else type(answer).__name__
