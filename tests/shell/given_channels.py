"""A server on this machine that stands for a channel and for a dead man's switch: it remembers what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "5e-the-secret-of-the-channel"
"""Stands in each URL behind the host: nobody is to see it."""


@dataclass(slots=True)
class Channel:
    """`answers` are the statuses of the next requests, then 200. Nothing is answered before `hold` is set."""

    port: int = 0
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    """Path with query, and body, of each request."""
    answers: list[int] = field(default_factory=list)
    hold: threading.Event | None = None
    location: str | None = None
    """Where a redirect leads."""

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{SECRET}"

    @property
    def paths(self) -> list[str]:
        """Without secret and query."""
        return [path.partition("?")[0].removeprefix(f"/{SECRET}") for path, _ in self.seen]


@contextmanager
def channel() -> Iterator[Channel]:
    """Open while the test runs."""
    told = Channel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.seen.append((self.path, body))
            if told.hold is not None:
                told.hold.wait(30)
            with suppress(OSError):
                self.send_response(told.answers.pop(0) if told.answers else 200)
                if told.location is not None:
                    self.send_header("Location", told.location)
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: a test's output is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            if told.hold is not None:
                told.hold.set()
            server.shutdown()
            thread.join()
