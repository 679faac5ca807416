"""KyberSwap's Aggregator API v1 over somebody's routes: GET /{chain}/api/v1/routes, POST …/route/build, and its errors.

A route has a checksum of its very bytes, and is written as no JSON library writes it: who does not give it back
verbatim is told so. The calldata is that of its own router.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from given_venue_server import Question, Reply
from given_venue_world import EXECUTOR, Found
from given_wallet import ROUTER as SWAP_ROUTER

from rebalancer.adapters.venues.calldata import Function
from rebalancer.adapters.venues.kyber import ROUTER

EXECUTE = Function("execute", ("address", "address", "bytes"))
SWAP = "(address,address,address[],uint256[],address[],uint256[],address,uint256,uint256,uint256,bytes)"
IN_EXECUTION = Function("swap", (f"(address,address,bytes,{SWAP},bytes)",))
SIMPLE = Function("swapSimpleMode", ("address", SWAP, "bytes", "bytes"))
NOBODY = "0x" + "00" * 20
BPS = 10_000
MOST_SLIPPAGE = 2_000
FLAGS = 0x200
"""What its API sets, and its router does not read."""
UNPROCESSABLE = (4221, 4222, 4227)

Best = Callable[[str, int, str, str], Found | None]
"""Address sold, base units, address bought, who receives: a route."""


@dataclass(slots=True)
class KyberApi:
    """`simple`: by the other function of its router."""

    best: Best
    simple: bool = False
    routes: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)

    def __call__(self, question: Question) -> Reply:
        match question.method, question.path.strip("/").split("/"):
            case "GET", ["ethereum", "api", "v1", "routes"]:
                return self._routes(question)
            case "POST", ["ethereum", "api", "v1", "route", "build"]:
                return self._build(question)
            case _:
                return Reply({"code": 4000, "message": "unknown chain", "requestId": "r"}, 404)

    def _routes(self, question: Question) -> Reply:
        asked = question.query
        if not {"tokenIn", "tokenOut", "amountIn"} <= asked.keys():
            return refusal(4001, "unable to bind query parameters")
        found = self.best(asked["tokenIn"], int(asked["amountIn"]), asked["tokenOut"], ROUTER)
        if found is None:
            return refusal(4008, "route not found")
        summary = {
            "tokenIn": asked["tokenIn"].lower(),
            "amountIn": asked["amountIn"],
            "amountInUsd": "5000.1",
            "tokenOut": asked["tokenOut"].lower(),
            "amountOut": str(found.amount_out),
            "amountOutUsd": "4990.1",
            "gas": str(found.gas),
            "gasPrice": "1000000000",
            "gasUsd": "1.23",
            "l1FeeUsd": "0",
            "extraFee": {"feeAmount": "", "chargeFeeBy": "", "isInBps": False, "feeReceiver": ""},
            "route": [[{"pool": "0x", "swapAmount": asked["amountIn"]}]],
            "routeID": "3f1e:9a",
            "timestamp": 1_790_000_000,
        }
        written = self._summed(summary, found.call)
        text = f'{{"code":0,"message":"ok","data": {{"routeSummary":{written} , "routerAddress":"{ROUTER}"}} }}'
        return Reply(text.encode())

    def _summed(self, summary: dict[str, Any], call: bytes) -> str:
        """In a manner of writing that does not survive a JSON library."""
        written = json.dumps(summary, indent=1).replace('"timestamp": 1790000000', '"timestamp" : 1.790E9')
        checksum = int(hashlib.sha256(written.encode()).hexdigest()[:15], 16)
        text = f'{written.rstrip()[:-1].rstrip()} , "checksum":"{checksum}\\u0030"}}'
        self.routes[text] = (summary, call)
        return text

    def _build(self, question: Question) -> Reply:
        text = next((one for one in self.routes if f'"routeSummary": {one}' in question.text), None)
        body = question.body()
        if text is None:
            return refusal(4002, "unable to bind request body", "checksum is not correct")
        if not body.get("sender") or not body.get("recipient"):
            return refusal(40010, "empty sender")
        if not 0 <= body.get("slippageTolerance", 0) <= MOST_SLIPPAGE:
            return refusal(4000, "bad request", "slippageTolerance")
        summary, call = self.routes.pop(text)
        paid, sold = int(summary["amountOut"]), int(summary["amountIn"])
        least = paid * (BPS - body.get("slippageTolerance", 0)) // BPS
        ends = (body["recipient"], sold, least, FLAGS, b"")
        swap = (summary["tokenIn"], summary["tokenOut"], [EXECUTOR], [sold], [], [], *ends)
        built = {
            "amountIn": summary["amountIn"],
            "amountInUsd": "5000.1",
            "amountOut": summary["amountOut"],
            "amountOutUsd": "4990.1",
            "gas": summary["gas"],
            "gasUsd": "1.23",
            "additionalCostUsd": "0",
            "additionalCostMessage": "",
            "outputChange": {"amount": "0", "percent": 0, "level": 0},
            "data": "0x" + (_simple(swap) if self.simple else _in_execution(swap, call)).hex(),
            "routerAddress": ROUTER,
            "transactionValue": "0",
        }
        return Reply({"code": 0, "message": "successfully", "data": built, "requestId": "r"})


def refusal(code: int, message: str, field_name: str = "") -> Reply:
    """Its error body, with the status that goes with its code."""
    details = [{"@type": "x", "fieldViolations": [{"field": field_name}]}] if field_name else None
    return Reply(
        {"code": code, "message": message, "details": details, "requestId": "r"}, 422 if code in UNPROCESSABLE else 400
    )


def _in_execution(swap: tuple[Any, ...], call: bytes) -> bytes:
    execution = EXECUTE.call(swap[0], SWAP_ROUTER, call)
    return IN_EXECUTION.call((EXECUTOR, NOBODY, execution, swap, b'{"Source":"rebalancer"}'))


def _simple(swap: tuple[Any, ...]) -> bytes:
    return SIMPLE.call(EXECUTOR, swap, b"pools", b'{"Source":"rebalancer"}')
