"""Odos as its documents have it, over the replica: POST /sor/quote/v3, then POST /sor/assemble with the path's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from given_venue_server import Question, Reply
from given_venue_world import EXECUTOR, VenueWorld
from given_wallet import ROUTER as SWAP_ROUTER

from rebalancer.adapters.venues.odos import ROUTER
from rebalancer.adapters.venues.odos_calls import SWAP, SWAP_MULTI
from rebalancer.market.addresses import keccak256

NOBODY = "0x" + "00" * 20
NO_REFERRAL = (0, 0, NOBODY)
BLOCK = 21_000_000
MULTICALL = keccak256(b"multicall(bytes[])")[:4]


@dataclass(frozen=True, slots=True)
class Path:
    """One that was quoted: the request, what arrives of each bought token, and SwapRouter02's calls by sold token."""

    asked: Mapping[str, Any]
    amounts: tuple[int, ...]
    calls: Mapping[str, tuple[bytes, ...]]
    gas: int


@dataclass(slots=True)
class Odos:
    """What a VenueServer answers."""

    world: VenueWorld
    paths: dict[str, Path] = field(default_factory=dict)
    price: int = 10_000
    """What it says, in basis points of what the pools pay."""

    def __call__(self, question: Question) -> Reply:
        """To one request."""
        match question.method, question.path:
            case "POST", "/sor/quote/v3":
                return self._quote(question.body())
            case "POST", "/sor/assemble":
                return self._assemble(question.body())
        return Reply({"detail": "Not Found"}, 404)

    def _quote(self, asked: Mapping[str, Any]) -> Reply:
        path = self._path(asked)
        if path is None:
            return an_error(400, 2000, "No viable path found")
        name = f"{len(self.paths):032x}"
        self.paths[name] = path
        return Reply(
            {
                "traceId": "0b1c",
                "inTokens": [one["tokenAddress"] for one in asked["inputTokens"]],
                "outTokens": [one["tokenAddress"] for one in asked["outputTokens"]],
                "inAmounts": [one["amount"] for one in asked["inputTokens"]],
                "outAmounts": [str(raw) for raw in path.amounts],
                "gasEstimate": float(path.gas),
                "dataGasEstimate": 0,
                "gweiPerGas": 1.5,
                "gasEstimateValue": 0.9,
                "inValues": [1.0 for _ in asked["inputTokens"]],
                "outValues": [1.0 for _ in path.amounts],
                "netOutValue": 0.1,
                "priceImpact": 0.02,
                "percentDiff": -0.1,
                "permit2Message": None,
                "permit2Hash": None,
                "partnerFeePercent": 0.0,
                "pathId": name,
                "pathViz": None,
                "blockNumber": BLOCK,
            }
        )

    def _path(self, asked: Mapping[str, Any]) -> Path | None:
        """Every sold token goes into every bought one, in the proportions that were asked for."""
        amounts = [0 for _ in asked["outputTokens"]]
        calls: dict[str, tuple[bytes, ...]] = {}
        gas = 100_000
        for sold in asked["inputTokens"]:
            left = int(sold["amount"])
            for place, bought in enumerate(asked["outputTokens"]):
                last = place + 1 == len(amounts)
                part = left if last else int(sold["amount"]) * int(bought["proportion"] * 10**6) // 10**6
                left -= part
                found = self.world.best(sold["tokenAddress"], part, bought["tokenAddress"], ROUTER)
                if found is None:
                    return None
                amounts[place] += found.amount_out
                calls[sold["tokenAddress"]] = (*calls.get(sold["tokenAddress"], ()), found.call)
                gas += found.gas
        return Path(asked, tuple(raw * self.price // 10_000 for raw in amounts), calls, gas)

    def _assemble(self, asked: Mapping[str, Any]) -> Reply:
        path = self.paths.get(asked["pathId"])
        if path is None:
            return an_error(404, 4016, "Path not available")
        transaction = {
            "gas": 2 * path.gas,
            "gasPrice": 1_500_000_000,
            "value": "0",
            "to": ROUTER,
            "from": asked["userAddr"],
            "data": "0x" + self._data(path).hex(),
            "nonce": 7,
            "chainId": path.asked["chainId"],
        }
        bought = zip(path.asked["outputTokens"], path.amounts, strict=True)
        return Reply(
            {
                "deprecated": None,
                "traceId": "0b1c",
                "blockNumber": BLOCK,
                "gasEstimate": path.gas,
                "gasEstimateValue": 0.9,
                "inputTokens": list(path.asked["inputTokens"]),
                "outputTokens": [{"tokenAddress": t["tokenAddress"], "amount": str(raw)} for t, raw in bought],
                "netOutValue": 0.1,
                "outValues": ["1.0" for _ in path.amounts],
                "transaction": transaction,
                "simulation": None,
            }
        )

    def _data(self, path: Path) -> bytes:
        least = [int(raw * (1 - path.asked["slippageLimitPercent"] / 100)) for raw in path.amounts]
        legs = [
            (token, SWAP_ROUTER, MULTICALL + encode(["bytes[]"], [list(calls)])) for token, calls in path.calls.items()
        ]
        definition = encode(["(address,address,bytes)[]"], [legs])
        sold = [(one["tokenAddress"], int(one["amount"]), EXECUTOR) for one in path.asked["inputTokens"]]
        bought = [
            (one["tokenAddress"], raw, lowest, NOBODY)
            for one, raw, lowest in zip(path.asked["outputTokens"], path.amounts, least, strict=True)
        ]
        if len(sold) == len(bought) == 1:
            return SWAP.call((*sold[0], *bought[0]), definition, EXECUTOR, NO_REFERRAL)
        return SWAP_MULTI.call(sold, bought, definition, EXECUTOR, NO_REFERRAL)


def an_error(status: int, code: int, detail: str) -> Reply:
    """As it words what it refuses."""
    return Reply({"detail": detail, "traceId": "0b1c", "errorCode": code}, status)
