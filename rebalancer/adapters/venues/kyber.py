"""KyberSwap Aggregator, API v1: a route is asked for, and the very same answer given back for the call.

Its router measures what the receiver got, whatever was taken on the way, and insists on the minimum in its calldata.
What arrives above the quoted amount it may keep.
"""

from __future__ import annotations

import json
import time
from typing import Any

from rebalancer.adapters.venues.answer import Answer, VenueError, excerpt
from rebalancer.adapters.venues.calldata import Function, address_of
from rebalancer.adapters.venues.fields import Fields
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.core.model import Call, PlanRequest, Quote, QuoteRequest, Terms
from rebalancer.core.render import amount
from rebalancer.units import BPS, Address, Amount, mul_div_down

BASE = "https://aggregator-api.kyberswap.com"
ROUTER = Address("0x6131B5fae19EA4f9D964eAc0408E4408b66337b5")
"""MetaAggregationRouterV2 of mainnet, and of every chain below."""
MANNERS = Manners(interval=0.34)
"""Keyless, three requests in a second for who says his name."""
CLIENT = "rebalancer"
"""The name that we say. It is no secret, and nobody's account."""
LIFE = 10
"""Seconds that a route is good for."""
CHAINS = {
    1: "ethereum",
    10: "optimism",
    56: "bsc",
    137: "polygon",
    8453: "base",
    42161: "arbitrum",
    43114: "avalanche",
}
"""As they stand in its paths."""

_MOST_SLIPPAGE = 2_000
_SWAP = (
    # Token sold, token bought, who is given it and how much each, fees, receiver, amount, least, flags, permit.
    "(address,address,address[],uint256[],address[],uint256[],address,uint256,uint256,uint256,bytes)"
)
_IN_EXECUTION = Function("swap", (f"(address,address,bytes,{_SWAP},bytes)",))
_SIMPLE = Function("swapSimpleMode", ("address", _SWAP, "bytes", "bytes"))

_FLAGS = {
    0x01: "a partial fill",
    0x02: "extra native coin",
    0x04: "a claim of the tokens by the router",
    0x08: "burning for gas from the sender",
    0x10: "burning for gas from the operator",
    0x100: "an approval by the router",
}
_HARMLESS = 0x20 | 0x40 | 0x80 | 0x200
"""Simple mode; the form of fees, of which there are none; and a bit that its API sets and its router does not read."""


class KyberVenue:
    """One chain's. `router`: who is called, and approved."""

    name = "kyber"
    answers_whole = False

    def __init__(self, http: VenueHttp, chain_id: int, router: Address) -> None:
        self.spenders = (router,)
        http.session.headers["x-client-id"] = CLIENT
        self._http = http
        self._chain_id = chain_id
        self._router = router

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """A route, and the call for it. Raises VenueError."""
        trade, chain = request.trade, CHAINS.get(self._chain_id)
        if chain is None:
            raise VenueError(f"it is not on chain {self._chain_id}")
        answer = self._http.get(f"/{chain}/api/v1/routes", _question(request), end)
        until = int(time.time()) + LIFE
        routed = self._routed(answer, request)
        body = _order(request, _slippage(request, routed), answer.verbatim("data", "routeSummary"))
        built = self._built(self._http.post(f"/{chain}/api/v1/route/build", body, end), request)
        expected, data = Amount(trade.buy, built.amount("amountOut")), built.data("data")
        _reaches(request, expected)
        terms = terms_of(data, request.wallet)
        call = Call(self._router, data)
        return Quote(self.name, trade, expected, self._router, call, built.amount("gas"), None, terms, until)

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """It answers pair by pair."""
        raise VenueError("it answers pair by pair")

    def _routed(self, answer: Answer, request: QuoteRequest) -> Amount:
        """What it says the route pays."""
        data, trade = _said(answer), request.trade
        data.equals("routerAddress", self._router)
        summary = data.of("routeSummary")
        summary.equals("tokenIn", trade.sell.token.address)
        summary.equals("tokenOut", trade.buy.address)
        summary.equals("amountIn", trade.sell.raw)
        return Amount(trade.buy, summary.amount("amountOut"))

    def _built(self, answer: Answer, request: QuoteRequest) -> Fields:
        data = _said(answer)
        data.equals("routerAddress", self._router)
        data.equals("amountIn", request.trade.sell.raw)
        data.zero("transactionValue")
        return data


