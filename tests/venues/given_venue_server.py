"""A venue's server on a real socket: it answers as a test's function says, and keeps what it was asked."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

KEY = "key-of-a-test-8b1d"
"""What a keyed venue is asked with; no words may hold it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One HTTP request as it came. `headers` have small letters; `text` is the body as written."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    text: str

    def body(self) -> Any:
        """What its JSON says."""
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; `body` is sent as JSON, or as it is where it is bytes."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def written(self) -> bytes:
        """What goes over the wire."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Play = Callable[[Question, Callable[[bytes], object]], None]
"""Bytes that are no answer as HTTP has it: what was asked, and the way to send (`given_http`)."""
Answer = Callable[[Question], Reply | Play]


class VenueServer:
    """Listens on a free port of this machine. `played` go before `answer`, each once; `asked` is all that came."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[Question] = []
        self.played: list[Reply | Play] = []
        self.answer = answer
        self._server = QuietServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, question: Question) -> Reply | Play:
        """To one request."""
        self.asked.append(question)
        return self.played.pop(0) if self.played else self.answer(question)


class QuietServer(ThreadingHTTPServer):
    """Who gives up hangs up, and who plays breaks off: that is no error."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Any other is one."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(server: VenueServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            question = Question(method, parts.path, dict(parse_qsl(parts.query)), headers, text)
            reply = server.reply(question)
            if isinstance(reply, Reply):
                self._send(reply)
            else:
                reply(question, self.wfile.write)

        def _send(self, reply: Reply) -> None:
            body = reply.written()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: a test's output is its own."""

    return Handler
