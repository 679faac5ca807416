"""A private relay: it takes transactions, shows nobody what it holds, and includes them when a test says so."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.market.addresses import keccak256
from rebalancer.replica.chain import Replica


class PrivateRelay:
    """In front of a replica. `held` are the raw transactions that it took, `asked` the methods.

    While `refusal` is set it answers every sending with that error, and while `answer` is, with that result.
    """

    def __init__(self, replica: Replica) -> None:
        self.held: list[str] = []
        self.asked: list[str] = []
        self.refusal: str | None = None
        self.answer: str | None = None
        self._replica = replica
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps({"jsonrpc": "2.0", "id": call["id"], **relay.reply(call)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: a test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/the-relays-key"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def rpc(self) -> Rpc:
        return Rpc(self.url)

    def reply(self, call: dict[str, Any]) -> dict[str, Any]:
        """To one call, as Flashbots' does: a hash for what it takes, and nothing else is known to it."""
        self.asked.append(call["method"])
        if call["method"] != "eth_sendRawTransaction":
            return {"error": {"code": -32601, "message": f"the method {call['method']} does not exist"}}
        (raw,) = call["params"]
        if self.refusal is None and raw in self.held:
            return {"error": {"code": -32000, "message": "already known"}}
        if self.refusal is not None:
            return {"error": {"code": -32000, "message": self.refusal}}
        self.held.append(raw)
        return {"result": self.answer or "0x" + keccak256(bytes.fromhex(raw[2:])).hex()}

    def include(self) -> None:
        """The newest that it holds is in the next block."""
        self._replica.rpc.call("eth_sendRawTransaction", self.held[-1])
        self._replica.mine()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
