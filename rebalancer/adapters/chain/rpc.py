"""JSON-RPC over HTTP: method and parameters in, the result out; every way to fail has one name.

An answer is believed only if it is a JSON-RPC result: an error body, HTML, a null where a value is
due, or a missing entry of a batch is `Unavailable` (`RpcError` where the node itself says why).
Messages carry the URL's host only, because its path, query and user often are the key.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from rebalancer.adapters.chain.codec import DecodeError, hex_int, printable
from rebalancer.adapters.chain.http import LONGEST_ANSWER, TooLong, content_of, timed_session
from rebalancer.core.errors import ConfigError, Unavailable

Call = tuple[str, list[Any]]

_NEVER_ABOUT_THE_CALL = (401, 403, 429)
"""With these the endpoint refuses us, whatever the body says: the next one may not."""
_SHORTEST_SECRET = 6

# At level DEBUG the library logs the path of every request, and the path is the key.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class RpcError(Unavailable):
    """The node answered with an error: `code`, `reason`, and the revert data where it sent any."""

    def __init__(self, host: str, method: str, code: int, reason: str, data: str | None) -> None:
        super().__init__(f"{host}: {method} failed: {reason} (code {code})")
        self.code = code
        self.reason = reason
        self.data = data


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """One URL. `secrets` are the parts of it that no message may repeat, though a node may."""

    url: str
    host: str
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return self.host

    def clean(self, text: str) -> str:
        """Text from outside as one short line without the URL's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return printable(text)


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    """Why an endpoint gave no JSON-RPC answer, its host in front."""

    why: str


class Rpc:
    """One or more endpoints of one chain, in order of preference, with kept-alive connections.

    Where one gives no answer (no connection, time-out, no JSON), the next is asked, and kept while it
    answers; an error of the node is an answer. A switch is made only to an endpoint whose eth_chainId is
    `chain_id`. `requests` counts HTTP requests sent. Raises ConfigError for what is no http(s) URL.
    """

    def __init__(self, urls: str | Sequence[str], chain_id: int | None = None, timeout: float = 10.0) -> None:
        urls = (urls,) if isinstance(urls, str) else tuple(urls)
        if not urls:
            raise ConfigError("no RPC URL: expected at least one")
        self._endpoints = tuple(_endpoint(number, url) for number, url in enumerate(urls, 1))
        self._current = 0
        self.requests = 0
        self._chain_id = chain_id
        self._timeout = timeout
        self._session = timed_session()

    @property
    def host(self) -> str:
        """The host of the endpoint in use."""
        return self._endpoints[self._current].host

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
        reason = self._endpoints[self._current].clean(str(error.get("message", "")))
        return RpcError(
            self.host, method, code if isinstance(code, int) else 0, reason, data if isinstance(data, str) else None
        )

    def _post(self, body: Any) -> Any:
        """The JSON answer of the first endpoint that gives one, starting with the one in use."""
        failures = []
        start = self._current
        for step in range(len(self._endpoints)):
            number = (start + step) % len(self._endpoints)
            refusal = self._check(number) if step else None
            answer = refusal or self._post_to(self._endpoints[number], body)
            if not isinstance(answer, _NoAnswer):
                self._current = number
                return answer
            failures.append(answer.why)
        # Raised here and not where it was caught: a chained error of the library repeats the whole URL.
        raise Unavailable(f"{'; '.join(failures)}. Try again at the next tick; where it stays, look at chain.rpc")

    def _check(self, number: int) -> _NoAnswer | None:
        """Before a switch: None where the endpoint is on our chain. ConfigError where it is on another."""
        if self._chain_id is None:
            return None
        endpoint = self._endpoints[number]
        answer = self._post_to(endpoint, {"jsonrpc": "2.0", "id": 0, "method": "eth_chainId", "params": []})
        if isinstance(answer, _NoAnswer):
            return answer
        try:
            seen = hex_int(answer.get("result") if _id_of(answer) == 0 else None)
        except DecodeError:
            return _NoAnswer(f"{endpoint.host}: eth_chainId was answered without a chain id")
        require_chain(endpoint.host, seen, self._chain_id)
        return None

    def _post_to(self, endpoint: _Endpoint, body: Any) -> Any | _NoAnswer:
        self.requests += 1
        host, started = endpoint.host, time.monotonic()
        try:
            # A redirect would carry the request, and our trust, to a host that nobody configured.
            response = self._session.post(
                endpoint.url, json=body, timeout=self._timeout, allow_redirects=False, stream=True
            )
            content = content_of(response)
        except TooLong:
            return _NoAnswer(f"{host}: an answer of more than {LONGEST_ANSWER:,} bytes")
        except (requests.RequestException, HTTPError) as error:
            if isinstance(error, requests.Timeout) or time.monotonic() - started > self._timeout:
                return _NoAnswer(f"{host}: no answer within {self._timeout:g} s")
            # The library's own message repeats the whole URL.
            return _NoAnswer(f"{host}: no connection ({type(error).__name__})")
        status = response.status_code
        try:
            answer = json.loads(content, parse_constant=_no_number)
        except (ValueError, RecursionError):
            kind = endpoint.clean(response.headers.get("Content-Type", "no content type"))
            return _NoAnswer(f"{host}: HTTP {status} with {kind}, expected JSON")
        if status in _NEVER_ABOUT_THE_CALL or 300 <= status < 400 or (status >= 400 and not _is_json_rpc(answer)):
            return _NoAnswer(f"{host}: HTTP {status}: {endpoint.clean(_message(answer))}")
        return answer


def require_chain(host: str, seen: int, expected: int) -> None:
    """ConfigError where an endpoint is on another chain than the configuration."""
    if seen != expected:
        raise ConfigError(f"{host}: chain id {seen}, expected {expected}: check the RPC URLs and the chain")


def _endpoint(number: int, url: str) -> _Endpoint:
    # The URL is not shown even where it is broken: the key is in it all the same.
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        # What can never be sent: a password that HTTP cannot carry, a name that DNS cannot.
        requests.Request("POST", url).prepare()
        (host or "").encode("idna")
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ConfigError(f"RPC URL {number} is no http or https URL: expected https://host/…")
    pieces = [*parts.path.split("/"), *(pair.partition("=")[2] for pair in parts.query.split("&")), parts.fragment]
    pieces += [url, parts.path, parts.query, parts.username or "", parts.password or ""]
    secrets = sorted({p for p in pieces if len(p) >= _SHORTEST_SECRET}, key=len, reverse=True)
    return _Endpoint(url, host, tuple(secrets))


def _id_of(answer: Any) -> int | None:
    """The number that the call was asked with, None where the answer has none. To Python, false would be 0 as well."""
    number = answer.get("id") if isinstance(answer, dict) else None
    return number if type(number) is int else None


def _no_number(constant: str) -> Any:
    """JSON has no NaN and no Infinity, though Python's reader does."""
    raise ValueError(f"{constant} is no JSON")


def _is_json_rpc(answer: Any) -> bool:
    return isinstance(answer, list) or (isinstance(answer, dict) and ("result" in answer or "error" in answer))


def _message(answer: Any) -> str:
    """What a JSON body says of itself, wherever it says it."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    return str(error.get("message", "no message")) if isinstance(error, dict) else str(error)


def _kind(answer: Any) -> str:
    return "null" if answer is None else type(answer).__name__
