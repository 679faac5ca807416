"""A node on a real socket that answers as a test tells it to."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. Nothing is sent before `hold` is set, where there is one; with `drip` seconds between bytes;
    `missing` bytes are announced and never come. With `hang_up` there is none: the connection ends.
    """

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    hold: threading.Event | None = None
    drip: float = 0
    missing: int = 0
    hang_up: bool = False


Answer = Callable[[Any], Reply]
"""The parsed JSON body of a request in, what to answer out."""

SECRET = "9f3c-the-key-to-everything-77"
"""Stands in a URL behind the host: nobody is to see it."""
ON_MAINNET = {"eth_chainId": "0x1", "eth_blockNumber": "0x10"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none: half of the tests are about that."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Node:
    """Listens on a free port of this machine. `seen` are the bodies that came in, over `connections`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.seen: list[Any] = []
        self.connections = 0
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                node.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.seen.append(body)
                reply = node.answer(body)
                with suppress(ConnectionError):  # a client that timed out has hung up
                    _send(self, reply)

            def log_message(self, *_: Any) -> None:
                """Nothing: a test's output is its own."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def url(self, secret: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/{secret}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


Nodes = Callable[[Answer], Node]
"""Makes a node that is closed when the test is over."""


def result_of(body: Any, results: dict[str, Any]) -> Reply:
    """The results by method, for one call or a batch."""
    if isinstance(body, list):
        return Reply(json.dumps([_answer(call, results) for call in body]).encode())
    return Reply(json.dumps(_answer(body, results)).encode())


def good(body: Any) -> Reply:
    return result_of(body, ON_MAINNET)


def html(_: Any) -> Reply:
    return Reply(b"<html>Welcome</html>", headers={"Content-Type": "text/html"})


def error_body(body: Any) -> Reply:
    error = {"code": -32000, "message": f"execution reverted for {SECRET}", "data": "0x08c379a0"}
    return Reply(json.dumps({"jsonrpc": "2.0", "id": body["id"], "error": error}).encode())


def status(code: int, body: bytes = b"slow down") -> Answer:
    return lambda _: Reply(body, status=code, headers={"Content-Type": "text/plain"})


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    if reply.hold is not None:
        reply.hold.wait(10)
    handler.close_connection = handler.close_connection or reply.hang_up or reply.missing > 0
    if reply.hang_up:
        return
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(reply.body) + reply.missing))
    handler.end_headers()
    for piece in [reply.body] if not reply.drip else [bytes([byte]) for byte in reply.body]:
        time.sleep(reply.drip)
        handler.wfile.write(piece)


def _answer(call: Any, results: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call["id"], "result": results[call["method"]]}
