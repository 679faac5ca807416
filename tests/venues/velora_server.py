"""Velora's Market API v6.2 over somebody's routes: GET /prices, POST /transactions/{network}, and its errors.

A price is signed by its very bytes, and written as no JSON library writes it: who does not give it back verbatim is
told `Invalid priceRoute`. The calldata is Augustus' own.
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
from rebalancer.adapters.venues.velora import ROUTER
from rebalancer.units import Address

EXECUTE = Function("execute", ("address", "address", "bytes"))
SWAP = "address,address,uint256,uint256,uint256,bytes32,address"
GENERIC = Function("swapExactAmountIn", ("address", f"({SWAP})", "uint256", "bytes", "bytes"))
ON_UNISWAP_V3 = Function("swapExactAmountInOnUniswapV3", (f"({SWAP},bytes)", "uint256", "bytes"))
CAPPED = 1 << 92
"""What its calldata says of partners where nobody is one."""
METADATA = bytes(range(32))
NOBODY = "0x" + "00" * 20
WANTED = ("srcToken", "destToken", "amount", "srcDecimals", "destDecimals", "userAddress")
FEE = 500

Best = Callable[[str, int, str, str], Found | None]
"""Address sold, base units, address bought, who receives: a route."""


@dataclass(slots=True)
class VeloraApi:
    """`direct`: what one pool of Uniswap V3 pays, without an executor."""

    best: Best
    direct: Callable[[str, int, str], int] | None = None
    routes: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)

    def __call__(self, question: Question) -> Reply:
        match question.method, question.path.strip("/").split("/"):
            case "GET", ["prices"]:
                return self._prices(question)
            case "POST", ["transactions", "1"]:
                return self._transaction(question)
            case "POST", ["transactions", _]:
                return Reply({"error": "Unsupported chain"}, 422)
            case _:
                return Reply({"error": "Not found"}, 404)

    def _prices(self, question: Question) -> Reply:
        asked = question.query
        missing = [name for name in WANTED if name not in asked]
        if missing or asked.get("side") != "SELL" or asked.get("version") != "6.2":
            return Reply({"error": f"Validation failed: {', '.join(missing) or 'side or version'}"}, 400)
        if asked.get("network") != "1":
            return Reply({"error": "Unsupported chain"}, 422)
        sell, amount, buy = asked["srcToken"], int(asked["amount"]), asked["destToken"]
        found = self.best(sell, amount, buy, ROUTER)
        if found is None:
            return Reply({"error": "No routes found with enough liquidity"}, 400)
        paid = self.direct(sell, amount, buy) if self.direct else found.amount_out
        method = (ON_UNISWAP_V3 if self.direct else GENERIC).name
        route = {
            "blockNumber": 21_000_000,
            "network": 1,
            "srcToken": sell.lower(),
            "srcDecimals": int(asked["srcDecimals"]),
            "srcAmount": str(amount),
            "destToken": buy.lower(),
            "destDecimals": int(asked["destDecimals"]),
            "destAmount": str(paid),
            "bestRoute": [{"percent": 100, "swaps": []}],
            "gasCostUSD": "1.230000",
            "gasCost": str(found.gas),
            "side": "SELL",
            "version": "6.2",
            "contractAddress": ROUTER.lower(),
            "tokenTransferProxy": ROUTER.lower(),
            "contractMethod": method,
            "partner": "anon",
            "partnerFee": 0,
            "srcUSD": "5000.10",
            "destUSD": "4990.10",
            "maxImpactReached": False,
        }
        text = self._signed(route, found.call)
        return Reply(f'{{ "priceRoute" : {text} }}'.encode())

    def _signed(self, route: dict[str, Any], call: bytes) -> str:
        """In a manner of writing that does not survive a JSON library."""
        written = json.dumps(route, indent=3).replace('"partnerFee": 0', '"partnerFee"  :  0.00')
        hmac = hashlib.sha256(written.encode()).hexdigest()[:40]
        text = f'{written.rstrip()[:-1].rstrip()},\n "hmac":"\\u002d{hmac}"}}'
        self.routes[text] = (route, call)
        return text

    def _transaction(self, question: Question) -> Reply:
        text = next((one for one in self.routes if f'"priceRoute": {one}' in question.text), None)
        body = question.body()
        if text is None:
            return Reply({"error": "Invalid priceRoute"}, 400)
        route, call = self.routes.pop(text)
        if body.get("srcAmount") != route["srcAmount"] or "slippage" in body:
            return Reply({"error": "Source Amount Mismatch"}, 400)
        if int(body["destAmount"]) > int(route["destAmount"]):
            return Reply({"error": "It seems like the rate has changed, please re-query the latest Price"}, 400)
        if question.query.get("ignoreChecks") != "true":
            return Reply({"error": "Not enough allowance given to TokenTransferProxy"}, 400)
        if "txOrigin" not in body:
            return Reply({"error": "txOrigin must be passed"}, 400)
        amounts = (int(body["srcAmount"]), int(body["destAmount"]), int(route["destAmount"]))
        swap = (body["srcToken"], body["destToken"], *amounts, METADATA, NOBODY)
        data = _direct(swap) if self.direct else _generic(swap, call)
        transaction = {
            "from": body["userAddress"],
            "to": ROUTER,
            "value": "0",
            "data": "0x" + data.hex(),
            "gasPrice": "1000000000",
            "chainId": 1,
        }
        return Reply(transaction)


def _generic(swap: tuple[Any, ...], call: bytes) -> bytes:
    execution = EXECUTE.call(swap[0], Address(SWAP_ROUTER), call)
    return GENERIC.call(EXECUTOR, swap, CAPPED, b"", execution)


def _direct(swap: tuple[Any, ...]) -> bytes:
    """Three words for a pool: its tokens, the higher bit of the first for the way, and the fee."""
    sold, bought = (int(token, 16) for token in swap[:2])
    first, second = sorted((sold, bought))
    way = 1 << 255 if sold == first else 0
    pools = b"".join(word.to_bytes(32, "big") for word in (way | first, second, FEE))
    return ON_UNISWAP_V3.call((*swap, pools), CAPPED, b"")
