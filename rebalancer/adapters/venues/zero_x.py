"""0x, Swap API v2 by its AllowanceHolder: the price is asked, then a quote whose minimum is not below our floor.

The AllowanceHolder is called and approved, and lets the Settler that its calldata names pull the tokens; the Settler
trades, insists on the minimum and pays. A contract that only calls itself one could keep them: 0x's registry on the
chain says which are genuine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

from rebalancer.adapters.chain.codec import DecodeError, Words, hex_bytes, uint_word
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.calldata import Function, address_of
from rebalancer.adapters.venues.fields import Fields
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Call, PlanRequest, Quote, QuoteRequest, Terms
from rebalancer.core.render import amount
from rebalancer.units import BPS, Address, Amount, mul_div_down

BASE = "https://api.0x.org"
ROUTER = Address("0x0000000000001fF3684f28c67538d4D072C22734")
"""AllowanceHolder of mainnet, and of every chain that has what Ethereum's release Cancun has."""
REGISTRY = Address("0x00000000000004533Fe15556B1E086BB1A72cEae")
"""0x's Deployer, on all chains."""
MANNERS = Manners(interval=0.2, header="0x-api-key")
"""Keyed, some five requests in a second."""

_TAKER_SUBMITTED = 2
"""What of 0x's features trades for whoever calls it."""
_OWNER_OF = bytes.fromhex("6352211e")
"""ownerOf(uint256)"""
_PREV = bytes.fromhex("e2603dc2")
"""prev(uint128)"""
_REGISTRY_LIFE = 60.0
"""Seconds. A Settler is replaced every few weeks, and the one before it stays genuine."""
_GAS = 250_000
"""Of a swap over two pools: where the wallet has approved nothing yet, 0x may say none. Our simulation measures it."""
_EXEC = Function("exec", ("address", "address", "uint256", "address", "bytes"))
_EXECUTE = Function("execute", ("(address,address,uint256)", "bytes[]", "bytes32"))

Settlers = Callable[[], Collection[Address]]
"""Which Settlers are genuine now. Raises VenueError."""


class SettlerRegistry:
    """Settlers, as 0x's registry has them: the one in use, and the one before it. Threads may share it.

    `rpc`: used from threads, so one of its own.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._turn = threading.Lock()
        self._known: frozenset[Address] = frozenset()
        self._void_at = 0.0

    def __call__(self) -> frozenset[Address]:
        """See Settlers."""
        with self._turn:
            if time.monotonic() >= self._void_at:
                self._known = self._read()
                self._void_at = time.monotonic() + _REGISTRY_LIFE
            return self._known

    def _read(self) -> frozenset[Address]:
        asked = [("eth_call", [{"to": REGISTRY, "data": _asks(one)}, "latest"]) for one in (_OWNER_OF, _PREV)]
        try:
            answers = self._rpc.batch_answers(asked)
            now, before = (_settler(answer.get("result")) for answer in answers)
        except (Unavailable, DecodeError):
            raise VenueError("its registry of Settlers could not be read on the chain") from None
        # The first reverts while 0x has paused them, the second where there was none.
        if now is None:
            raise VenueError("its registry on the chain names no Settler: it is paused, or not on this chain")
        return frozenset((now,) if before is None else (now, before))


class ZeroXVenue:
    """One chain's. `router`: the AllowanceHolder, who is called and approved."""

    name = "zero_x"
    answers_whole = False

    def __init__(self, http: VenueHttp, chain_id: int, router: Address, settlers: Settlers) -> None:
        self.spenders = (router,)
        http.session.headers["0x-version"] = "v2"
        self._http = http
        self._chain_id = chain_id
        self._router = router
        self._settlers = settlers

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """A price, and the call for it. Raises VenueError."""
        question = self._question(request)
        priced = self._said("price", question, request, end)
        question["slippageBps"] = str(_slippage(request, priced.amount("buyAmount")))
        said = self._said("quote", question, request, end)
        says = Amount(request.trade.buy, said.amount("buyAmount"))
        _reaches(request, says)
        call = said.of("transaction")
        call.equals("to", self._router)
        call.zero("value")
        data = call.data("data")
        gas = call.amount("gas") if call.has("gas") else _GAS
        terms = terms_of(data, self._settlers())
        return Quote(self.name, request.trade, says, self._router, Call(self._router, data), gas or _GAS, None, terms)

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """It answers pair by pair."""
        raise VenueError("it answers pair by pair")

    def _question(self, request: QuoteRequest) -> dict[str, str]:
        trade = request.trade
        return {
            "chainId": str(self._chain_id),
            "sellToken": trade.sell.token.address,
            "buyToken": trade.buy.address,
            "sellAmount": str(trade.sell.raw),
            "taker": request.wallet,
            "txOrigin": request.operator,
            "slippageBps": str(request.slippage),
        }

    def _said(self, what: str, question: dict[str, str], request: QuoteRequest, end: float) -> Fields:
        """An answer to the very question, without a tax and without a fee for somebody else."""
        body = self._http.get(f"/swap/allowance-holder/{what}", question, end).body
        said, trade = Fields(body), request.trade
        if body.get("liquidityAvailable") is False:
            raise VenueError(f"it has no liquidity for {trade.sell.token} to {trade.buy}")
        said.equals("sellToken", trade.sell.token.address)
        said.equals("buyToken", trade.buy.address)
        said.equals("sellAmount", trade.sell.raw)
        said.equals("allowanceTarget", self._router)
        _without_tax(said.of("tokenMetadata"))
        _without_fee(said.of("fees"))
        return said


