"""The dead man's switch: start, success and fail of each tick, and nothing of it delays, breaks or betrays anything."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator

import pytest
from given_channels import SECRET, Channel, channel

from rebalancer.adapters.notify.ping import PingNotifier
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import Blocked, Breach, Failed, Held, Outcome


@pytest.fixture
def switch() -> Iterator[Channel]:
    with channel() as opened:
        yield opened


HELD = Held("within the bands")


def _tick(url: str, outcome: Outcome | Exception = HELD, limit: float = 5.0) -> float:
    """Seconds that the notifier has taken of a tick that ended so."""
    notifier, before = PingNotifier(url, limit), time.monotonic()
    notifier.started()
    notifier.ended(outcome, None)
    return time.monotonic() - before


@pytest.mark.parametrize(
    ("outcome", "end", "word"),
    [
        (Held("within the bands"), "", b"held"),
        (Blocked((Breach("max_cost", "2 %", "1 %"),)), "", b"blocked"),
        (Failed("intent", "0xabc", "Too little received"), "/fail", b"failed"),
        (Unavailable("node.example: no answer"), "/fail", b"Unavailable"),
        (ConfigError("tokens.USDC.decimals: 18, expected 6"), "/fail", b"ConfigError"),
        (Halt("nonce 7 was used"), "/fail", b"Halt"),
        (RuntimeError("https://node.example/v3/the-key"), "/fail", b"error"),
    ],
    ids=lambda v: v.decode() if isinstance(v, bytes) else "",
)
def test_tick__by_its_end__pings_start_and_then_success_or_fail(
    switch: Channel, outcome: Outcome | Exception, end: str, word: bytes
) -> None:
    _tick(switch.url(), outcome)
    assert switch.paths == ["/start", end]
    assert [body for _, body in switch.seen] == [b"", word]


def test_pings__of_one_tick__carry_one_run_and_of_another_tick_another(switch: Channel) -> None:
    notifier = PingNotifier(switch.url() + "/?create=1")
    for _ in range(2):
        notifier.started()
        notifier.ended(Held("within the bands"), None)
    assert switch.paths == ["/start", "", "/start", ""]
    found = [re.search(r"\?create=1&rid=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", p) for p, _ in switch.seen]
    runs = [match[1] for match in found if match is not None]
    assert len(runs) == 4 and runs[0] == runs[1] != runs[2] == runs[3]


def test_ping__that_was_lost__is_sent_once_more(switch: Channel) -> None:
    switch.answers = [503, 200, 200]
    _tick(switch.url())
    assert switch.paths == ["/start", "/start", ""]


def test_ping__refused__is_told_without_its_url(switch: Channel, caplog: pytest.LogCaptureFixture) -> None:
    switch.answers = [404, 404]
    _tick(switch.url())
    assert switch.paths == ["/start", ""]
    assert "ping: 127.0.0.1: HTTP 404, expected 200; look at notify.ping" in caplog.text
    assert SECRET not in caplog.text


def test_ping__redirected__is_not_followed(switch: Channel) -> None:
    switch.answers, switch.location = [302, 302], "/elsewhere"
    _tick(switch.url())
    assert switch.paths == ["/start", ""]


def test_started__by_a_switch_that_hangs__returns_at_once(switch: Channel) -> None:
    switch.hold = threading.Event()
    notifier, before = PingNotifier(switch.url()), time.monotonic()
    notifier.started()
    assert time.monotonic() - before < 0.5


def test_tick__with_a_switch_that_hangs__ends_within_the_limit(
    switch: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    switch.hold = threading.Event()
    taken = _tick(switch.url(), limit=0.5)
    assert 0.5 <= taken < 2
    assert "no answer within 0.5 s; the keeper goes on without it" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/{}", "http://[{}", "{}", "http://..example/{}", "gopher://example/{}"]
)
def test_ping__to_nowhere__is_told_without_its_url(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    notifier = PingNotifier(url.format(SECRET))
    notifier.started()
    notifier.ended(Held("within the bands"), None)
    assert "no answer" in caplog.text
    assert SECRET not in caplog.text + repr(notifier)


def test_log__at_level_debug__never_shows_the_secret(switch: Channel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _tick(switch.url())
    assert switch.paths == ["/start", ""]
    assert SECRET not in caplog.text
