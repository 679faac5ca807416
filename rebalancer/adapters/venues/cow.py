"""CoW Protocol's order book, API v1: a price is asked, and becomes a limit order of ours that others fill later.

An order is a text that the wallet signs on the chain (`setPreSignature`); until then what the order book holds of it is
inert. It sells all or nothing, its fee is 0, and whoever fills it must pay the wallet the limit or more: the network's
cost is theirs, and is in the price. So the price is believed for nothing but the limit, and the limit is all that an
order counts for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rebalancer.adapters.venues.answer import Declined, VenueError, excerpt
from rebalancer.adapters.venues.cow_orders import APP_DATA, app_data_hash, order_fields, owner_of, uid_of
from rebalancer.adapters.venues.fields import Fields
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.core.model import Order, PlanRequest, Quote, QuoteRequest
from rebalancer.core.order_rules import presign_call
from rebalancer.core.render import amount
from rebalancer.units import BPS, Address, Amount, Bps, mul_div_up

BASE = "https://api.cow.fi/mainnet"
SETTLEMENT = Address("0x9008D19f58AAbD9eD0D60971565AA8510560ab41")
"""GPv2Settlement, on every chain that it serves: where an order is presigned, and filled."""
RELAYER = Address("0xC92E8bdf79f0507f65a392b0ab4667716BFE0110")
"""GPv2VaultRelayer, which pulls what an order sells, for the settlement alone."""
MANNERS = Manners(interval=0.2)
"""Keyless. Five orders in a second; of quotes it would take ten."""
ORDER_LIFE = 20 * 60
"""Seconds that others have to fill it, from the last in which it can be placed. Most are filled within two minutes."""
MARGIN = Bps(10)
"""How much less than it says is insisted on: the market moves in the minute in which the order is placed, and a limit
at the very price is filled only where it moves our way. More would be given away in the competition, where the limit
is what counts.
"""

_QUOTE_PATIENCE_MS = 2_500
"""What it may take for its search, of the four seconds that all have."""
_GAS = 65_000
"""Of the presignature, and of the approval of a token behind a proxy. Our simulation measures it."""
_DUPLICATE = "DuplicatedOrder"
_LAST_SECOND = 2**32
MOST_AT_ONCE = 4


class CowVenue:
    """One chain's. It answers with an order for each trade, and takes those that were chosen."""

    name = "cow"
    answers_whole = True

    def __init__(self, http: VenueHttp, chain_id: int) -> None:
        self.spenders = (SETTLEMENT, RELAYER)
        self._http = http
        self._chain_id = chain_id
        self._numbers: dict[str, int] = {}
        """Of its newest quotes, by the orders that came of them: it likes to see them again, and does without."""

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """An order for one trade. Raises VenueError."""
        return self._orders((request,), end)[0]

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """An order for each trade, each with a call of its own. Raises VenueError where one has no price: half a
        rebalance is not what was planned.
        """
        wallet, operator, deadline, slippage = request.wallet, request.operator, request.deadline, request.slippage
        trades = request.plan.trades
        return self._orders([QuoteRequest(trade, wallet, operator, deadline, slippage) for trade in trades], end)

    def place(self, quote: Quote, end: float) -> None:
        """Tell the order book of it. Binds nobody, and may be repeated. Raises VenueError."""
        order = quote.terms
        if not isinstance(order, Order):
            raise VenueError("it takes orders, and this is none")
        owner = owner_of(order.uid)
        if order.uid != uid_of(order, owner, self._chain_id):
            raise VenueError(f"the order {order.uid} has other fields than its name says: it is not placed")
        body = {
            **order_fields(order, owner),
            "appDataHash": app_data_hash(),
            "signingScheme": "presign",
            "signature": "0x",
            "from": owner,
            **({"quoteId": self._numbers[order.uid]} if order.uid in self._numbers else {}),
        }
        try:
            name = self._http.post_for_text("/api/v1/orders", json.dumps(body), end)
        except Declined as error:
            if _error_type(error) == _DUPLICATE:
                return  # it has what it would be told: the name is the content
            raise
        if name.lower() != order.uid:
            raise VenueError(f"it calls the order {excerpt(name)}, expected {order.uid}")

    def _orders(self, requests: Sequence[QuoteRequest], end: float) -> tuple[Quote, ...]:
        """One price takes it seconds, so all are asked for at once."""
        with ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="cow") as pool:
            found = list(pool.map(lambda request: self._order(request, end), requests))
        self._numbers = {order.uid: number for _, order, number in found if number is not None}
        return tuple(quote for quote, _, _ in found)

    def _order(self, request: QuoteRequest, end: float) -> tuple[Quote, Order, int | None]:
        """The order, and the number of the quote that it came of."""
        trade, valid_to = request.trade, request.deadline + ORDER_LIFE
        if not 0 < valid_to < _LAST_SECOND:
            raise VenueError(f"no order can be valid until second {valid_to}")
        answer = self._http.post("/api/v1/quote", json.dumps(_question(request, valid_to)), end).body
        said = Fields(answer)
        least = _limit_up(request, _price(said, request, valid_to))
        if answer.get("verified") is not True:
            raise VenueError("its price is one that it has not seen in a simulation of its own")
        unnamed = Order("", trade.sell, least, valid_to, SETTLEMENT, RELAYER)
        order = replace(unnamed, uid=uid_of(unnamed, request.wallet, self._chain_id))
        call = presign_call(SETTLEMENT, order.uid, signed=True)
        quote = Quote(self.name, trade, least, RELAYER, call, _GAS, None, order)
        return quote, order, said.amount("id") if said.has("id") else None


