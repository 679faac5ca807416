"""People are told through apprise, which knows a hundred kinds of channel by their URLs; the URLs are secrets.

Each channel is told by a process of its own (`channel.py`), which gets its URL where no process list shows it, and can
be ended when its time is over: a thread could not. What the channel's library prints, URLs included, goes nowhere.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rebalancer.adapters.notify.stamp import Stamp
from rebalancer.core.model import Notice, Outcome

if TYPE_CHECKING:
    from subprocess import Popen

Environment = tuple[tuple[str, str], ...]
"""Variables and their values."""
LIMIT = 20.0
"""Seconds from the first channel's start until all must be done."""
LONGEST = 4_000
"""Characters of a notice: what the channels take in one piece, and a pipe without a reader."""
_PROGRAM = Path(__file__).with_name("channel.py")
_PROBLEMS = {
    2: "the channel's kind or address is not understood",
    4: "the channel did not take it",
}
"""By the exit code of channel.py."""


class PeopleNotifier:
    """Tells people what has a notice, after the tick, within `limit` seconds in all.

    `environment` is all that a channel's process gets of ours: in the rest there may be a password. `stamp` remembers
    what was told while the ledger could not.
    """

    def __init__(
        self, urls: tuple[str, ...], environment: Environment = (), limit: float = LIMIT, stamp: Stamp | None = None
    ) -> None:
        self._urls = urls
        self._limit = limit
        self._environment = environment
        self._stamp = stamp

    def __repr__(self) -> str:
        return f"PeopleNotifier({', '.join(map(_kind, self._urls))})"

    def started(self) -> None:
        """Nothing: nobody wants to hear that a tick begins."""

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        if notice is None:
            return
        stamp = None if notice.remembered else self._stamp
        if stamp is not None and stamp.knows(notice):
            return
        problems = self.tell(notice)
        if stamp is not None and len(problems) < len(self._urls):
            stamp.note(notice)

    def tell(self, notice: Notice) -> tuple[str, ...]:
        """The problems, one line for each channel that did not take it, which are logged as well."""
        words = {"title": notice.title[:LONGEST], "body": notice.body[:LONGEST], "urgent": notice.urgent}
        return self._all(words)

    def examine(self) -> tuple[str, ...]:
        """The channels that nothing could be sent to, one line for each. Sends nothing."""
        return self._all({})

    def _all(self, words: dict[str, object]) -> tuple[str, ...]:
        end = time.monotonic() + self._limit
        children = [_started(json.dumps({"url": url, **words}).encode(), self._environment) for url in self._urls]
        problems = []
        for number, (url, child) in enumerate(zip(self._urls, children, strict=True), 1):
            problem = child if isinstance(child, str) else _problem(child, end, self._limit)
            if problem is not None:
                problems.append(f"notify: channel {number} ({_kind(url)}): {problem}; look at notify.urls")
        for line in problems:
            logging.getLogger("rebalancer.notify").warning(line)
        return tuple(problems)


def _started(task: bytes, environment: Environment) -> Popen[bytes] | str:
    """A process that has its task and is at work; or why there is none."""
    from subprocess import DEVNULL, PIPE, Popen

    command = [sys.executable, "-I", str(_PROGRAM)]
    try:
        child = Popen(command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=dict(environment))
    except OSError as error:
        return f"no process could be started ({error.strerror})"
    assert child.stdin is not None
    try:
        with child.stdin as pipe:
            pipe.write(task)
    except OSError:
        # It is over already; its exit code says more than a broken pipe.
        return child
    return child


def _problem(child: Popen[bytes], end: float, limit: float) -> str | None:
    from subprocess import TimeoutExpired

    try:
        code = child.wait(max(0.0, end - time.monotonic()))
    except TimeoutExpired:
        child.kill()
        child.wait()
        return f"not done within {limit:g} s"
    return None if code == 0 else _PROBLEMS.get(code, f"its process ended with {code}")


def _kind(url: str) -> str:
    """The scheme, which is no secret."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]{0,19})://", url)
    return found[1] if found else "no URL"
