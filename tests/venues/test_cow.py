"""CoW Protocol's prices: one becomes an order of ours, by our own name; whatever else its book says is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cow_server import COST, OrderBook, an_error
from given_cow import a_still_book, a_venue, order_of
from given_still_request import (
    DEADLINE,
    FLOOR,
    OPERATOR,
    PAYS,
    SOLD,
    SOMEBODY,
    WALLET,
    a_still_request,
    asked,
)
from given_venue_server import Reply, VenueServer
from given_wallet import DAI, USDC, WBTC, WETH

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.cow import MARGIN, MOST_AT_ONCE, ORDER_LIFE, RELAYER, SETTLEMENT, CowVenue
from rebalancer.adapters.venues.cow_orders import app_data_hash
from rebalancer.core.model import Plan, PlanRequest, QuoteRequest, Trade
from rebalancer.core.order_rules import presign_call
from rebalancer.core.quote_rules import answer_breaches, in_words
from rebalancer.units import BPS, ONE, Amount, Bps, Usd

VALID_TO = DEADLINE + ORDER_LIFE
PATIENCE = 5.0


@pytest.fixture
def book() -> OrderBook:
    return a_still_book()


@pytest.fixture
def server(book: OrderBook) -> Iterator[VenueServer]:
    with VenueServer(book) as server:
        yield server


@pytest.fixture
def venue(server: VenueServer) -> CowVenue:
    return a_venue(server)


def _refusal(venue: CowVenue, request: QuoteRequest | None = None) -> str:
    """Why it is no quote, or which rules it breaks; empty where there is nothing wrong."""
    request = request or a_still_request()
    try:
        quote = asked(venue, request)
    except VenueError as error:
        return str(error)
    return in_words(answer_breaches((request,), (quote,), venue.spenders))


def _whole(*trades: Trade) -> PlanRequest:
    return PlanRequest(Plan(trades, (), Usd(0)), WALLET, OPERATOR, DEADLINE, Bps(100))


def test_request__of_a_price__is_as_the_documents_have_it(venue: CowVenue, server: VenueServer) -> None:
    asked(venue)
    (question,) = server.asked
    assert (question.method, question.path) == ("POST", "/api/v1/quote")
    assert question.body() == {
        "sellToken": USDC.address,
        "buyToken": WETH.address,
        "from": WALLET,
        "receiver": WALLET,
        "kind": "sell",
        "sellAmountBeforeFee": str(SOLD),
        "validTo": VALID_TO,
        "appData": '{"appCode":"rebalancer","metadata":{},"version":"1.3.0"}',
        "appDataHash": app_data_hash(),
        "partiallyFillable": False,
        "sellTokenBalance": "erc20",
        "buyTokenBalance": "erc20",
        "priceQuality": "verified",
        "signingScheme": "presign",
        "onchainOrder": False,
        "timeout": 2_500,
    }


def test_quote__of_a_trade__is_an_order_of_all_of_it_for_a_little_less_than_is_said(venue: CowVenue) -> None:
    quote = asked(venue)
    order = order_of(quote)
    assert (order.sell, order.valid_to) == (Amount(USDC, SOLD), VALID_TO)
    assert order.least == quote.expected == Amount(WETH, PAYS * (BPS - MARGIN) // BPS)
    assert quote.call == presign_call(SETTLEMENT, order.uid, signed=True)
    assert (quote.spender, quote.route, quote.until) == (RELAYER, None, None)
    assert _refusal(venue) == ""


def test_limit__that_is_no_whole_unit__is_rounded_up(venue: CowVenue, book: OrderBook) -> None:
    book.fields = {"buyAmount": str(PAYS + 1)}
    assert order_of(asked(venue)).least.raw == PAYS * (BPS - MARGIN) // BPS + 1


def test_limit__near_the_floor__is_the_floor(venue: CowVenue) -> None:
    request = a_still_request(floor=PAYS - 1)
    assert order_of(asked(venue, request)).least.raw == PAYS - 1


def test_limit__where_less_slippage_is_allowed_than_the_margin__is_nearer_to_what_is_said(venue: CowVenue) -> None:
    assert order_of(asked(venue, a_still_request(slippage=2))).least.raw == PAYS * (BPS - 2) // BPS


def test_whole__of_several_trades__is_an_order_for_each(venue: CowVenue, server: VenueServer, book: OrderBook) -> None:
    trades = [a_still_request().trade]
    trades += [replace(trades[0], sell=Amount(DAI, n * 10**21)) for n in range(1, MOST_AT_ONCE + 2)]
    quotes = venue.quote_whole(_whole(*trades), time.monotonic() + PATIENCE)
    assert [quote.trade for quote in quotes] == trades
    orders = [order_of(quote) for quote in quotes]
    assert len({order.uid for order in orders}) == len({quote.call for quote in quotes}) == len(trades)
    for quote in quotes:
        venue.place(quote, time.monotonic() + PATIENCE)
    assert set(book.orders) == {order.uid for order in orders}
    placed = [question.body() for question in server.asked[len(trades) :]]
    assert {body["quoteId"] for body in placed} == set(range(1, len(trades) + 1))


def test_whole__of_which_one_trade_has_no_price__is_none(venue: CowVenue) -> None:
    good = a_still_request().trade
    nothing = Trade(Amount(WBTC, 1), WETH, Usd(ONE), Amount(WETH, 1))
    with pytest.raises(VenueError, match="SellAmountDoesNotCoverFee"):
        venue.quote_whole(_whole(good, nothing), time.monotonic() + PATIENCE)


def test_deadline__beyond_what_an_order_can_hold__is_refused_without_a_request(
    venue: CowVenue, server: VenueServer
) -> None:
    request = replace(a_still_request(), deadline=2**32)
    assert "no order can be valid until second" in _refusal(venue, request)
    assert server.asked == []


WRONG_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "another token is sold": ({"sellToken": DAI.address}, "answer.quote.sellToken"),
    "another token is bought": ({"buyToken": WBTC.address}, "answer.quote.buyToken"),
    "another is paid": ({"receiver": SOMEBODY}, "answer.quote.receiver"),
    "nobody is named as paid": ({"receiver": None}, "answer.quote.receiver is missing"),
    "an order to buy": ({"kind": "buy"}, "answer.quote.kind"),
    "another validity": ({"validTo": VALID_TO - 1}, "answer.quote.validTo"),
    "a partial fill": ({"partiallyFillable": True}, "answer.quote.partiallyFillable"),
    "from a vault": ({"sellTokenBalance": "internal"}, "answer.quote.sellTokenBalance"),
    "into a vault": ({"buyTokenBalance": "internal"}, "answer.quote.buyTokenBalance"),
    "another way to sign": ({"signingScheme": "eip712"}, "answer.quote.signingScheme"),
    "other appData": ({"appData": "{}"}, "other appData"),
    "less is sold": ({"feeAmount": "0"}, f"sells {SOLD - SOLD * COST // BPS} base units"),
    "more is sold": ({"sellAmount": str(SOLD)}, "base units with its fee"),
    "a negative fee": ({"feeAmount": "-1"}, "answer.quote.feeAmount"),
    "nothing is paid": ({"buyAmount": "0"}, "below the floor"),
    "less than the floor is paid": ({"buyAmount": str(FLOOR - 1)}, "below the floor"),
    "a word too long is paid": ({"buyAmount": str(2**256)}, "answer.quote.buyAmount"),
    "what nobody pays": ({"buyAmount": str(PAYS + PAYS // 50)}, "too_good: an order for"),
}


@pytest.mark.parametrize("case", WRONG_FIELDS)
def test_quote__with_one_field_changed__is_refused_by_its_name(venue: CowVenue, book: OrderBook, case: str) -> None:
    book.fields, words = WRONG_FIELDS[case]
    assert words in _refusal(venue)


WRONG_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "for another wallet": ({"from": SOMEBODY}, "answer.from"),
    "not seen in a simulation": ({"verified": False}, "not seen in a simulation"),
    "a word about a simulation": ({"verified": "true"}, "not seen in a simulation"),
    "expired": ({"expiration": "1970-01-01T00:00:00Z"}, "has expired"),
    "expired, without a zone": ({"expiration": "2020-01-01T00:00:00"}, "has expired"),
    "at no time": ({"expiration": "soon"}, "expected a time of ISO 8601"),
    "without its end": ({"expiration": None}, "answer.expiration is missing"),
    "without a quote": ({"quote": None}, "answer.quote is missing"),
    "a number that is none": ({"id": "one"}, "answer.id"),
}


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_answer__with_one_member_changed__is_refused_by_its_name(venue: CowVenue, book: OrderBook, case: str) -> None:
    book.besides, words = WRONG_ANSWERS[case]
    assert words in _refusal(venue)


def test_quote__with_the_hash_of_our_app_data__is_as_good_as_with_its_text(venue: CowVenue, book: OrderBook) -> None:
    book.fields = {"appData": app_data_hash()}
    assert _refusal(venue) == ""


QUOTE_ERRORS = {
    "no route": an_error("NoLiquidity", "no route found", 404),
    "not verified": an_error("QuoteNotVerified", "no verified quote found"),
    "a token that it does not know": an_error("UnsupportedToken", "token is not supported"),
    "forbidden": an_error("Forbidden", "Forbidden, your account is deny-listed", 403),
    "a fee above the amount": an_error("SellAmountDoesNotCoverFee", "…", 400, {"fee_amount": "0x1"}),
    "a page": Reply(b"<html>busy</html>", 200, {"Content-Type": "text/html"}),
    "a text": Reply("0x1234"),
}


@pytest.mark.parametrize("case", QUOTE_ERRORS)
def test_error__of_a_quote__is_a_refusal_in_words(venue: CowVenue, server: VenueServer, case: str) -> None:
    reply = QUOTE_ERRORS[case]
    server.played.append(reply)
    kind = reply.body["errorType"] if isinstance(reply.body, dict) else "it answered"
    said = _refusal(venue)
    assert kind in said and server.url not in said
    assert len(server.asked) == 1, "what is our fault is not asked again"
