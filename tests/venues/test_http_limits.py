"""An answer has an end, in time and in size, whatever the host that gives it does, and whatever its zone says."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import requests
from given_http import GOOD, KEYED, SECRET, a_host, answered, dead_addresses, name_them, raw, refused, says, soon

from rebalancer.adapters.chain.http import TooLong, content_of, timed_session
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.http import LONGEST, VenueError, VenueHttp
from rebalancer.core.errors import Unavailable

NAME = "api.venue.test"
LONG = "a;" * 32_000
"""One header may have 64 kB."""

# ---------------------------------------------------------------- in time


@pytest.mark.parametrize("name", ["Set-Cookie", "Set-Cookie2"])
def test_get__with_cookies_of_half_a_megabyte__is_read_at_once(name: str) -> None:
    """The library's parser took seconds for them."""
    play = says(GOOD, 200, ("Set-Cookie", "id=1"), *[(name, LONG)] * 10)
    start = time.process_time()
    assert answered(play)[0].body == GOOD
    assert time.process_time() - start < 0.5


def test_get__from_a_name_of_many_dead_addresses__ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_host(says(GOOD)) as host, dead_addresses(_port(host.url), 8) as addresses:
        name_them(monkeypatch, NAME, lambda: addresses)
        took, words = _refusal(host.url, 1.2)
    assert words == "it did not answer in time" and took < 1.4


def test_get__from_a_name_whose_first_addresses_are_dead__is_answered_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_host(says(GOOD)) as host, dead_addresses(_port(host.url), 2) as addresses:
        name_them(monkeypatch, NAME, lambda: [*addresses, "127.0.0.1"])
        assert VenueHttp(_named(host.url), KEYED, SECRET).get("/", {}, soon(1.2)).body == GOOD


def test_get__from_a_name_that_is_looked_up_for_ever__ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    enough = threading.Event()
    with a_host(says(GOOD)) as host:
        name_them(monkeypatch, NAME, lambda: ["127.0.0.1"] * enough.wait(5))
        took, words = _refusal(host.url, 1.2)
        waiting = [thread for thread in threading.enumerate() if thread.name == "lookup"]
        assert all(thread.daemon for thread in waiting) and len(waiting) == 1
        enough.set()
    assert words == "it did not answer in time" and took < 1.4 and host.asked == []


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".test"])
def test_get__from_a_name_that_is_none__says_so_without_it(host: str) -> None:
    with pytest.raises(VenueError) as error:
        VenueHttp(f"http://{host}", KEYED, SECRET).get("/", {}, soon())
    assert str(error.value).startswith("it could not be asked (")


def test_call__of_a_dead_address_and_a_node_that_says_nothing__has_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_host(lambda *_: time.sleep(3)) as host, dead_addresses(_port(host.url), 1) as addresses:
        name_them(monkeypatch, NAME, lambda: [*addresses, "127.0.0.1"])
        start = time.monotonic()
        with pytest.raises(Unavailable, match=rf"^{NAME}: no answer within 0.8 s\. "):
            Rpc(_named(host.url), timeout=0.8).call("eth_chainId")
        assert time.monotonic() - start < 1.0


def test_post__to_a_dead_address_and_a_host_that_reads_nothing__has_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, dead_addresses(server.getsockname()[1], 1) as addresses:
        name_them(monkeypatch, NAME, lambda: [*addresses, "127.0.0.1"])
        start = time.monotonic()
        with pytest.raises(requests.ConnectTimeout), timed_session() as session:
            session.post(f"http://{NAME}:{server.getsockname()[1]}/", data=b" " * 2**24, timeout=0.8, stream=True)
        assert time.monotonic() - start < 1.0


def test_get__without_a_limit__is_refused() -> None:
    with a_host(says(GOOD)) as host, timed_session() as session, pytest.raises(ValueError, match="without a timeout"):
        session.get(host.url)


# ---------------------------------------------------------------- in size


def _chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + body


LONG_ANSWERS = {
    "headers": b"HTTP/1.1 200 OK\r\n" + f"X: {LONG}\r\n".encode() * 20 + b"Content-Length: 2\r\n\r\n{}",
    "headers before the answer": (b"HTTP/1.1 100 Continue\r\nX: " + LONG.encode() + b"\r\n\r\n") * 20,
    "headers and the body, a half each": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    + f"X: {LONG}\r\n".encode() * 9
    + b"Content-Length: %d\r\n\r\n{}" % (LONGEST // 2)
    + b" " * (LONGEST // 2 - 2),
    "chunks of one byte": _chunked((b"1;" + b"x" * 500 + b"\r\n \r\n") * 2**12 + b"2\r\n{}\r\n0\r\n\r\n"),
    "trailers": _chunked(b"2\r\n{}\r\n0\r\n" + b"X: 1\r\n" * LONGEST),
}


@pytest.mark.parametrize("content", LONG_ANSWERS.values(), ids=LONG_ANSWERS)
def test_get__an_answer_that_is_long_anywhere__is_not_read_to_its_end(content: bytes) -> None:
    assert refused(raw(content)) == (f"its answer is longer than {LONGEST} bytes", 1)


def test_content__of_as_many_bytes_as_may_come__is_whole_and_of_one_more_is_too_long() -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    size = len(start) + 1_000
    with a_host(raw(start + b"x" * 1_000)) as host:
        with timed_session(size) as session:
            assert content_of(session.get(host.url, timeout=1.0, stream=True)) == b"x" * 1_000
        with timed_session(size - 1) as session, pytest.raises(TooLong):
            content_of(session.get(host.url, timeout=1.0, stream=True))


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _named(url: str) -> str:
    return f"http://{NAME}:{_port(url)}"


def _refusal(url: str, seconds: float) -> tuple[float, str]:
    """How long it took, and the words."""
    start = time.monotonic()
    with pytest.raises(VenueError) as error:
        VenueHttp(_named(url), KEYED, SECRET).get("/", {}, start + seconds)
    return time.monotonic() - start, str(error.value)
