"""CoW Protocol's order book as its documents have it, over the replica, and a solver that fills its orders for real.

A price is what the pools pay, the network's cost taken off. The book believes the chain alone: an order is open from
its presignature on, and fulfilled, cancelled or expired as the settlement contract says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_account.messages import encode_typed_data
from given_venue_server import Question, Reply
from given_venue_world import Found, VenueWorld, token_of
from given_wallet import ROUTER

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.cow import SETTLEMENT
from rebalancer.market.addresses import keccak256
from rebalancer.replica.calls import encode_call, encode_values, selector

SOLVER = "0x0000000000000000000000000000000000005017"
"""Who may settle here, once `make_solver` has said so."""
SETTLE = (
    "address[]",
    "uint256[]",
    "(uint256,uint256,address,uint256,uint256,uint32,bytes32,uint256,uint256,uint256,bytes)[]",
    "(address,uint256,bytes)[][3]",
)
SETTLE_SIGNATURE = f"settle({','.join(SETTLE)})"
PRESIGN_FLAGS = 0b1100000
"""Of a trade: a sell order, fill or kill, plain balances, presigned. GPv2Trade."""
PRE_SIGNED = int.from_bytes(keccak256(b"GPv2Signing.Scheme.PreSign"))
CANCELLED = 2**256 - 1
SHORTEST, LONGEST = 60, 3 * 3_600
"""Seconds that an order may be valid."""
GAS, GAS_PRICE = 200_000, 2 * 10**9
COST = 5
"""Of the network, in basis points of what is sold."""
EIP_712 = {
    "Order": [
        {"name": "sellToken", "type": "address"},
        {"name": "buyToken", "type": "address"},
        {"name": "receiver", "type": "address"},
        {"name": "sellAmount", "type": "uint256"},
        {"name": "buyAmount", "type": "uint256"},
        {"name": "validTo", "type": "uint32"},
        {"name": "appData", "type": "bytes32"},
        {"name": "feeAmount", "type": "uint256"},
        {"name": "kind", "type": "string"},
        {"name": "partiallyFillable", "type": "bool"},
        {"name": "sellTokenBalance", "type": "string"},
        {"name": "buyTokenBalance", "type": "string"},
    ]
}


Market = Callable[[str, int, str, str], Found | None]
"""See VenueWorld.best."""


@dataclass(slots=True)
class OrderBook:
    """What a VenueServer answers. `best` is its search, `now` its clock, `orders` what it holds, by uid."""

    best: Market
    now: Callable[[], int]
    orders: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    price: int = 10_000
    """What it says, in basis points of what the pools pay."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Of the quote's order, in place of the right ones."""
    besides: dict[str, Any] = field(default_factory=dict)
    """Of the answer around it."""
    named: str | None = None
    """What it calls an order that is placed; None: by its name."""
    quotes: int = 0

    def __call__(self, question: Question) -> Reply:
        """To one request."""
        match question.method, question.path.removeprefix("/api/v1/").split("/"):
            case "POST", ["quote"]:
                return self._quote(question.body())
            case "POST", ["orders"]:
                return self._placed(question.body())
            case "GET", ["orders", uid] if uid in self.orders:
                return Reply(self.order(uid))
            case "GET", ["orders", _]:
                return an_error("NotFound", "Order was not found", 404)
        return Reply(b"", 404, {})

    def _quote(self, asked: Mapping[str, Any]) -> Reply:
        wrong = self._wrong(asked)
        if wrong is not None:
            return wrong
        amount = int(asked["sellAmountBeforeFee"])
        fee = amount * COST // 10_000
        if fee == 0:
            data = {"fee_amount": "0x1"}
            return an_error("SellAmountDoesNotCoverFee", "The sell amount does not cover the fee", 400, data)
        found = self.best(asked["sellToken"], amount - fee, asked["buyToken"], SETTLEMENT)
        if found is None:
            return an_error("NoLiquidity", "no route found", 404)
        self.quotes += 1
        quote = {
            **{key: asked[key] for key in ("sellToken", "buyToken", "receiver", "validTo", "appData", "appDataHash")},
            "sellAmount": str(amount - fee),
            "buyAmount": str(found.amount_out * self.price // 10_000),
            "feeAmount": str(fee),
            "gasAmount": str(GAS),
            "gasPrice": str(GAS_PRICE),
            "sellTokenPrice": f"{GAS * GAS_PRICE / fee:.6f}",
            **{key: asked[key] for key in ("kind", "partiallyFillable", "sellTokenBalance", "buyTokenBalance")},
            "signingScheme": asked["signingScheme"],
        }
        until = (datetime.now(UTC) + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.166126543Z")
        answer = {"from": asked["from"].lower(), "expiration": until, "id": self.quotes, "verified": True}
        return Reply({"quote": {**quote, **self.fields}, **answer, **self.besides})

    def _placed(self, asked: Mapping[str, Any]) -> Reply:
        if "from" not in asked:
            return an_error("MissingFrom", "From address must be specified for presigned orders")
        if asked["signingScheme"] != "presign" or asked["signature"] != "0x":
            return an_error("InvalidSignature", "a presigned order has an empty signature")
        if asked["feeAmount"] != "0":
            return an_error("UnsupportedOrderType", "the fee is part of the price")
        if "0" in (asked["sellAmount"], asked["buyAmount"]):
            return an_error("ZeroAmount", "Buy or sell amount is zero.")
        wrong = self._wrong(asked)
        if wrong is not None:
            return wrong
        uid = uid_of(asked)
        if uid in self.orders:
            return an_error("DuplicatedOrder", "order already exists")
        self.orders[uid] = dict(asked)
        return Reply(uid if self.named is None else self.named, 201)

    def _wrong(self, asked: Mapping[str, Any]) -> Reply | None:
        """What a quote and an order are both refused for."""
        tokens = (asked["sellToken"].lower(), asked["buyToken"].lower())
        left = asked["validTo"] - self.now()
        if tokens[0] == tokens[1]:
            return an_error("SameBuyAndSellToken", "Buy token is the same as the sell token.")
        if any(token_of(token) is None for token in tokens):
            return an_error("UnsupportedToken", "Token is not supported")
        if asked["appDataHash"] != "0x" + keccak256(asked["appData"].encode()).hex():
            return an_error("AppDataHashMismatch", "calculated app data hash does not match the expected one")
        if left < SHORTEST:
            return an_error("InsufficientValidTo", "validTo is not far enough in the future")
        if left > LONGEST:
            return an_error("ExcessiveValidTo", "validTo is too far into the future")
        return None

    def order(self, uid: str) -> dict[str, Any]:
        """As the API shows it."""
        placed = self.orders[uid]
        status = self.status(uid)
        done = status == "fulfilled"
        return {
            **placed,
            "appData": placed["appDataHash"],
            "fullAppData": placed["appData"],
            "creationDate": "2026-01-01T00:00:00.166126543Z",
            "class": "limit",
            "owner": placed["from"],
            "uid": uid,
            "executedSellAmount": placed["sellAmount"] if done else "0",
            "executedSellAmountBeforeFees": placed["sellAmount"] if done else "0",
            "executedBuyAmount": placed["buyAmount"] if done else "0",
            "executedFeeAmount": "0",
            "executedFee": "0",
            "executedFeeToken": placed["sellToken"],
            "invalidated": status == "cancelled",
            "status": status,
            "isLiquidityOrder": False,
            "settlementContract": SETTLEMENT,
        }

    def status(self, uid: str) -> str:
        """In its documents' words."""
        return "expired" if self.orders[uid]["validTo"] < self.now() else "presignaturePending"


class Cow(OrderBook):
    """The order book of the replica, and a solver."""

    def __init__(self, world: VenueWorld) -> None:
        OrderBook.__init__(self, world.best, clock_of(world.replica.url))
        self.replica = world.replica
        self.fulfilled: set[str] = set()

    def status(self, uid: str) -> str:
        """In its documents' words, by what the chain says."""
        name = bytes.fromhex(uid[2:])
        filled = self.replica.read(SETTLEMENT, "filledAmount(bytes)", name)[0]
        if uid in self.fulfilled or 0 < filled < CANCELLED:
            return "fulfilled"
        if filled == CANCELLED:
            return "cancelled"
        if self.orders[uid]["validTo"] < self.now():
            return "expired"
        signed = self.replica.read(SETTLEMENT, "preSignature(bytes)", name)[0] == PRE_SIGNED
        return "open" if signed else "presignaturePending"

    def fill(self, uid: str, pays: int | None = None) -> dict[str, Any]:
        """The receipt of a settlement that swaps what is sold through the pools, and pays `pays` base units of it; all
        that they give where none are said. RpcError with the reason where the settlement refuses.
        """
        receipt = self.replica.send(SOLVER, SETTLEMENT, self.settlement(uid, pays))
        self.fulfilled.add(uid)
        return receipt

    def settlement(self, uid: str, pays: int | None = None) -> str:
        """Calldata of `fill`."""
        order = self.orders[uid]
        sold, raw = order["sellToken"], int(order["sellAmount"])
        found = self.best(sold, raw, order["buyToken"], SETTLEMENT)
        assert found is not None, f"the pools have nothing for {uid}"
        allow = bytes.fromhex(encode_call("approve(address,uint256)", ROUTER, raw)[2:])
        trade = (
            0,
            1,
            order["receiver"],
            raw,
            int(order["buyAmount"]),
            order["validTo"],
            bytes.fromhex(order["appDataHash"][2:]),
            0,
            PRESIGN_FLAGS,
            raw,
            bytes.fromhex(order["from"][2:]),
        )
        # At these prices it is paid exactly so much.
        prices = [found.amount_out if pays is None else pays, raw]
        swap = [(sold, 0, allow), (ROUTER, 0, found.call)]
        data = encode_values(SETTLE, [sold, order["buyToken"]], prices, [trade], [[], swap, []])
        return f"0x{selector(SETTLE_SIGNATURE).hex()}{data}"


def clock_of(url: str) -> Callable[[], int]:
    """The newest block's time, for threads: each asks by a way of its own."""

    def now() -> int:
        rpc = Rpc(url)
        block = rpc.call("eth_getBlockByNumber", "latest", False)
        rpc.close()
        return int(block["timestamp"], 16)

    return now


def uid_of(placed: Mapping[str, Any]) -> str:
    """By eth_account's EIP-712, and not by ours."""
    message = {member["name"]: placed[member["name"]] for member in EIP_712["Order"]}
    message |= {key: int(placed[key]) for key in ("sellAmount", "buyAmount", "feeAmount")}
    message["appData"] = bytes.fromhex(placed["appDataHash"][2:])
    domain = {"name": "Gnosis Protocol", "version": "v2", "chainId": 1, "verifyingContract": SETTLEMENT}
    signable = encode_typed_data(domain, EIP_712, message)
    digest = keccak256(b"\x19" + signable.version + signable.header + signable.body)
    return "0x" + digest.hex() + placed["from"][2:].lower() + placed["validTo"].to_bytes(4).hex()


def an_error(kind: str, description: str, status: int = 400, data: Mapping[str, Any] | None = None) -> Reply:
    """As it words what it refuses."""
    return Reply({"errorType": kind, "description": description, **({} if data is None else {"data": data})}, status)