def _question(request: QuoteRequest, valid_to: int) -> dict[str, Any]:
    return {
        "sellToken": request.trade.sell.token.address,
        "buyToken": request.trade.buy.address,
        "from": request.wallet,
        "receiver": request.wallet,
        "kind": "sell",
        "sellAmountBeforeFee": str(request.trade.sell.raw),
        "validTo": valid_to,
        "appData": APP_DATA,
        "appDataHash": app_data_hash(),
        "partiallyFillable": False,
        "sellTokenBalance": "erc20",
        "buyTokenBalance": "erc20",
        # A price that nobody could fill would keep an order open for nothing.
        "priceQuality": "verified",
        "signingScheme": "presign",
        "onchainOrder": False,
        "timeout": _QUOTE_PATIENCE_MS,
    }


def _price(said: Fields, request: QuoteRequest, valid_to: int) -> Amount:
    """What it says that arrives, the network's cost taken off. VenueError where it answers another question."""
    trade, quote = request.trade, said.of("quote")
    if said.has("from"):
        said.equals("from", request.wallet)
    expected: dict[str, int | str] = {
        "sellToken": trade.sell.token.address,
        "buyToken": trade.buy.address,
        "receiver": request.wallet,
        "kind": "sell",
        "validTo": valid_to,
        "partiallyFillable": "false",
        "sellTokenBalance": "erc20",
        "buyTokenBalance": "erc20",
        "signingScheme": "presign",
    }
    for key, value in expected.items():
        quote.equals(key, value)
    if quote.text("appData") not in (APP_DATA, app_data_hash()):
        raise VenueError("its quote is for an order with other appData than ours")
    sold = quote.amount("sellAmount") + quote.amount("feeAmount")
    if sold != trade.sell.raw:
        raise VenueError(f"its quote sells {sold} base units with its fee, expected {trade.sell.raw}")
    _not_expired(said.text("expiration"))
    return Amount(trade.buy, quote.amount("buyAmount"))


def _limit_up(request: QuoteRequest, says: Amount) -> Amount:
    """What the order insists on: what it says less a margin, rounded up, since it is we whom a limit protects; and our
    floor at least.
    """
    floor = request.trade.floor
    if says.raw <= 0 or says.raw < floor.raw:
        raise VenueError(f"it says {amount(says)}, which is below the floor of {amount(floor)}")
    margin = min(MARGIN, request.slippage)
    return Amount(says.token, max(mul_div_up(says.raw, BPS - margin, BPS), floor.raw))


def _not_expired(expiration: str) -> None:
    try:
        until = datetime.fromisoformat(expiration)
    except ValueError:
        raise VenueError(f"its quote expires at {excerpt(expiration)}, expected a time of ISO 8601") from None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    if until.timestamp() <= time.time():
        raise VenueError(f"its quote has expired: it was good until {excerpt(expiration)}")


def _error_type(error: Declined) -> str | None:
    try:
        said = json.loads(error.said)
    except (ValueError, RecursionError):
        return None
    return str(said.get("errorType")) if isinstance(said, dict) else None
