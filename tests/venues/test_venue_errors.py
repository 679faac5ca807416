"""Every venue's documented errors, at each step of asking it: refused in words, and asked again where that helps."""

from __future__ import annotations

import re

import kyber_server
import odos_server
import one_inch_server
import pytest
import zero_x_server
from given_still_request import PAYS, StillMarket, a_still_request
from given_still_venues import STILL, VENUES, a_server, said_of
from given_venue_server import KEY, Question, Reply

from rebalancer.adapters.venues.http import TRIES

PASSING = (429, 500, 503)
"""Statuses that are asked again."""

KYBER = {
    4000: "bad request",
    4001: "unable to bind query parameters",
    4002: "unable to bind request body",
    4005: "feeAmount is greater than amountIn",
    4007: "feeAmount is greater than amountOut",
    4008: "route not found",
    4009: "amountIn is greater than max allowed",
    4010: "no eligible pools found for input tokens",
    4011: "token not found",
    4221: "weth not found",
    4222: "quoted amount is smaller than estimated",
    4227: "gas estimation failed",
    40010: "sender address is empty",
    40011: "filtered liquidity sources",
    4990: "request was canceled",
}
VELORA = [
    (400, "Invalid priceRoute"),
    (400, "Stale priceRoute"),
    (400, "Invalid srcToken"),
    (400, "Token not found. Please pass srcDecimals & destDecimals"),
    (422, "Unsupported chain"),
    (422, "Partner not allowed"),
    (200, "Stale priceRoute"),
]
ZERO_X = [
    (400, "INPUT_INVALID"),
    (400, "SWAP_VALIDATION_FAILED"),
    (400, "TOKEN_NOT_SUPPORTED"),
    (400, "RECIPIENT_NOT_SUPPORTED"),
    (400, "USER_NOT_AUTHORIZED"),
    (403, "TAKER_NOT_AUTHORIZED_FOR_TRADE"),
    (422, "BUY_TOKEN_NOT_AUTHORIZED_FOR_TRADE"),
    (500, "INTERNAL_SERVER_ERROR"),
    (500, "UNCATEGORIZED"),
    (429, "TOO_MANY_REQUESTS"),
]
ONE_INCH = [
    (400, "Insufficient liquidity"),
    (400, "Not enough allowance. Amount: 1. Current allowance: 0. Spender: 0x11"),
    (400, "Not enough USDC balance"),
    (400, "Cannot estimate"),
    (400, "Cannot sync token"),
    (400, "src is not set"),
    (401, "Unauthorized"),
    (429, "The limit of requests per second has been exceeded"),
    (503, "Service Unavailable"),
]
MISSING = {"detail": [{"loc": ["body", "chainId"], "msg": "field required", "type": "missing"}]}
PAGE = Reply(b"<html>busy</html>", 200, {"Content-Type": "text/html"})

# Who, what it answers, and a pattern of what is said of it. Keyed venues repeat our key.
ERRORS: list[tuple[str, Reply, str]] = [
    *(("kyber", kyber_server.refusal(code, words), f"{code}.*{words}") for code, words in KYBER.items()),
    ("kyber", Reply({"code": 4008, "message": "route not found"}), "^it answered error 4008: route not found$"),
    *(
        ("kyber", Reply(body), r"^answer\.(code|data) ")
        for body in ({"message": "no code"}, {"code": 0}, {"code": 0, "data": []}, {"code": "NaN"})
    ),
    *(("velora", Reply({"error": words}, status), re.escape(words)) for status, words in VELORA),
    *(
        ("zero_x", zero_x_server.refusal(status, name, f"for {KEY}: no"), f"^it answered {status}: .*{name}")
        for status, name in ZERO_X
    ),
    *(
        ("one_inch", one_inch_server.refusal(f"Bearer {KEY}", words, status), f"^it answered {status}: .*{words[:12]}")
        for status, words in ONE_INCH
    ),
    ("odos", odos_server.an_error(400, 2000, f"No viable path found for {KEY}"), "No viable path found"),
    ("odos", Reply(MISSING, 422), "^it answered 422"),
    ("odos", odos_server.an_error(401, 4010, "Unauthorized"), "^it answered 401"),
    ("odos", odos_server.an_error(404, 4016, "Path not available"), "Path not available"),
    *((venue, PAGE, "^it answered no JSON: <html>busy</html>$") for venue in VENUES),
]
EACH_STEP = [
    pytest.param(step, *error, id=f"{error[0]}-{step}-{error[1].status}-{error[2]}")
    for error in ERRORS
    for step in range(STILL[error[0]].steps)
]


@pytest.mark.parametrize(("step", "venue", "reply", "words"), EACH_STEP)
def test_error__at_each_step__is_a_refusal_in_words(step: int, venue: str, reply: Reply, words: str) -> None:
    with a_server(venue) as server:
        api = server.answer

        def answer(question: Question) -> object:
            return reply if len(server.asked) > step else api(question)

        server.answer = answer  # type: ignore[assignment]
        said = said_of(venue, server)
        assert re.search(words, said), said
        assert len(server.asked) == step + (TRIES if reply.status in PASSING else 1), "our fault is not asked again"


@pytest.mark.parametrize("venue", VENUES)
def test_limit__reached_once__is_asked_again(venue: str) -> None:
    headers = {"Content-Type": "application/json", "Retry-After": "0"}
    with a_server(venue) as server:
        server.played.append(Reply({"error": "rate limit exceeded"}, 429, headers))
        assert said_of(venue, server) == ""
        assert len(server.asked) == STILL[venue].steps + 1
        assert server.asked[0] == server.asked[1]


NO_ROUTE = {
    "zero_x": "^it has no liquidity for USDC to WETH$",
    "one_inch": "Insufficient liquidity",
    "velora": "No routes found with enough liquidity",
    "kyber": "route not found",
    "odos": "No viable path found",
}


@pytest.mark.parametrize("venue", VENUES)
def test_route__none__is_refused_in_words(venue: str) -> None:
    with a_server(venue, market=StillMarket(None)) as server:
        assert re.search(NO_ROUTE[venue], said_of(venue, server))


# Velora keeps a unit of what arrives.
BELOW = [(venue, floor) for venue in VENUES for floor in (PAYS + 1, 2 * PAYS)] + [("velora", PAYS)]


@pytest.mark.parametrize(("venue", "floor"), BELOW)
def test_quote__below_the_floor__is_refused_before_a_call_is_asked_for(venue: str, floor: int) -> None:
    with a_server(venue) as server:
        assert re.search("^it says .* below the floor of ", said_of(venue, server, a_still_request(floor)))
        assert len(server.asked) == 1
