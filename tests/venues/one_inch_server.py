"""1inch's Classic Swap API v6.1 over the replica: answers whose calldata its router and an executor carry out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eth_abi.abi import encode
from given_venue_server import Question, Reply
from given_venue_world import Found
from given_wallet import ROUTER as SWAP_ROUTER

from rebalancer.adapters.venues.calldata import Function
from rebalancer.adapters.venues.one_inch import ROUTER
from rebalancer.units import BPS, Address

EXECUTOR = Address("0x0000000000000000000000000000000000001e8c")
"""1inch changes it often: only its API knows it."""
ROUTERS: Mapping[Address, str] = {ROUTER: "OneInchRouter"}
OTHERS: Mapping[Address, str] = {EXECUTOR: "OneInchExecutor"}
TAG = bytes.fromhex("5c1a9e07")
"""Four bytes behind the calldata, as 1inch writes them."""
PATH = "/swap/v6.1/1/swap"

SWAP = Function("swap", ("address", "(address,address,address,address,uint256,uint256,uint256)", "bytes"))

Find = Callable[[str, int, str, str], Found | None]
"""Sold token, base units, bought token, receiver: see VenueWorld.best."""


class OneInchServer:
    """Its answers."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def __call__(self, question: Question) -> Reply:
        """As the API answers."""
        if not question.headers.get("authorization", "").startswith("Bearer "):
            return refusal("Unauthorized", "The API key is missing", 401)
        if question.path != PATH:
            return refusal("Not Found", "Cannot GET that", 404)
        query = question.query
        missing = [name for name in ("src", "dst", "amount", "from", "origin") if name not in query]
        if missing:
            return refusal("Bad Request", f"{missing[0]} is not set")
        if query.get("disableEstimate") != "true":
            return refusal("Bad Request", "Cannot estimate")
        found = self._find(query["src"], int(query["amount"]), query["dst"], ROUTER)
        if found is None:
            return refusal("Bad Request", "Insufficient liquidity")
        call = {
            "from": query["from"].lower(),
            "to": ROUTER.lower(),
            "data": "0x" + (call_of(query, found) + TAG).hex(),
            "value": "0",
            # Nothing was tried: that is what it says then.
            "gas": 0,
            "gasPrice": "2000000000",
        }
        return Reply({"dstAmount": str(found.amount_out), "tx": call})


def call_of(query: Mapping[str, str], found: Found) -> bytes:
    """What the sender calls the router with."""
    least = int(query["minReturn"]) if "minReturn" in query else _least(query, found)
    receiver = query.get("receiver", query["from"])
    description = (query["src"], query["dst"], EXECUTOR, receiver, int(query["amount"]), least, 0)
    types = ("address", "address", "address", "bytes")
    return SWAP.call(EXECUTOR, description, encode(types, (query["src"], query["dst"], SWAP_ROUTER, found.call)))


def refusal(error: str, description: str, status: int = 400) -> Reply:
    """An error as the API writes it."""
    meta: list[dict[str, Any]] = []
    body = {
        "statusCode": status,
        "error": error,
        "description": description,
        "requestId": "0d3a6f1e-4b52-4f1c-9a77-3f0f5f5d9c11",
        "meta": meta,
    }
    return Reply(body, status)


def _least(query: Mapping[str, str], found: Found) -> int:
    """Percent, in hundredths at most."""
    return found.amount_out * (BPS - round(float(query["slippage"]) * 100)) // BPS
