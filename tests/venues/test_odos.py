"""Odos through its server: a swap, and a whole rebalance as one swap, settle; whatever else it says is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from given_specs import a_spec
from given_venue_server import KEY, Reply, VenueServer
from given_venue_world import SECONDS, VenueWorld, a_venue_world
from given_wallet import DAI, USDC, WBTC, WETH
from odos_server import Odos as OdosServer
from odos_server import an_error

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.http import Manners, VenueError, VenueHttp
from rebalancer.adapters.venues.known import Access, outside_of
from rebalancer.adapters.venues.odos import LIFE, MANNERS, ROUTER, OdosVenue
from rebalancer.adapters.wallets.abi import calls_of_batch
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Plan, PlanRequest, Quote, QuoteRequest, Refusal, WholeTerms
from rebalancer.core.quote_rules import answer_breaches, in_words
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount, Bps, Usd

PATIENCE = 60.0
"""Seconds: the replica shares its machine with others."""
STRANGER = Address("0x00000000000000000000000000000000000000AA")


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_venue_world(replica, signer, {ROUTER: "OdosRouter"})


@pytest.fixture
def odos(world: VenueWorld) -> OdosServer:
    return OdosServer(world)


@pytest.fixture
def server(odos: OdosServer) -> Iterator[VenueServer]:
    with VenueServer(odos) as server:
        yield server


@pytest.fixture
def venue(server: VenueServer) -> OdosVenue:
    return OdosVenue(VenueHttp(server.url, Manners(0.0, MANNERS.header), KEY), 1, ROUTER)


@pytest.fixture
def request_(world: VenueWorld) -> QuoteRequest:
    return world.request(world.trade("USDC", 20_000 * 10**6, "WETH"))


def _asked(venue: OdosVenue, request: QuoteRequest) -> Quote:
    return venue.quote(request, time.monotonic() + PATIENCE)


def _refusal(venue: OdosVenue, request: QuoteRequest) -> str:
    """Why it is no quote, or which rules it breaks."""
    try:
        quote = _asked(venue, request)
    except VenueError as error:
        return str(error)
    return in_words(answer_breaches((request,), (quote,), venue.spenders))


def _whole(world: VenueWorld) -> PlanRequest:
    """Two tokens are sold for two, one of them for both."""
    trades = (
        world.trade("USDC", 30_000 * 10**6, "WETH"),
        world.trade("USDC", 20_000 * 10**6, "WBTC"),
        world.trade("DAI", 30_000 * 10**18, "WETH"),
        world.trade("DAI", 20_000 * 10**18, "WBTC"),
    )
    return world.plan_request(Plan(trades, (), Usd(sum(trade.value for trade in trades))))


def _requests(whole: PlanRequest) -> list[QuoteRequest]:
    return [QuoteRequest(t, whole.wallet, whole.operator, whole.deadline, whole.slippage) for t in whole.plan.trades]


def test_quote__of_a_trade__settles_by_the_safe_to_the_wei(
    world: VenueWorld, venue: OdosVenue, request_: QuoteRequest
) -> None:
    quote = _asked(venue, request_)
    assert world.breaches(quote) == ""
    settled = world.settle(quote)
    assert settled.landed == settled.simulated
    assert settled.landed["USDC"] == -20_000 * 10**6
    assert settled.landed["WETH"] == quote.expected.raw >= request_.trade.floor.raw
    assert settled.allowances == (0,)
    assert quote.until is not None and 0 < quote.until - int(time.time()) <= LIFE


def test_quote__of_a_whole_rebalance__settles_as_one_call_of_the_router(world: VenueWorld, venue: OdosVenue) -> None:
    whole = _whole(world)
    quotes = venue.quote_whole(whole, time.monotonic() + PATIENCE)
    assert answer_breaches(_requests(whole), quotes, venue.spenders) == ()
    settled = world.settle(*quotes)
    assert settled.landed == settled.simulated
    assert (settled.landed["USDC"], settled.landed["DAI"]) == (-50_000 * 10**6, -50_000 * 10**18)
    for token in (WETH, WBTC):
        floors = sum(t.floor.raw for t in whole.plan.trades if t.buy == token)
        said = sum(q.expected.raw for q in quotes if q.trade.buy == token)
        assert floors <= settled.landed[token.symbol]
        assert abs(settled.landed[token.symbol] - said) * 200 <= said
    assert settled.allowances == (0, 0)


def test_batch__of_a_whole_rebalance__approves_both_tokens_and_calls_the_router_once(
    world: VenueWorld, venue: OdosVenue
) -> None:
    quotes = venue.quote_whole(_whole(world), time.monotonic() + PATIENCE)
    snapshot = world.desk.reader.read()
    batch = world.desk.wallet.build(quotes, snapshot, snapshot.block.timestamp + SECONDS)
    to = [call.to for call in calls_of_batch(batch.call.data)]
    # Before all else, what makes it void after its deadline.
    assert to == [MAINNET.swap_router_02, USDC.address, DAI.address, ROUTER, USDC.address, DAI.address]
    assert sum(quote.gas for quote in quotes) >= quotes[0].gas > 0


def test_request__of_a_trade__is_as_the_documents_have_it(
    world: VenueWorld, venue: OdosVenue, server: VenueServer, request_: QuoteRequest
) -> None:
    quote = _asked(venue, request_)
    first, second = server.asked
    assert first.body() == {
        "chainId": 1,
        "inputTokens": [{"tokenAddress": USDC.address, "amount": "20000000000"}],
        "outputTokens": [{"tokenAddress": WETH.address, "proportion": 1.0}],
        "userAddr": world.safe,
        "slippageLimitPercent": 0.5,
        "referralCode": 0,
        "disableRFQs": True,
        "compact": False,
    }
    assert second.body() == {"userAddr": world.safe, "pathId": f"{0:032x}", "simulate": False}
    assert [(q.method, q.path) for q in server.asked] == [("POST", "/sor/quote/v3"), ("POST", "/sor/assemble")]
    assert {q.headers["x-api-key"] for q in server.asked} == {KEY}
    assert quote.spender == quote.call.to == ROUTER


def test_request__of_a_whole_rebalance__has_each_token_once_and_shares_that_make_one(
    world: VenueWorld, venue: OdosVenue, server: VenueServer
) -> None:
    venue.quote_whole(_whole(world), time.monotonic() + PATIENCE)
    asked = server.asked[0].body()
    assert [(t["tokenAddress"], t["amount"]) for t in asked["inputTokens"]] == [
        (USDC.address, str(50_000 * 10**6)),
        (DAI.address, str(50_000 * 10**18)),
    ]
    assert [t["tokenAddress"] for t in asked["outputTokens"]] == [WETH.address, WBTC.address]
    shares = [t["proportion"] for t in asked["outputTokens"]]
    assert abs(shares[0] - 0.6) < 0.001 and sum(shares) == pytest.approx(1.0, abs=1e-9)


def test_requests_and_answers__against_the_openapi_file__fit(
    world: VenueWorld, venue: OdosVenue, server: VenueServer, odos: OdosServer
) -> None:
    spec = a_spec("odos")
    venue.quote_whole(_whole(world), time.monotonic() + PATIENCE)
    for question, name in zip(tuple(server.asked), ("PathRequestV3", "AssemblePathRequest"), strict=True):
        assert spec.body_problems(question.path, question.body()) == []
        assert set(question.body()) <= set(spec.body["components"]["schemas"][name]["properties"])
        assert spec.answer_problems("post", question.path, 200, odos(question).body) == []


def test_quote__where_half_the_slippage_is_below_the_floor__is_asked_for_anew_with_what_is_left(
    world: VenueWorld, venue: OdosVenue, server: VenueServer, request_: QuoteRequest
) -> None:
    said = _asked(venue, request_).expected.raw
    near = Amount(WETH, said - said // 500)  # 0.2 % below what it says
    server.asked.clear()
    request = replace(request_, trade=replace(request_.trade, floor=near))
    quote = _asked(venue, request)
    slippages = [q.body()["slippageLimitPercent"] for q in server.asked if q.path == "/sor/quote/v3"]
    assert slippages[0] == 0.5 and 0.19 < slippages[1] < 0.2
    assert quote.terms is not None and not isinstance(quote.terms, WholeTerms)
    assert near.raw <= quote.terms.least_out < quote.expected.raw
    assert in_words(answer_breaches((request,), (quote,), venue.spenders)) == ""


def test_quote__that_says_less_than_the_floor__is_refused_and_never_assembled(
    venue: OdosVenue, server: VenueServer, odos: OdosServer, request_: QuoteRequest
) -> None:
    odos.price = 9_000
    assert "below the floor of" in _refusal(venue, request_)
    assert [q.path for q in server.asked] == ["/sor/quote/v3"]


def test_quote__without_any_slippage__is_refused_without_a_request(
    venue: OdosVenue, server: VenueServer, request_: QuoteRequest
) -> None:
    assert "none is allowed" in _refusal(venue, replace(request_, slippage=Bps(0)))
    assert server.asked == []


def test_whole__that_sells_what_it_buys__is_refused_without_a_request(
    world: VenueWorld, venue: OdosVenue, server: VenueServer
) -> None:
    whole = _whole(world)
    trades = (*whole.plan.trades, world.trade("WETH", 10**18, "USDT"))
    with pytest.raises(VenueError, match="sells no token that it buys"):
        venue.quote_whole(replace(whole, plan=replace(whole.plan, trades=trades)), time.monotonic() + PATIENCE)
    assert server.asked == []


ERRORS = {
    "no path": (an_error(400, 2000, "No viable path found"), "No viable path found"),
    "a field that it does not take": (
        Reply({"detail": [{"loc": ["body", "chainId"], "msg": "field required", "type": "missing"}]}, 422),
        "it answered 422",
    ),
    "a key that it does not know": (an_error(401, 4010, "Unauthorized"), "it answered 401"),
    "a path that is over": (an_error(404, 4016, "Path not available"), "Path not available"),
    "a page": (Reply(b"<html>busy</html>", 200, {"Content-Type": "text/html"}), "no JSON"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error__that_is_documented__is_a_refusal_in_words_without_the_key(
    venue: OdosVenue, server: VenueServer, request_: QuoteRequest, case: str
) -> None:
    reply, words = ERRORS[case]
    server.played.append(reply)
    said = _refusal(venue, request_)
    assert words in said
    assert KEY not in said and server.url not in said
    assert len(server.asked) == 1, "what is our fault is not asked again"


def test_error__of_too_many_requests__is_waited_for(
    venue: OdosVenue, server: VenueServer, request_: QuoteRequest
) -> None:
    server.played.append(Reply({"detail": "rate limit"}, 429, {"Content-Type": "application/json", "Retry-After": "0"}))
    assert _refusal(venue, request_) == ""
    assert [q.path for q in server.asked] == ["/sor/quote/v3", "/sor/quote/v3", "/sor/assemble"]


WRONG_FIELDS = {
    "another chain": ({"chainId": 8453}, "assembled.transaction.chainId"),
    "another caller": ({"from": STRANGER}, "assembled.transaction.from"),
    "another router": ({"to": STRANGER}, "assembled.transaction.to"),
    "coin": ({"value": "1"}, "assembled.transaction.value"),
    "no calldata": ({"data": "0x"}, "bytes, expected a selector"),
    "another function": ({"data": "0x095ea7b3" + "00" * 64}, "expected swap"),
    "bytes behind the end": ({"data": None}, "not encoded as the ABI has it"),
}


@pytest.mark.parametrize("case", WRONG_FIELDS)
def test_transaction__with_one_field_changed__is_refused_by_its_name(
    venue: OdosVenue, odos: OdosServer, request_: QuoteRequest, case: str
) -> None:
    fields, words = WRONG_FIELDS[case]
    if fields.get("data", "") is None:
        fields = {"data": "0x" + (_asked(venue, request_).call.data + b"\0" * 32).hex()}
    odos.fields = fields
    assert words in _refusal(venue, request_)


WRONG_ARGUMENTS = {
    "another token is sold": ({0: DAI.address}, "token_in: "),
    "more is sold": ({1: 20_001 * 10**6}, "amount_in: "),
    "all that there is is sold": ({1: 0}, "amount_in: "),
    "another token is bought": ({3: WBTC.address}, "token_out: "),
    "the quote is below the floor": ({4: 1}, "below_floor: "),
    "the router insists on nothing": ({5: 0}, "least_out: "),
    "the router insists on one unit": ({5: 1}, "least_out: "),
    "another is paid": ({6: STRANGER}, "receiver: "),
}


@pytest.mark.parametrize("case", WRONG_ARGUMENTS)
def test_calldata__with_one_field_changed__breaks_the_rule_of_its_name(
    venue: OdosVenue, odos: OdosServer, request_: QuoteRequest, case: str
) -> None:
    odos.arguments, rule = WRONG_ARGUMENTS[case]
    assert _refusal(venue, request_).startswith(rule)


@pytest.mark.parametrize(
    ("referral", "words"),
    [
        ((7, 0, STRANGER), "a referral, code 7"),
        ((0, 10**16, STRANGER), f"fee of {10**16} parts of 10^18 for {STRANGER}"),
    ],
)
def test_calldata__with_a_referral__says_who_gets_what(
    venue: OdosVenue, odos: OdosServer, request_: QuoteRequest, referral: tuple[int, int, str], words: str
) -> None:
    odos.referral = referral
    said = _refusal(venue, request_)
    assert said.startswith("extras: ") and words in said


def test_calldata__that_names_the_wallet_as_receiver__is_as_good_as_none(
    world: VenueWorld, venue: OdosVenue, odos: OdosServer, request_: QuoteRequest
) -> None:
    odos.receiver = world.safe
    assert _refusal(venue, request_) == ""


def test_whole__that_pays_another__breaks_the_rule_of_receivers(
    world: VenueWorld, venue: OdosVenue, odos: OdosServer
) -> None:
    odos.receiver = STRANGER
    whole = _whole(world)
    quotes = venue.quote_whole(whole, time.monotonic() + PATIENCE)
    breaches = answer_breaches(_requests(whole), quotes, venue.spenders)
    assert [breach.rule for breach in breaches] == ["receiver"]


def test_whole__with_a_fee__breaks_the_rule_of_extras(world: VenueWorld, venue: OdosVenue, odos: OdosServer) -> None:
    odos.referral = (0, 10**15, STRANGER)
    whole = _whole(world)
    quotes = venue.quote_whole(whole, time.monotonic() + PATIENCE)
    assert [b.rule for b in answer_breaches(_requests(whole), quotes, venue.spenders)] == ["extras"]


@pytest.mark.parametrize("at_once", [True, False])
def test_venue__asked_for_two_trades__is_asked_once_where_the_wallet_can_do_both_in_one_call(
    world: VenueWorld, server: VenueServer, at_once: bool
) -> None:
    whole = _whole(world)
    whole = replace(whole, plan=replace(whole.plan, trades=whole.plan.trades[:2]))
    accesses = [Access("odos", ROUTER, server.url)]
    outside = outside_of(accesses, 1, at_once, lambda: Rpc(world.replica.url))
    asked = outside.ask(_requests(whole), whole, world.desk.reader.read())
    answered = [one for one in asked if not isinstance(one.said, Refusal)]
    paths = [question.path for question in server.asked]
    if at_once:
        assert [one.trades for one in answered] == [whole.plan.trades]
        assert paths == ["/sor/quote/v3", "/sor/assemble"]
    else:
        assert [len(one.trades) for one in asked] == [1, 1]
        assert paths[:2] == ["/sor/quote/v3", "/sor/assemble"], "one after the other: half an answer is none"
        assert len(answered) >= 1
