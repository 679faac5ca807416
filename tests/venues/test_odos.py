"""Odos through its server: a swap, and a whole rebalance as one swap, settle; whatever else it says is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from given_bends import argument, bends
from given_specs import a_spec
from given_venue_server import KEY, VenueServer
from given_venue_world import SECONDS, VenueWorld, a_venue_world
from given_wallet import DAI, USDC, WBTC, WETH
from odos_server import Odos as OdosServer

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


def _paid_to_a_stranger(_: object, outputs: tuple[tuple[object, ...], ...]) -> list[tuple[object, ...]]:
    return [(*output[:3], STRANGER) for output in outputs]


def test_whole__that_pays_another__breaks_the_rule_of_receivers(
    world: VenueWorld, venue: OdosVenue, server: VenueServer
) -> None:
    bends(server, argument("odos for all", (1,), _paid_to_a_stranger))
    whole = _whole(world)
    quotes = venue.quote_whole(whole, time.monotonic() + PATIENCE)
    breaches = answer_breaches(_requests(whole), quotes, venue.spenders)
    assert [breach.rule for breach in breaches] == ["receiver"]


def test_whole__with_a_fee__breaks_the_rule_of_extras(world: VenueWorld, venue: OdosVenue, server: VenueServer) -> None:
    bends(server, argument("odos for all", (4,), (0, 10**15, STRANGER)))
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
