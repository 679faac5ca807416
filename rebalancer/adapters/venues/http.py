"""HTTP with manners, for APIs that are asked for quotes: a path and fields in, an answer that was read strictly out.

Whatever goes wrong is one quote fewer, in words. The words hold neither the URL nor the key, whoever repeats it to us.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential, wait_random
from urllib3.exceptions import ReadTimeoutError

from rebalancer.adapters.chain.http import TooLong, content_of, timed_session
from rebalancer.adapters.venues.answer import Answer, Declined, excerpt, levels, parsed
from rebalancer.adapters.venues.answer import VenueError as VenueError

TRIES = 3
LONGEST = 2**20
"""Bytes of an answer, headers and all: a route over dozens of pools is a hundred thousand."""
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 2.0
_WAITS = 429
_CONNECT = 2
"""What part of the time may be gone before the answer begins to be waited for: half."""

_backoff = wait_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT) + wait_random(0, _FIRST_WAIT)


class _Again(VenueError):
    """The same request may well be answered a moment later; `after` seconds, where the venue says so."""

    def __init__(self, words: str, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


@dataclass(frozen=True, slots=True)
class Manners:
    """What a venue asks of those who ask it: seconds between two requests, and the header that holds the key."""

    interval: float
    header: str | None = None


@dataclass(slots=True)
class VenueHttp:
    """One host. Threads may share it: they take turns as its rate limit asks."""

    base: str
    manners: Manners
    key: str | None = field(default=None, repr=False)
    session: requests.Session = field(default_factory=lambda: timed_session(LONGEST), repr=False)
    _free_at: float = 0.0
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self, path: str, fields: Mapping[str, str], end: float) -> Answer:
        """`end`: on the monotonic clock. Raises VenueError."""
        return _an_object(self._asked("GET", path, end, params=dict(fields)))

    def post(self, path: str, body: str, end: float, fields: Mapping[str, str] | None = None) -> Answer:
        """`body` is JSON text. Raises VenueError."""
        return _an_object(self._posted(path, body, end, fields or {}))

    def post_for_text(self, path: str, body: str, end: float) -> str:
        """For an answer that is one text: the name of what was posted. Raises VenueError."""
        name = self._posted(path, body, end, {}).body
        if not isinstance(name, str):
            raise VenueError(f"it answered a {type(name).__name__}, expected a text")
        return name

    def _posted(self, path: str, body: str, end: float, fields: Mapping[str, str]) -> Answer:
        headers = {"Content-Type": "application/json"}
        return self._asked("POST", path, end, data=body.encode(), headers=headers, params=dict(fields))

    def _asked(self, method: str, path: str, end: float, **request: Any) -> Answer:
        retrying = Retrying(
            stop=stop_after_attempt(TRIES) | stop_before_delay(max(end - time.monotonic(), 0.0)),
            wait=_wait,
            retry=retry_if_exception_type(_Again),
            reraise=True,
        )
        return retrying(self._once, method, path, end, request)

    def _once(self, method: str, path: str, end: float, request: dict[str, Any]) -> Answer:
        self._wait_for_turn(end)
        left = end - time.monotonic()
        if left <= 0:
            raise VenueError("no time was left to ask it")
        own = {"Accept": "application/json", "Accept-Encoding": "identity", **request.get("headers", {})}
        if self.manners.header is not None and self.key is not None:
            own[self.manners.header] = self.key
        try:
            with self.session.request(
                method,
                self.base.rstrip("/") + path,
                **{**request, "headers": own},
                timeout=(left / _CONNECT, left),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response)
        except TooLong:
            raise VenueError(f"its answer is longer than {LONGEST} bytes") from None
        except (OSError, UnicodeError) as error:  # of `requests` all are the former
            raise _unasked(error) from None

    def _read(self, response: requests.Response) -> Answer:
        """Raises VenueError, and what reading a body does."""
        status = response.status_code
        if response.is_redirect:
            raise VenueError(f"it answered with a redirect ({status})")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise VenueError("its answer is compressed, which was not asked for")
        content = content_of(response)
        said = self._without_key(content.decode("utf-8", errors="replace"))
        seen = excerpt(said)
        if status == _WAITS or status >= requests.codes.server_error:
            after = _retry_after(response)
            self._hold_off(after or 0.0)
            raise _Again(f"it answered {status}: {seen}", after)
        if status != requests.codes.ok and status != requests.codes.created:
            raise Declined(f"it answered {status}: {seen}", said)
        if "json" not in response.headers.get("Content-Type", "").lower():
            raise VenueError(f"it answered no JSON: {seen}")
        body = parsed(content, seen)
        texts = (node for level in levels(body) for node in level if isinstance(node, str))
        if self._secret and any(self._secret in text for text in texts):
            # Whatever is said of such an answer could have the key in it, and what is passed on too.
            raise VenueError("its answer repeats our key")
        return Answer(body, content.decode())

    def _wait_for_turn(self, end: float) -> None:
        with self._turn:
            now = time.monotonic()
            at = max(now, self._free_at)
            if at >= end:
                raise VenueError("its rate limit leaves no turn in the time there is")
            self._free_at = at + self.manners.interval
        time.sleep(max(at - now, 0.0))

    def _hold_off(self, seconds: float) -> None:
        """Who says wait says so to all threads."""
        with self._turn:
            self._free_at = max(self._free_at, time.monotonic() + seconds)

    @property
    def _secret(self) -> str:
        """What must not be seen of the header: all of it, or what stands behind a scheme as in `Bearer …`."""
        return self.key.split()[-1] if self.key and self.key.strip() else ""

    def _without_key(self, words: str) -> str:
        return words.replace(self._secret, "[key]") if self._secret else words


def _an_object(answer: Answer) -> Answer:
    if not isinstance(answer.body, dict):
        raise VenueError(f"it answered a {type(answer.body).__name__}, expected an object")
    return answer


def _unasked(error: OSError | UnicodeError) -> VenueError:
    """In words of ours: those of the libraries have the URL in them, and with it what was asked."""
    inner = error.args[0] if error.args else None
    if isinstance(error, requests.Timeout) or isinstance(inner, ReadTimeoutError):
        return VenueError("it did not answer in time")
    words = f"it could not be asked ({type(error).__name__})"
    broken = isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError)
    return _Again(words) if broken else VenueError(words)


def _wait(state: RetryCallState) -> float:
    error = None if state.outcome is None else state.outcome.exception()
    after = error.after if isinstance(error, _Again) else None
    return _backoff(state) if after is None else after


def _retry_after(response: requests.Response) -> float | None:
    """Seconds, of either form. RFC 9110, 10.2.3."""
    said = response.headers.get("Retry-After")
    if said is None:
        return None
    if said.isascii() and said.isdigit():
        return float(said[:6])
    try:
        return max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
