"""A dead man's switch in the style of healthchecks: it raises the alarm itself when the pings stop.

`<url>/start` when a tick begins, `<url>` when it ended as it should, `<url>/fail` when it did not: with an error, or
with a batch that failed. All pings of a tick carry one `rid`, so that two that overlap are told apart. The body is the
outcome as one word. The URL is a secret: whoever has it can keep the alarm silent.
"""

from __future__ import annotations

import logging
import threading
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from rebalancer.adapters.chain.http import TooLong, content_of, timed_session
from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import Failed, Notice, Outcome
from rebalancer.core.render import outcome_words

LIMIT = 5.0
"""Seconds for one ping, and the most that the end of a tick waits for all of them."""
TRIES = 2
"""Packets are lost, and a ping that did not arrive wakes somebody up."""
_FAILED = (requests.RequestException, HTTPError, TooLong, OSError, ValueError)
"""ValueError: a URL that nothing can be sent to; their own texts repeat the whole URL."""

# At level DEBUG the library logs the path of every request, and the path is the secret.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class PingNotifier:
    """Pings beside the tick, in threads that nobody waits longer for than `limit` seconds in all."""

    def __init__(self, url: str, limit: float = LIMIT) -> None:
        self._url = url
        self._limit = limit
        self._run = ""
        self._start: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"PingNotifier({_host(self._url)})"

    def started(self) -> None:
        """Returns at once."""
        from uuid import uuid4

        self._run = str(uuid4())
        self._start = self._sent("start", "")

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        """Waits for the pings of this tick, up to the limit."""
        end = self._sent(None if _well(outcome) else "fail", _word(outcome), after=self._start)
        self._run, self._start = "", None
        end.join(self._limit)
        if end.is_alive():
            _warn(self._url, f"no answer within {self._limit:g} s; the keeper goes on without it")

    def _sent(self, signal: str | None, word: str, after: threading.Thread | None = None) -> threading.Thread:
        url = _with(self._url, signal, self._run)

        def ping() -> None:
            if after is not None:
                # A start that comes in after its end would look like a tick that never ended.
                after.join(self._limit)
            problem = _ping(url, word, self._limit)
            if problem is not None:
                _warn(url, problem)

        # A daemon: whatever hangs in it ends with the process.
        thread = threading.Thread(target=ping, name="ping", daemon=True)
        thread.start()
        return thread


def _ping(url: str, word: str, limit: float) -> str | None:
    """Why it did not arrive, without the URL; None: it did."""
    problem = None
    for _ in range(TRIES):
        try:
            with timed_session() as session:
                # A redirect would carry the secret to a host that nobody configured.
                response = session.post(url, data=word.encode(), timeout=limit, allow_redirects=False, stream=True)
                content_of(response)
        except _FAILED as error:
            problem = f"no answer ({type(error).__name__})"
            continue
        if response.status_code < 300:
            return None
        problem = f"HTTP {response.status_code}, expected 200"
        if response.status_code < 500:
            return problem
    return problem


def _with(url: str, signal: str | None, run: str) -> str:
    """The URL of one signal of one run."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    path = parts.path.rstrip("/") + ("" if signal is None else f"/{signal}")
    query = "&".join(part for part in (parts.query, f"rid={run}" if run else "") if part)
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _well(outcome: Outcome | Exception) -> bool:
    """A tick that a limit blocked did what it should; one without an answer, or with a failed batch, did not."""
    return not isinstance(outcome, Exception | Failed)


def _word(outcome: Outcome | Exception) -> str:
    if isinstance(outcome, RebalancerError):
        return outcome.kind
    return "error" if isinstance(outcome, Exception) else outcome_words(outcome)[0]


def _warn(url: str, problem: str) -> None:
    logging.getLogger("rebalancer.notify").warning("ping: %s: %s; look at notify.ping", _host(url), problem)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"
