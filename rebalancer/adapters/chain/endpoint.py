"""One URL of a chain: a JSON body in, the JSON answer out, or in words why there is none; and how it has served so far.

Messages carry the URL's host only, because its path, query and user often are the key.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from rebalancer.adapters.chain.codec import printable
from rebalancer.adapters.chain.http import LONGEST_ANSWER, TooLong, content_of
from rebalancer.core.errors import ConfigError

SHUNNED = 60.0
"""Seconds in which an endpoint that gave no answer, or none to believe, is asked after all others."""
MOST_SILENCE = 3_600.0
"""Seconds: no Retry-After is believed beyond."""
LIMIT_CODES = (429, -32005)
"""JSON-RPC errors about us and not about the call: EIP-1474's "limit exceeded", and HTTP's number put there."""
LIMIT_WORDS = ("rate limit", "too many requests", "request limit")

_NEVER_ABOUT_THE_CALL = (401, 403, 429)
"""With these the endpoint refuses us, whatever the body says: the next one may not."""
_TOO_MANY = 429
_SHORTEST_SECRET = 6

# At level DEBUG the library logs the path of every request, and the path is the key.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why an endpoint gave no JSON-RPC answer, its host in front."""

    why: str
    again: bool = False
    """Whether the same request may be answered in a moment."""
    silence: float = 0.0
    """Seconds for which it asked to be left alone."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One URL. `secrets` are the parts of it that no message may repeat, though a node may."""

    url: str
    host: str
    secrets: tuple[str, ...]

    @staticmethod
    def of(number: int, url: str) -> Endpoint:
        """ConfigError for what is no http(s) URL; `number` names it there."""
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
        return Endpoint(url, host, tuple(secrets))

    def __repr__(self) -> str:
        return self.host

    def clean(self, text: str) -> str:
        """Text from outside as one short line without the URL's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return printable(text)


class Link:
    """An endpoint in use. Times are of the monotonic clock.

    `requests` were sent. `latency` is the usual time to an answer in seconds, None before the first. Until
    `quiet_until` it wants no request. `is_checked`: it has said that it is of our chain.
    """

    def __init__(self, endpoint: Endpoint, session: requests.Session, timeout: float) -> None:
        self._endpoint = endpoint
        self._session = session
        self._timeout = timeout
        self._shunned_until = 0.0
        self.host = endpoint.host
        self.clean = endpoint.clean
        self.requests = 0
        self.latency: float | None = None
        self.quiet_until = 0.0
        self.refusal: NoAnswer | None = None
        """Why it wants no request."""
        self.is_checked = False

    def __repr__(self) -> str:
        return self.host

    @property
    def is_shunned(self) -> bool:
        """Whether it has lately given no answer, or none to believe."""
        return time.monotonic() < self._shunned_until

    @property
    def is_quiet(self) -> bool:
        """Whether it has asked to be left alone, and that time is not over."""
        return time.monotonic() < self.quiet_until

    def shun(self) -> None:
        """Ask all others first for a while."""
        self._shunned_until = time.monotonic() + SHUNNED

    def ask(self, body: Any) -> Any | NoAnswer:
        """The JSON answer, with what it says of the endpoint's health taken down."""
        started = time.monotonic()
        answer = self._post(body)
        seconds = time.monotonic() - started
        if not isinstance(answer, NoAnswer):
            self.latency = seconds if self.latency is None else (3 * self.latency + seconds) / 4
            self._shunned_until = 0.0
            return answer
        self.shun()
        if answer.silence:
            answer = replace(answer, why=f"{answer.why} (it asks for {answer.silence:,.0f} s of silence)")
            self.quiet_until, self.refusal = time.monotonic() + answer.silence, answer
        return answer

    def _post(self, body: Any) -> Any | NoAnswer:
        self.requests += 1
        host, started = self.host, time.monotonic()
        try:
            # A redirect would carry the request, and our trust, to a host that nobody configured.
            response = self._session.post(
                self._endpoint.url, json=body, timeout=self._timeout, allow_redirects=False, stream=True
            )
            content = content_of(response)
        except TooLong:
            return NoAnswer(f"{host}: an answer of more than {LONGEST_ANSWER:,} bytes")
        except (requests.RequestException, HTTPError) as error:
            if isinstance(error, requests.Timeout) or time.monotonic() - started > self._timeout:
                return NoAnswer(f"{host}: no answer within {self._timeout:g} s", again=True)
            # The library's own message repeats the whole URL.
            broken = isinstance(error, requests.exceptions.ChunkedEncodingError)
            what = "the answer broke off" if broken else "no connection"
            return NoAnswer(f"{host}: {what} ({type(error).__name__})", again=True)
        return self._read(response, content)

    def _read(self, response: requests.Response, content: bytes) -> Any | NoAnswer:
        host, status = self.host, response.status_code
        silence = _silence(response.headers.get("Retry-After"))
        again = status == _TOO_MANY or status >= 500
        try:
            answer = json.loads(content, parse_constant=_no_number)
        except (ValueError, RecursionError):
            kind = self.clean(response.headers.get("Content-Type", "no content type"))
            return NoAnswer(f"{host}: HTTP {status} with {kind}, expected JSON", again, silence)
        if status in _NEVER_ABOUT_THE_CALL or 300 <= status < 400 or (status >= 400 and not _is_json_rpc(answer)):
            return NoAnswer(f"{host}: HTTP {status}: {self.clean(_message(answer))}", again, silence)
        limited = next((error for error in _errors(answer) if _is_limit(error)), None)
        if limited is not None:
            code = limited.get("code")
            return NoAnswer(f"{host}: {self.clean(_message(limited))} (code {code})", again=True, silence=silence)
        return answer


def _silence(header: str | None) -> float:
    """Seconds that a Retry-After asks for, as a number or as a date; 0 where it says neither. RFC 9110, 10.2.3."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MOST_SILENCE)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), MOST_SILENCE)


def _errors(answer: Any) -> list[dict[str, Any]]:
    """The errors of one JSON-RPC answer, or of a batch of them."""
    entries = answer if isinstance(answer, list) else [answer]
    errors = [entry.get("error") for entry in entries if isinstance(entry, dict)]
    return [error for error in errors if isinstance(error, dict)]


def _is_limit(error: dict[str, Any]) -> bool:
    """Whether the endpoint says that we ask too much. A contract that reverts in such words brings its data along."""
    if error.get("data") is not None and error.get("code") not in LIMIT_CODES:
        return False
    text = str(error.get("message", "")).lower()
    worded = "revert" not in text and any(words in text for words in LIMIT_WORDS)
    return error.get("code") in LIMIT_CODES or worded


def _no_number(constant: str) -> Any:
    """JSON has no NaN and no Infinity, though Python's reader does."""
    raise ValueError(f"{constant} is no JSON")


def _is_json_rpc(answer: Any) -> bool:
    return isinstance(answer, list) or (isinstance(answer, dict) and ("result" in answer or "error" in answer))


def _message(answer: Any) -> str:
    """What a JSON body says of itself, wherever it says it."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    return str(error.get("message", "no message")) if isinstance(error, dict) else str(error)
