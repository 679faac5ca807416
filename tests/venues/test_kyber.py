"""KyberSwap: its answers become swaps that settle, or refusals in words; what its calldata says is read by us."""

from __future__ import annotations

import time

import pytest
from given_bends import argument, bends, field, on
from given_still_request import (
    DEADLINE,
    FLOOR,
    OPERATOR,
    PAYS,
    SOLD,
    WALLET,
    a_still_request,
    asked,
    breaches,
)
from given_venue_server import VenueServer
from given_venue_world import VenueWorld, a_venue_world
from given_wallet import USDC, WETH
from kyber_server import IN_EXECUTION, KyberApi

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.kyber import ROUTER, KyberVenue, terms_of
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Terms
from rebalancer.replica.chain import Replica

VENUE = "kyber"
LIFE = 10
ROUTES, BUILD = "/ethereum/api/v1/routes", "/ethereum/api/v1/route/build"


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
    with VenueServer(KyberApi(world.best)) as server:
        bends(server, argument("kyber", (0, 3, 8), lambda _, least: 2 * least))
        quote = asked(a_venue(server), world.request(trade))
    assert "KyberRouter: Return amount is not enough" in (world.why_reverted(quote) or "")


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
    server: VenueServer, venue: KyberVenue
) -> None:
    """A basis point of the slippage is left for it."""
    less = PAYS - PAYS // 20_000
    bends(server, on("build", field("data.amountOut", str(less))))
    bends(server, argument("kyber", (0, 3, 8), less * 9_901 // 10_000))
    quote = asked(venue)
    assert quote.expected.raw == less
    assert breaches(quote, ROUTER) == ""


# What it refuses


def test_chain__that_it_is_not_on__is_refused_without_asking(server: VenueServer) -> None:
    with pytest.raises(VenueError, match="it is not on chain 999"):
        asked(a_venue(server, chain=999))
    assert server.asked == []


# What its calldata says


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
