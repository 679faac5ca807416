"""A public API that is asked for free: a path and fields in, its JSON out; slowly, and once more where it says so."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from rebalancer.adapters.chain.http import TooLong, content_of, timed_session
from rebalancer.core.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState

INTERVAL = 0.3
"""Seconds between two requests: two hundred a minute, of some five hundred that such hosts let pass."""
TRIES = 6
TIMEOUT = 30.0
LONGEST = 16 * 2**20
"""Bytes of an answer; ours are some ten thousand."""
LONGEST_WAIT = 60.0
"""Seconds before another try, whatever the host says: longer is another day's work."""
_WAITS = 429


class _Again(Unavailable):
    """The same request may be answered later; `after` seconds, where the host says so."""

    def __init__(self, words: str, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


@dataclass(slots=True)
class Polite:
    """One host. Raises ConfigError for what is no http(s) URL."""

    base: str
    first_wait: float = 1.0
    """Seconds before the second try, and twice as long before each further."""
    interval: float = INTERVAL
    session: requests.Session = field(default_factory=lambda: timed_session(LONGEST), repr=False)
    _free_at: float = 0.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("prices: the URL is none, expected http:// or https:// and a host")

    @property
    def name(self) -> str:
        """The host, and nothing else: a key may stand in all the rest."""
        return urlsplit(self.base).hostname or ""

    @property
    def port(self) -> int | None:
        return urlsplit(self.base).port

    def get(self, path: str, fields: Mapping[str, str]) -> Any:
        """The JSON of the answer, its fractions as Decimal. Raises Unavailable."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        retrying = Retrying(
            stop=stop_after_attempt(TRIES), wait=self._wait, retry=retry_if_exception_type(_Again), reraise=True
        )
        return retrying(self._once, path, fields)

    def _once(self, path: str, fields: Mapping[str, str]) -> Any:
        now = time.monotonic()
        time.sleep(max(self._free_at - now, 0.0))
        self._free_at = max(self._free_at, now) + self.interval
        try:
            with self.session.get(
                self.base.rstrip("/") + path,
                params=dict(fields),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                timeout=(TIMEOUT, TIMEOUT),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response)
        except TooLong:
            raise Unavailable(f"{self.name}: its answer is longer than {LONGEST >> 20} MB") from None
        except (OSError, UnicodeError) as error:  # of `requests` all are the former; their words have the URL in them
            raise _Again(f"{self.name}: it could not be asked ({type(error).__name__}); {_AGAIN}") from None

    def _read(self, response: requests.Response) -> Any:
        status = response.status_code
        content = content_of(response)
        if status == _WAITS or status >= requests.codes.server_error:
            raise _Again(f"{self.name}: it answered {status}; {_AGAIN}", _retry_after(response))
        if status != requests.codes.ok:
            said = "".join(c if c.isprintable() else " " for c in content[:120].decode("utf-8", "replace"))
            raise Unavailable(f"{self.name}: it answered {status}: {said}; look at the tokens that are asked for")
        try:
            return json.loads(content, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise _Again(f"{self.name}: its answer is no JSON; {_AGAIN}") from None

    def _wait(self, state: RetryCallState) -> float:
        error = None if state.outcome is None else state.outcome.exception()
        after = error.after if isinstance(error, _Again) else None
        backoff = self.first_wait * 2.0 ** (state.attempt_number - 1)
        return min(backoff if after is None else after, LONGEST_WAIT)


_AGAIN = "what was read is kept, the same command goes on from there"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _retry_after(response: requests.Response) -> float | None:
    """Seconds; of a date nothing is made. RFC 9110, 10.2.3."""
    said = response.headers.get("Retry-After", "")
    return float(said[:6]) if said.isascii() and said.isdigit() else None
