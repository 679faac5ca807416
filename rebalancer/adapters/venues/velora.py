"""Velora (formerly ParaSwap), Market API v6.2: a price is asked for, and the very same answer given back for the call.

Augustus, its router, compares its minimum with what arrives before it takes anything itself. It takes whatever arrives
above the amount that was quoted to it, and leaves one base unit behind. So what it really insists on is the lower of
the two amounts in its calldata, less one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rebalancer.adapters.venues.answer import Answer, VenueError, excerpt
from rebalancer.adapters.venues.calldata import Function, address_of, naming_receiver
from rebalancer.adapters.venues.fields import Fields
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.core.model import Call, PlanRequest, Quote, QuoteRequest, Terms
from rebalancer.core.render import amount
from rebalancer.units import BPS, Address, Amount, Bps, bps_of_up

BASE = "https://api.paraswap.io"
ROUTER = Address("0x6A000F20005980200259B80c5102003040001068")
"""Augustus v6.2 of mainnet, and of every chain that it is on."""
MANNERS = Manners(interval=0.5)
"""Keyless. Its limits are not published."""
LIFE = 30
"""Seconds that a price is good for."""
VERSION = "6.2"

_DUST = 1
"""Base units that Augustus keeps of what it pays out, for its next swap to be cheaper."""
_SWAP = "address,address,uint256,uint256,uint256,bytes32,address"
"""Token sold, token bought, amount, least, quoted, whatever Velora notes for itself, receiver."""


@dataclass(frozen=True, slots=True)
class _Sale:
    """A function that sells, and which of its arguments the swap is. Partner and permit come next."""

    function: Function
    place: int


_GENERIC = Function("swapExactAmountIn", ("address", f"({_SWAP})", "uint256", "bytes", "bytes"))
_SALES = {
    sale.function.selector: sale
    for sale in (
        _Sale(_GENERIC, 1),
        _Sale(Function("swapExactAmountInOnUniswapV2", (f"({_SWAP},bytes)", "uint256", "bytes")), 0),
        _Sale(Function("swapExactAmountInOnUniswapV3", (f"({_SWAP},bytes)", "uint256", "bytes")), 0),
    )
}
METHODS = tuple(sale.function.name for sale in _SALES.values())
"""Of Augustus, those that we can read."""
GENERIC = (_GENERIC.name,)
"""That one of them whose fields stand where they stand, whatever is traded: a module's checker reads no other."""

_RECEIVER = 1, 6
"""Of the generic function: which argument, and which field of it."""
_FEE_BITS = 96
"""The lowest of the word that names a partner: what the partner takes, and of what."""
_CAPPED = 1 << 92
"""Velora takes at most 1 % of what arrives above the quoted amount. Without a partner no other of these bits counts."""


class VeloraVenue:
    """One chain's. `router`: who is called, and approved. `methods` of Augustus: those that may be called."""

    name = "velora"
    answers_whole = False

    def __init__(self, http: VenueHttp, chain_id: int, router: Address, methods: Sequence[str] = METHODS) -> None:
        self.spenders = (router,)
        self._methods = ",".join(methods)
        self._http = http
        self._chain_id = chain_id
        self._router = router

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """A price, and the call for it. Raises VenueError."""
        trade = request.trade
        answer = self._http.get("/prices", self._question(request), end)
        until = int(time.time()) + LIFE
        expected, gas = self._price(answer, request)
        least = _least(request, expected)
        checks = {"ignoreChecks": "true", "ignoreGasEstimate": "true"}
        body = _order(request, least, answer.verbatim("priceRoute"))
        data = self._calldata(self._http.post(f"/transactions/{self._chain_id}", body, end, checks), request)
        if data[:4] == _GENERIC.selector:
            data = naming_receiver(_GENERIC, data, _RECEIVER, request.wallet)
        terms = terms_of(data, request.wallet)
        call = Call(self._router, data)
        return Quote(self.name, trade, expected, self._router, call, gas, None, terms, until)

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """It answers pair by pair."""
        raise VenueError("it answers pair by pair")

    def _question(self, request: QuoteRequest) -> dict[str, str]:
        sell, buy = request.trade.sell.token, request.trade.buy
        return {
            "srcToken": sell.address,
            "srcDecimals": str(sell.decimals),
            "destToken": buy.address,
            "destDecimals": str(buy.decimals),
            "amount": str(request.trade.sell.raw),
            "side": "SELL",
            "network": str(self._chain_id),
            "version": VERSION,
            "userAddress": request.wallet,
            "includeContractMethods": self._methods,
            # A maker signs for seconds; our batch may be mined a minute later.
            "excludeRFQ": "true",
        }

    def _price(self, answer: Answer, request: QuoteRequest) -> tuple[Amount, int]:
        """What it says it pays, and its gas."""
        body, trade = _said(answer), request.trade
        route = body.of("priceRoute")
        route.equals("srcToken", trade.sell.token.address)
        route.equals("destToken", trade.buy.address)
        route.equals("srcAmount", trade.sell.raw)
        route.equals("network", self._chain_id)
        route.equals("side", "SELL")
        route.equals("version", VERSION)
        route.equals("contractAddress", self._router)
        # Absent where it is not reached.
        if route.has("maxImpactReached") and answer.body["priceRoute"]["maxImpactReached"] is not False:
            raise VenueError("it says that the price impact is beyond its limit")
        return Amount(trade.buy, route.amount("destAmount")), route.amount("gasCost")

    def _calldata(self, answer: Answer, request: QuoteRequest) -> bytes:
        transaction = _said(answer)
        transaction.equals("from", request.wallet)
        transaction.equals("to", self._router)
        transaction.equals("chainId", self._chain_id)
        transaction.zero("value")
        return transaction.data("data")


