"""Orders at CoW Protocol's order book: placed under our own name, once or twice; whatever else it says is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cow_server import OrderBook, an_error, uid_of
from given_cow import a_still_book, a_venue, order_of
from given_specs import a_spec
from given_still_request import DEADLINE, SOLD, SOMEBODY, WALLET, asked
from given_venue_server import Reply, VenueServer
from given_wallet import DAI, USDC, WETH

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.cow import ORDER_LIFE, CowVenue
from rebalancer.adapters.venues.cow_orders import APP_DATA, app_data_hash
from rebalancer.core.model import Quote
from rebalancer.units import Amount

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


def _place(venue: CowVenue, quote: Quote) -> str | None:
    """Why it is not placed."""
    try:
        venue.place(quote, time.monotonic() + PATIENCE)
    except VenueError as error:
        return str(error)
    return None


def test_request__of_an_order__is_as_the_documents_have_it(venue: CowVenue, server: VenueServer) -> None:
    quote = asked(venue)
    assert _place(venue, quote) is None
    question = server.asked[1]
    assert (question.method, question.path) == ("POST", "/api/v1/orders")
    assert question.body() == {
        "sellToken": USDC.address,
        "buyToken": WETH.address,
        "receiver": WALLET,
        "sellAmount": str(SOLD),
        "buyAmount": str(quote.expected.raw),
        "validTo": VALID_TO,
        "appData": APP_DATA,
        "feeAmount": "0",
        "kind": "sell",
        "partiallyFillable": False,
        "sellTokenBalance": "erc20",
        "buyTokenBalance": "erc20",
        "appDataHash": app_data_hash(),
        "signingScheme": "presign",
        "signature": "0x",
        "from": WALLET,
        "quoteId": 1,
    }


def test_requests_and_answers__against_the_openapi_file__fit(
    venue: CowVenue, server: VenueServer, book: OrderBook
) -> None:
    spec = a_spec("cow")
    quote = asked(venue)
    assert _place(venue, quote) is None
    known = spec.body["components"]["schemas"]
    asks = {key for one in known["OrderQuoteRequest"]["allOf"] for key in one.get("properties", {})}
    asks |= {"kind", "sellAmountBeforeFee", "validTo", "partiallyFillable"}
    first, second = server.asked
    assert set(first.body()) <= asks and set(second.body()) <= set(known["OrderCreation"]["properties"])
    for question, status in ((first, 200), (second, 201)):
        assert spec.body_problems(question.path, question.body()) == []
        book.orders.clear()
        assert spec.answer_problems("post", question.path, status, book(question).body) == []
    order = book.order(order_of(quote).uid)
    assert spec.problems({"$ref": "#/components/schemas/Order"}, order, "order") == []


def test_uid__against_another_implementation_of_eip_712__is_the_same(venue: CowVenue, server: VenueServer) -> None:
    quote = asked(venue)
    assert _place(venue, quote) is None
    assert uid_of(server.asked[1].body()) == order_of(quote).uid


def test_quote__without_a_number__is_placed_without_one(venue: CowVenue, book: OrderBook, server: VenueServer) -> None:
    book.besides = {"id": None}
    assert _place(venue, asked(venue)) is None
    assert "quoteId" not in server.asked[1].body()


PLACE_ERRORS = {
    "too little": an_error("InsufficientBalance", "order owner must have funds worth at least x in his account"),
    "no quote": an_error("QuoteNotFound", "could not find quote with the specified id"),
    "too many": an_error("TooManyLimitOrders", "Too many limit orders"),
    "a page": Reply(b"<html>busy</html>", 201, {"Content-Type": "text/html"}),
    "an object": Reply({"uid": "0x12"}, 201),
    "another order": Reply("0x" + "12" * 56, 201),
    "DuplicatedOrder in a word only": an_error("InvalidQuote", "DuplicatedOrder"),
    "no error as the documents have it": Reply(["DuplicatedOrder"], 400),
}


@pytest.mark.parametrize("case", PLACE_ERRORS)
def test_error__of_an_order__is_a_refusal_in_words(venue: CowVenue, server: VenueServer, case: str) -> None:
    quote = asked(venue)
    server.played.append(PLACE_ERRORS[case])
    said = _place(venue, quote)
    assert said is not None and server.url not in said
    assert len(server.asked) == 2, "what is our fault is not asked again"


def test_order__that_it_has_already__is_placed(venue: CowVenue, server: VenueServer, book: OrderBook) -> None:
    quote = asked(venue)
    server.played.append(Reply({"errorType": "InternalServerError", "description": ""}, 500))
    assert [_place(venue, quote), _place(venue, quote)] == [None, None]
    assert len(book.orders) == 1


def test_order__that_is_called_otherwise__is_not_placed(venue: CowVenue, book: OrderBook) -> None:
    quote = asked(venue)
    book.named = order_of(quote).uid[:-1] + "0"
    assert f"expected {order_of(quote).uid}" in (_place(venue, quote) or "")


@pytest.mark.parametrize("change", ["uid", "least", "sell", "settlement"])
def test_order__with_one_field_changed__is_not_placed(venue: CowVenue, server: VenueServer, change: str) -> None:
    quote = asked(venue)
    order = order_of(quote)
    changed = {
        "uid": replace(order, uid="0x" + "0" * 64 + order.uid[66:]),
        "least": replace(order, least=order.least - Amount(WETH, 1)),
        "sell": replace(order, sell=Amount(DAI, SOLD)),
        "settlement": replace(order, settlement=SOMEBODY),
    }
    assert "other fields than its name says" in (_place(venue, replace(quote, terms=changed[change])) or "")
    assert _place(venue, replace(quote, terms=None)) == "it takes orders, and this is none"
    assert len(server.asked) == 1