def terms_of(data: bytes, settlers: Collection[Address]) -> Terms:
    """What calldata for the AllowanceHolder lets a Settler do. Raises VenueError."""
    operator, sold, pulled, target, inner = _EXEC.read(data)
    (receiver, bought, least), _, _ = _EXECUTE.read(inner)
    if not int(bought, 16) and not least:
        # What its last action insists on is not read: there are dozens of kinds.
        raise VenueError("its calldata leaves the minimum to an action in it, expected it of the Settler itself")
    genuine = " or ".join(sorted(settlers)) or "none"
    named = (("the tokens may be pulled by", address_of(operator)), ("the swap is made by", address_of(target)))
    return Terms(
        function=f"{_EXEC.name}, {_EXECUTE.name}",
        token_in=address_of(sold),
        token_out=address_of(bought),
        amount_in=pulled,
        least_out=least,
        receiver=address_of(receiver),
        extras=tuple(
            f"{words} {address}, which is no Settler of 0x ({genuine})"
            for words, address in named
            if address not in settlers
        ),
    )


def _slippage(request: QuoteRequest, priced: int) -> int:
    """Basis points that leave our floor. One less than they are where the floor is near: a block may lie between the
    price and the quote.
    """
    _reaches(request, Amount(request.trade.buy, priced))
    room = mul_div_down(priced - request.trade.floor.raw, BPS, priced) - 1
    return max(min(room, request.slippage), 0)


def _reaches(request: QuoteRequest, said: Amount) -> None:
    floor = request.trade.floor
    if said.raw <= 0 or said.raw < floor.raw:
        raise VenueError(f"it says {amount(said)}, which is below the floor of {amount(floor)}")


def _without_tax(tokens: Fields) -> None:
    """Of its own fees 0x speaks in the price; a token's tax is the token's."""
    for side in ("sellToken", "buyToken"):
        for tax in ("buyTaxBps", "sellTaxBps", "transferTaxBps"):
            token = tokens.of(side)
            if token.has(tax) and token.amount(tax):
                raise VenueError(f"{side} takes a tax: {tax} is {token.amount(tax)}, expected none")


def _without_fee(fees: Fields) -> None:
    """0x's own is in the price that it says; nobody else was asked in."""
    for fee in ("integratorFee", "integratorFees"):
        if fees.has(fee):
            raise VenueError(f"fees.{fee} is there, expected none: it was not asked for")


def _asks(selector: bytes) -> str:
    return "0x" + (selector + uint_word(_TAKER_SUBMITTED)).hex()


def _settler(result: object) -> Address | None:
    if result is None:
        return None
    found = Words(hex_bytes(result), what="0x's registry").address(0)
    return found if int(found, 16) else None
