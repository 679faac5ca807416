"""0x's Swap API v2 over the replica: prices and quotes whose calldata its allowance holder and Settler carry out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from given_venue_server import Question, Reply
from given_venue_world import SECONDS, Found
from given_wallet import ROUTER as SWAP_ROUTER

from rebalancer.adapters.chain.codec import uint_word
from rebalancer.adapters.venues.calldata import Function
from rebalancer.adapters.venues.zero_x import REGISTRY, ROUTER
from rebalancer.replica.chain import Replica
from rebalancer.units import BPS, Address

SETTLER = Address("0x000000000000000000000000000000000000E771")
"""0x's changes every few weeks: its registry says where it is."""
ROUTERS: Mapping[Address, str] = {ROUTER: "AllowanceHolder"}
OTHERS: Mapping[Address, str] = {SETTLER: "Settler", REGISTRY: "SettlerRegistry"}
TAKER_SUBMITTED = 2
NOBODY = "0x" + "00" * 20
DEFAULT_SLIPPAGE = 100
ZID = "0x5f6e1c2d3b4a59687786a5b4"

EXEC = Function("exec", ("address", "address", "uint256", "address", "bytes"))
EXECUTE = Function("execute", ("(address,address,uint256)", "bytes[]", "bytes32"))
TRANSFER_FROM = Function("TRANSFER_FROM", ("address", "((address,uint256),uint256,uint256)", "bytes"))
BASIC = Function("BASIC", ("address", "uint256", "address", "uint256", "bytes"))

Find = Callable[[str, int, str, str], Found | None]
"""Sold token, base units, bought token, receiver: see VenueWorld.best."""


def registered(replica: Replica, now: str = SETTLER, before: str = NOBODY) -> None:
    """The Settlers of a taker in 0x's registry."""
    sender = replica.actor("deployer").address
    replica.transact(sender, REGISTRY, "set_settlers(uint256,address,address)", TAKER_SUBMITTED, now, before)


class ZeroXServer:
    """Its answers. `now`: the time on the chain."""

    def __init__(self, find: Find, now: Callable[[], int]) -> None:
        self._find = find
        self._now = now

    def __call__(self, question: Question) -> Reply:
        """As the API answers."""
        if question.headers.get("0x-version") != "v2" or not question.headers.get("0x-api-key"):
            return refusal(400, "USER_NOT_AUTHORIZED", "The header 0x-api-key or 0x-version is missing")
        query, what = question.query, question.path.removeprefix("/swap/allowance-holder/")
        missing = [name for name in ("chainId", "buyToken", "sellToken", "sellAmount", "taker") if name not in query]
        if what not in ("price", "quote") or missing:
            details = [{"field": name, "reason": "Required"} for name in missing]
            return refusal(400, "INPUT_INVALID", "The input is invalid", details)
        amount = int(query["sellAmount"])
        found = self._find(query["sellToken"], amount, query["buyToken"], SETTLER)
        if found is None:
            return Reply({"liquidityAvailable": False, "zid": ZID})
        least = found.amount_out * (BPS - int(query.get("slippageBps", DEFAULT_SLIPPAGE))) // BPS
        answer = _priced(query, found, least)
        gas = {"gas": str(found.gas + 150_000), "gasPrice": "2000000000"}
        if what == "price":
            return Reply({**answer, **gas})
        data = call_of(query, found, least, self._now() + SECONDS)
        call = {"to": ROUTER.lower(), "data": "0x" + data.hex(), "value": "0", **gas}
        return Reply({**answer, "transaction": call})


def call_of(query: Mapping[str, str], found: Found, least: int, deadline: int) -> bytes:
    """What the taker sends to the allowance holder."""
    sold, bought, amount = query["sellToken"], query["buyToken"], int(query["sellAmount"])
    pulled = TRANSFER_FROM.call(SETTLER, ((sold, amount), 0, deadline), b"")
    # The amount is written anew where it stands: it is all that the Settler has.
    swapped = BASIC.call(sold, BPS, SWAP_ROUTER, found.call.index(uint_word(amount)), found.call)
    zid = bytes.fromhex(ZID[2:]).ljust(32, b"\0")
    inner = EXECUTE.call((query["taker"], bought, least), [pulled, swapped], zid)
    return EXEC.call(SETTLER, sold, amount, SETTLER, inner)


def refusal(status: int, name: str, message: str, details: list[dict[str, str]] | None = None) -> Reply:
    """An error as the API writes it."""
    data: dict[str, Any] = {"zid": ZID} if details is None else {"zid": ZID, "details": details}
    return Reply({"name": name, "message": message, "data": data}, status)


def _priced(query: Mapping[str, str], found: Found, least: int) -> dict[str, Any]:
    sold, bought, amount = query["sellToken"].lower(), query["buyToken"].lower(), query["sellAmount"]
    no_tax = {"buyTaxBps": "0", "sellTaxBps": "0", "transferTaxBps": "0"}
    fill = {"from": sold, "to": bought, "source": "Uniswap_V3", "proportionBps": str(BPS)}
    return {
        "allowanceTarget": ROUTER.lower(),
        "blockNumber": "23000000",
        "buyAmount": str(found.amount_out),
        "buyToken": bought,
        "fees": {"integratorFee": None, "integratorFees": None, "zeroExFee": None, "gasFee": None},
        "issues": {
            "allowance": {"actual": "0", "spender": ROUTER.lower()},
            "balance": None,
            "simulationIncomplete": False,
            "invalidSourcesPassed": [],
        },
        "liquidityAvailable": True,
        "minBuyAmount": str(least),
        "mode": "exact-in",
        "route": {
            "fills": [fill],
            "tokens": [{"address": sold, "symbol": "SOLD"}, {"address": bought, "symbol": "BOUGHT"}],
        },
        "sellAmount": amount,
        "sellToken": sold,
        "tokenMetadata": {"buyToken": {**no_tax}, "sellToken": {**no_tax}},
        "totalNetworkFee": "500000000000000",
        "zid": ZID,
    }