def terms_of(data: bytes, sender: Address) -> Terms:
    """What calldata for its router sells, for what and for whom. `sender`: who sends it. Raises VenueError."""
    if data[:4] == _SIMPLE.selector:
        function, approved = _SIMPLE, 0
        _, swap, *_ = _SIMPLE.read(data)
    else:
        function = _IN_EXECUTION
        ((_, target, _, swap, _),) = _IN_EXECUTION.read(data)
        approved = int(target, 16)
    token_in, token_out, _, given, fee_receivers, fees, receiver, sold, least, flags, permit = swap
    return Terms(
        function=function.name,
        token_in=address_of(token_in),
        token_out=address_of(token_out),
        amount_in=sold,
        least_out=least,
        # MetaAggregationRouterV2: nobody means the sender.
        receiver=address_of(receiver) if int(receiver, 16) else sender,
        extras=(
            *(f"a fee for {address_of(one)}" for one in fee_receivers),
            *(("fees without a receiver",) if fees and not fee_receivers else ()),
            *((f"{sum(given)} of the {sold} base units are sold",) if given and sum(given) != sold else ()),
            *((f"an approval for 0x{approved:040x}",) if approved else ()),
            *(("a permit",) if permit else ()),
            *_flags(flags),
        ),
    )


def _flags(flags: int) -> tuple[str, ...]:
    unknown = flags & ~_HARMLESS & ~sum(_FLAGS)
    return (
        *(words for bit, words in _FLAGS.items() if flags & bit),
        *((f"unknown flags 0x{unknown:x}",) if unknown else ()),
    )


def _question(request: QuoteRequest) -> dict[str, str]:
    return {
        "tokenIn": request.trade.sell.token.address,
        "tokenOut": request.trade.buy.address,
        "amountIn": str(request.trade.sell.raw),
        "gasInclude": "true",
        # A maker signs for seconds; our batch may be mined a minute later.
        "excludeRFQSources": "true",
        "origin": request.operator,
    }


def _order(request: QuoteRequest, slippage: int, summary: str) -> str:
    """The body of a request for a call. The route goes back as it came: Kyber has a checksum of it."""
    fields: dict[str, Any] = {
        "sender": request.wallet,
        "recipient": request.wallet,
        "origin": request.operator,
        "slippageTolerance": slippage,
        "deadline": request.deadline,
        "source": CLIENT,
    }
    return f'{{"routeSummary": {summary}, {json.dumps(fields)[1:]}'


def _slippage(request: QuoteRequest, routed: Amount) -> int:
    """Basis points that leave our floor. One less than they are where the floor is near: the amount is computed anew
    when the call is built.
    """
    _reaches(request, routed)
    room = mul_div_down(routed.raw - request.trade.floor.raw, BPS, routed.raw) - 1
    return max(min(room, request.slippage, _MOST_SLIPPAGE), 0)


def _reaches(request: QuoteRequest, said: Amount) -> None:
    floor = request.trade.floor
    if said.raw <= 0 or said.raw < floor.raw:
        raise VenueError(f"it says {amount(said)}, which is below the floor of {amount(floor)}")


def _said(answer: Answer) -> Fields:
    """An error may come with status 200, and then with a code."""
    body = Fields(answer.body)
    if body.amount("code") != 0:
        raise VenueError(f"it answered error {body.amount('code')}: {excerpt(str(answer.body.get('message')))}")
    return body.of("data")
