"""A host on a real socket whose every byte is a test's own: well-behaved, slow, broken or hostile."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from given_venue_server import QuietServer

from rebalancer.adapters.venues.answer import Answer
from rebalancer.adapters.venues.http import Manners, VenueError, VenueHttp

SECRET = "b7e1-the-key-of-a-test-40d2"
KEYED = Manners(interval=0.0, header="x-api-key")
PATIENCE = 3.0
"""Seconds that a test gives an answer which is to come."""

Send = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and when it came, on the monotonic clock."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


Play = Callable[[Asked, Send], None]
"""What came in, and the way to send bytes: status line, headers, body."""


class Host:
    """Listens on a free port of this machine. `plays` go one after the other, and the last for ever."""

    def __init__(self, *plays: Play) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._plays = list(plays)
        self._turn = threading.Lock()
        self._server = QuietServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_play(self, asked: Asked) -> Play:
        with self._turn:
            self.asked.append(asked)
            return self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]


def _handler(host: Host) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            host.connections += 1
            super().setup()

        def do_GET(self) -> None:
            at, parts = time.monotonic(), urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(at, self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            try:
                host.next_play(asked)(asked, self.wfile.write)
            except ConnectionError:  # a client that timed out has hung up, or a play does
                self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing: a test's output is its own."""

    return Handler


@contextmanager
def a_host(*plays: Play) -> Iterator[Host]:
    """Closed at the end."""
    host = Host(*plays)
    try:
        yield host
    finally:
        host.close()


def http_of(host: Host, manners: Manners = KEYED, key: str | None = SECRET) -> VenueHttp:
    """A client of it."""
    return VenueHttp(host.url, manners, key)


def soon(seconds: float = PATIENCE) -> float:
    """An end on the monotonic clock."""
    return time.monotonic() + seconds


def head(status: int, length: int, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A status line and headers. JSON unless they say otherwise."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {length}"]
    if not any(name == "Content-Type" for name, _ in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


def says(body: Any, status: int = 200, *headers: tuple[str, str]) -> Play:
    """An answer at once; `body` is sent as it is where it is bytes, as JSON otherwise."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _, send: send(head(status, len(content), headers) + content)


def raw(content: bytes) -> Play:
    """These bytes, whatever they are."""
    return lambda _, send: send(content)


def breaks_off(content: bytes) -> Play:
    """These bytes, and the connection ends."""

    def play(_: Asked, send: Send) -> None:
        send(content)
        raise ConnectionAbortedError

    return play


def in_pieces(content: bytes, *pauses: tuple[int, float]) -> Play:
    """So many bytes, then a pause of so many seconds, and so on; then the rest."""

    def play(_: Asked, send: Send) -> None:
        left = content
        for count, seconds in pauses:
            send(left[:count])
            left = left[count:]
            time.sleep(seconds)
        send(left)

    return play


def hangs(seconds: float) -> Play:
    """Nothing for so long, and then nothing either."""
    return lambda _, send: time.sleep(seconds)


GOOD: dict[str, Any] = {"amount": "1000"}


def refused(*plays: Play, seconds: float = 3.0, key: str = SECRET) -> tuple[str, int]:
    """The words in which a GET fails, and how many requests it took. No words have the URL or the key in them."""
    with a_host(*plays) as host:
        with pytest.raises(VenueError) as error:
            http_of(host, key=key).get("/price", {"sell": "WETH"}, soon(seconds))
        words = str(error.value)
        assert host.url not in words and "127.0.0.1" not in words and "/price" not in words
        assert SECRET not in words
        return words, len(host.asked)


def answered(*plays: Play, seconds: float = 3.0) -> tuple[Answer, int]:
    """What a GET gives in the end, and how many requests it took."""
    with a_host(*plays) as host:
        return http_of(host).get("/price", {}, soon(seconds)), len(host.asked)


@contextmanager
def dead_addresses(port: int, count: int) -> Iterator[list[str]]:
    """Addresses of this machine that answer no attempt to connect: their queues are full."""
    addresses = [f"127.0.1.{number}" for number in range(1, count + 1)]
    with ExitStack() as held:
        for address in addresses:
            held.enter_context(socket.create_server((address, port), backlog=0))
            for _ in range(3):
                waiting = held.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((address, port))
        yield addresses


def name_them(monkeypatch: pytest.MonkeyPatch, name: str, look_up: Callable[[], Sequence[str]]) -> None:
    """A name that is looked up by a function, as its zone's owner would have it."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *how: Any, **named: Any) -> list[Any]:
        if host != name:
            return real(host, port, *how, **named)
        return [found for address in look_up() for found in real(address, port, *how, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
