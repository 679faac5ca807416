"""KyberSwap: its answers become swaps that settle, or refusals in words; what its calldata says is read by us."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from given_still_request import (
    DEADLINE,
    FLOOR,
    OPERATOR,
    PAYS,
    SOLD,
    SOMEBODY,
    WALLET,
    StillMarket,
    a_still_request,
    asked,
    breaches,
)
from given_venue_server import Reply, VenueServer
from given_venue_world import VenueWorld, a_venue_world
from given_wallet import DAI, USDC, WETH
from kyber_server import IN_EXECUTION, NOBODY, KyberApi, refusal

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.kyber import ROUTER, KyberVenue, terms_of
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Reverted, Terms
from rebalancer.replica.chain import Replica

LIFE = 10
ROUTES, BUILD = "/ethereum/api/v1/routes", "/ethereum/api/v1/route/build"


@pytest.fixture
def api() -> KyberApi:
    return KyberApi(StillMarket())


@pytest.fixture
def server(api: KyberApi) -> Iterator[VenueServer]:
    with VenueServer(api) as server:
        yield server


@pytest.fixture
def venue(server: VenueServer) -> KyberVenue:
    return a_venue(server)


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_venue_world(replica, signer, {ROUTER: "KyberRouter"})


def a_venue(server: VenueServer, chain: int = 1) -> KyberVenue:
    return KyberVenue(VenueHttp(server.url, Manners(0.0)), chain, ROUTER)


# What settles


@pytest.mark.parametrize(("sell", "raw", "buy"), [("USDT", 50_000 * 10**6, "WETH"), ("WETH", 3 * 10**18, "DAI")])
def test_quote__of_the_best_route__settles_as_it_was_simulated(
    world: VenueWorld, sell: str, raw: int, buy: str
) -> None:
    trade = world.trade(sell, raw, buy)
    with VenueServer(KyberApi(world.best)) as server:
        quote = asked(a_venue(server), world.request(trade))
    assert world.breaches(quote) == ""
    settled = world.settle(quote)
    assert settled.landed == settled.simulated
    assert {symbol: moved for symbol, moved in settled.landed.items() if moved} == {sell: -raw, buy: quote.expected.raw}
    assert set(settled.allowances) == {0}


def test_minimum__that_is_not_reached__reverts_in_the_simulation(world: VenueWorld) -> None:
    trade = world.trade("USDC", 20_000 * 10**6, "WETH")
    api = KyberApi(world.best, bend_sale=lambda sale: setattr(sale, "least", 2 * sale.least))
    with VenueServer(api) as server:
        quote = asked(a_venue(server), world.request(trade))
    wallet, snapshot = world.desk.wallet, world.desk.reader.read()
    simulation = wallet.simulate(wallet.build((quote,), snapshot, snapshot.block.timestamp + 600), snapshot)
    assert isinstance(simulation, Reverted)
    assert "KyberRouter: Return amount is not enough" in simulation.reason


# What is asked


def test_request__of_a_route__has_the_documented_fields(server: VenueServer, venue: KyberVenue) -> None:
    asked(venue)
    route = server.asked[0]
    assert (route.method, route.path) == ("GET", ROUTES)
    assert route.headers["x-client-id"] == "rebalancer"
    assert route.query == {
        "tokenIn": USDC.address,
        "tokenOut": WETH.address,
        "amountIn": str(SOLD),
        "gasInclude": "true",
        "excludeRFQSources": "true",
        "origin": OPERATOR,
    }


def test_request__of_a_call__has_the_documented_fields_and_the_route_as_it_came(
    server: VenueServer, venue: KyberVenue
) -> None:
    asked(venue)
    call = server.asked[1]
    assert (call.method, call.path, call.query) == ("POST", BUILD, {})
    assert call.headers["x-client-id"] == "rebalancer"
    body = call.body()
    summary = body.pop("routeSummary")
    assert body == {
        "sender": WALLET,
        "recipient": WALLET,
        "origin": OPERATOR,
        "slippageTolerance": 99,
        "deadline": DEADLINE,
        "source": "rebalancer",
    }
    # The server's own spaces, escapes and numbers: it takes nothing else.
    assert summary["checksum"].endswith("0")
    assert '"timestamp" : 1.790E9' in call.text


@pytest.mark.parametrize(
    ("floor", "slippage", "bps"),
    [(FLOOR, 100, 99), (FLOOR, 50, 50), (PAYS, 100, 0), (1, 0, 0), (1, 9_000, 2_000), (PAYS * 9_999 // 10_000, 9, 0)],
    ids=("floor", "slippage", "no room", "no slippage", "its own limit", "little room"),
)
def test_slippage__of_floor_and_slippage__is_the_lower_one(
    server: VenueServer, venue: KyberVenue, floor: int, slippage: int, bps: int
) -> None:
    quote = asked(venue, a_still_request(floor, slippage))
    assert server.asked[1].body()["slippageTolerance"] == bps
    assert isinstance(quote.terms, Terms)
    assert quote.terms.least_out == PAYS * (10_000 - bps) // 10_000
    assert quote.terms.least_out >= floor


def test_quote__of_a_good_answer__keeps_the_rules(venue: KyberVenue) -> None:
    before = int(time.time())
    quote = asked(venue)
    assert breaches(quote, ROUTER) == ""
    assert (quote.expected.raw, quote.gas, quote.spender, quote.call.to) == (PAYS, 180_000, ROUTER, ROUTER)
    assert quote.until is not None
    assert before + LIFE <= quote.until <= int(time.time()) + LIFE
    least = PAYS * 9_901 // 10_000
    assert quote.terms == Terms("swap", USDC.address, WETH.address, SOLD, least, WALLET, ())


def test_amount__a_little_less_when_the_call_is_built__still_reaches_the_floor(
    api: KyberApi, venue: KyberVenue
) -> None:
    """A basis point of the slippage is left for it."""
    less = PAYS - PAYS // 20_000
    api.bend_build = lambda built: built.update({"amountOut": str(less)})
    api.bend_sale = lambda sale: setattr(sale, "least", less * 9_901 // 10_000)
    quote = asked(venue)
    assert quote.expected.raw == less
    assert breaches(quote, ROUTER) == ""


# What it refuses


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (4000, "bad request"),
        (4001, "unable to bind query parameters"),
        (4002, "unable to bind request body"),
        (4005, "feeAmount is greater than amountIn"),
        (4007, "feeAmount is greater than amountOut"),
        (4008, "route not found"),
        (4009, "amountIn is greater than max allowed"),
        (4010, "no eligible pools found for input tokens"),
        (4011, "token not found"),
        (4221, "weth not found"),
        (4222, "quoted amount is smaller than estimated"),
        (4227, "gas estimation failed"),
        (40010, "sender address is empty"),
        (40011, "filtered liquidity sources"),
        (4990, "request was canceled"),
    ],
)
@pytest.mark.parametrize("step", (0, 1), ids=("route", "call"))
def test_error__of_either_step__is_refused_in_its_words(step: int, code: int, message: str) -> None:
    api = KyberApi(StillMarket())
    with VenueServer(api) as server:
        server.answer = lambda question: refusal(code, message) if len(server.asked) > step else api(question)
        with pytest.raises(VenueError, match=f"{code}.*{message}") as seen:
            asked(a_venue(server))
        assert server.url not in str(seen.value)
        assert len(server.asked) == step + 1


def test_error__with_status_200__is_refused_in_its_words(server: VenueServer, venue: KyberVenue) -> None:
    server.played.append(Reply({"code": 4008, "message": "route not found", "data": None}))
    with pytest.raises(VenueError, match="it answered error 4008: route not found"):
        asked(venue)


@pytest.mark.parametrize("body", ({"message": "no code"}, {"code": 0}, {"code": 0, "data": []}, {"code": "NaN"}))
def test_answer__without_code_or_data__is_refused(server: VenueServer, venue: KyberVenue, body: Any) -> None:
    server.played.append(Reply(body))
    with pytest.raises(VenueError, match="answer.(code|data)"):
        asked(venue)


def test_limit__reached_once__is_asked_again(server: VenueServer, venue: KyberVenue) -> None:
    server.played.append(Reply({"code": 4290, "message": "rate limit exceeded"}, 429))
    assert asked(venue).expected.raw == PAYS
    assert [question.path for question in server.asked] == [ROUTES, ROUTES, BUILD]


def test_chain__that_it_is_not_on__is_refused_without_asking(server: VenueServer) -> None:
    with pytest.raises(VenueError, match="it is not on chain 999"):
        asked(a_venue(server, chain=999))
    assert server.asked == []


def test_route__none__is_refused(api: KyberApi, venue: KyberVenue) -> None:
    api.best = StillMarket(None)
    with pytest.raises(VenueError, match="route not found"):
        asked(venue)


@pytest.mark.parametrize("floor", (PAYS + 1, 2 * PAYS))
def test_route__below_the_floor__is_refused_before_a_call_is_asked_for(
    server: VenueServer, venue: KyberVenue, floor: int
) -> None:
    with pytest.raises(VenueError, match="it says .*, which is below the floor of"):
        asked(venue, a_still_request(floor))
    assert len(server.asked) == 1


@pytest.mark.parametrize("amount", ("0", str(FLOOR - 1)))
def test_amount__below_the_floor_when_the_call_is_built__is_refused(
    api: KyberApi, venue: KyberVenue, amount: str
) -> None:
    api.bend_build = lambda built: built.update({"amountOut": amount})
    with pytest.raises(VenueError, match="it says .*, which is below the floor of"):
        asked(venue)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokenIn", DAI.address),
        ("tokenOut", DAI.address),
        ("amountIn", str(SOLD + 1)),
        ("amountOut", "-1"),
        ("amountOut", str(2**256)),
        ("amountOut", "2e18"),
        ("amountOut", None),
    ],
)
def test_route__with_one_field_changed__is_refused_by_its_name(
    api: KyberApi, venue: KyberVenue, name: str, value: Any
) -> None:
    api.bend_route = lambda body: body["summary"].update({name: value})
    with pytest.raises(VenueError, match=f"answer.data.routeSummary.{name}"):
        asked(venue)


def test_route__for_another_router__is_refused(api: KyberApi, venue: KyberVenue) -> None:
    api.bend_route = lambda body: body.update({"router": SOMEBODY})
    with pytest.raises(VenueError, match="answer.data.routerAddress"):
        asked(venue)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("routerAddress", SOMEBODY),
        ("amountIn", str(SOLD - 1)),
        ("transactionValue", "1"),
        ("amountOut", 2.5),
        ("gas", "-1"),
        ("gas", None),
        ("data", "0x"),
        ("data", None),
    ],
)
def test_call__with_one_field_changed__is_refused_by_its_name(
    api: KyberApi, venue: KyberVenue, name: str, value: Any
) -> None:
    api.bend_build = lambda built: built.update({name: value})
    with pytest.raises(VenueError, match=f"answer.data.{name}"):
        asked(venue)


# What its calldata says


@pytest.mark.parametrize("simple", (False, True), ids=("swap", "simple mode"))
@pytest.mark.parametrize(
    "change",
    [
        ({"token_in": DAI.address}, "token_in"),
        ({"token_out": DAI.address}, "token_out"),
        ({"amount": SOLD + 1}, "amount_in"),
        ({"receiver": SOMEBODY}, "receiver"),
        ({"least": FLOOR - 1}, "least_out"),
        ({"least": 0}, "least_out"),
        ({"given": [SOLD - 1]}, f"extras: {SOLD - 1} of the {SOLD} base units are sold"),
        ({"given": [SOLD, SOLD]}, f"extras: {2 * SOLD} of the {SOLD} base units are sold"),
        ({"fee_receivers": [SOMEBODY], "fees": [SOLD // 100]}, f"extras: a fee for {SOMEBODY}"),
        ({"fees": [1]}, "extras: fees without a receiver"),
        ({"permit": b"signed"}, "extras: a permit"),
        ({"flags": 0x01}, "extras: a partial fill"),
        ({"flags": 0x02}, "extras: extra native coin"),
        ({"flags": 0x04}, "extras: a claim"),
        ({"flags": 0x08}, "extras: burning for gas from the sender"),
        ({"flags": 0x10}, "extras: burning for gas from the operator"),
        ({"flags": 0x100}, "extras: an approval"),
        ({"flags": 0x400}, "extras: unknown flags 0x400"),
    ],
    ids=lambda change: str(change[0]) if isinstance(change, tuple) else None,
)
def test_calldata__with_one_field_changed__breaks_the_rule_of_it(
    api: KyberApi, venue: KyberVenue, simple: bool, change: tuple[dict[str, Any], str]
) -> None:
    fields, words = change
    api.simple = simple
    api.bend_sale = lambda sale: [setattr(sale, name, value) for name, value in fields.items()] and None
    assert words in breaches(asked(venue), ROUTER)


def test_calldata__with_an_approval_for_somebody__breaks_the_rule_of_it(api: KyberApi, venue: KyberVenue) -> None:
    api.bend_sale = lambda sale: setattr(sale, "approved", SOMEBODY)
    assert f"extras: an approval for {SOMEBODY.lower()}" in breaches(asked(venue), ROUTER)


@pytest.mark.parametrize("receiver", (NOBODY, WALLET))
@pytest.mark.parametrize("flags", (0, 0x20, 0xC0, 0x200))
@pytest.mark.parametrize("simple", (False, True), ids=("swap", "simple mode"))
def test_calldata__for_the_sender_or_for_the_wallet__is_for_us(receiver: str, flags: int, simple: bool) -> None:
    def ours(sale: Any) -> None:
        sale.receiver, sale.flags = receiver, flags

    with VenueServer(KyberApi(StillMarket(), simple=simple, bend_sale=ours)) as server:
        assert breaches(asked(a_venue(server)), ROUTER) == ""


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("59e50fed") + bytes(200),  # swapGeneric: calls what is on a list of its own
        IN_EXECUTION.selector,
        IN_EXECUTION.selector + bytes(64),
    ],
    ids=("another function", "no arguments", "cut off"),
)
def test_calldata__that_cannot_be_read__is_refused(data: bytes) -> None:
    with pytest.raises(VenueError, match="its calldata"):
        terms_of(data, WALLET)


def test_calldata__with_bytes_behind_the_end__is_refused(api: KyberApi, venue: KyberVenue) -> None:
    api.bend_build = lambda built: built.update({"data": built["data"] + "00" * 32})
    with pytest.raises(VenueError, match="is not encoded as the ABI has it"):
        asked(venue)


def test_route__written_again_by_a_library__is_not_taken(server: VenueServer, venue: KyberVenue) -> None:
    """What the server's test of verbatim bytes is worth."""
    http = VenueHttp(server.url, Manners(0.0))
    end = time.monotonic() + 2
    asked(venue)
    route = http.get(ROUTES, dict(server.asked[0].query), end)
    with pytest.raises(VenueError, match="checksum is not correct|unable to bind"):
        http.post(BUILD, json.dumps({"routeSummary": route.body["data"]["routeSummary"]}), end)