def terms_of(data: bytes, sender: Address) -> Terms:
    """What calldata for Augustus sells, for what and for whom. `sender`: who sends it. Raises VenueError."""
    sale = _SALES.get(data[:4])
    if sale is None:
        raise VenueError(f"its calldata calls 0x{data[:4].hex()}, expected one of {', '.join(METHODS)}")
    arguments = sale.function.read(data)
    swap, partner, permit = arguments[sale.place : sale.place + 3]
    token_in, token_out, sold, least, quoted, _, receiver = swap[:7]
    return Terms(
        function=sale.function.name,
        token_in=address_of(token_in),
        token_out=address_of(token_out),
        amount_in=sold,
        least_out=max(min(least, quoted) - _DUST, 0),
        # IGenericSwapExactAmountIn: nobody means the sender.
        receiver=address_of(receiver) if int(receiver, 16) else sender,
        extras=(*_fees(partner), *(("a permit",) if permit else ())),
    )


def _fees(word: int) -> tuple[str, ...]:
    """AugustusFees: a partner in the upper 160 bits, and what he takes in the lower ones."""
    partner, fee = word >> _FEE_BITS, word % (1 << _FEE_BITS)
    if partner:
        return (f"a fee of {fee & 0x3FFF} bp, or a share of the surplus, for the partner 0x{partner:040x}",)
    return (f"fee bits 0x{fee & ~_CAPPED:x}",) if fee & ~_CAPPED else ()


def _least(request: QuoteRequest, expected: Amount) -> int:
    """What Augustus is to compare with: our floor is kept even when it has kept its dust."""
    floor = request.trade.floor
    if expected.raw < floor.raw + _DUST:
        raise VenueError(f"it says {amount(expected)}, which is below the floor of {amount(floor)}")
    return max(floor.raw + _DUST, bps_of_up(expected.raw, Bps(BPS - request.slippage)))


def _order(request: QuoteRequest, least: int, price_route: str) -> str:
    """The body of a request for a call. The price goes back as it came: Velora has signed it."""
    trade = request.trade
    fields: dict[str, Any] = {
        "srcToken": trade.sell.token.address,
        "srcDecimals": trade.sell.token.decimals,
        "srcAmount": str(trade.sell.raw),
        "destToken": trade.buy.address,
        "destDecimals": trade.buy.decimals,
        "destAmount": str(least),
        "userAddress": request.wallet,
        "txOrigin": request.operator,
        "deadline": str(request.deadline),
    }
    return f'{{"priceRoute": {price_route}, {json.dumps(fields)[1:]}'


def _said(answer: Answer) -> Fields:
    """An error may come with status 200."""
    error = answer.body.get("error")
    if error is not None:
        raise VenueError(f"it answered an error: {excerpt(str(error))}")
    return Fields(answer.body)
