"""0x through its server: a swap settles through its allowance holder and Settler; whatever else it says is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from given_bends import bends, field
from given_specs import a_spec
from given_venue_server import KEY, VenueServer
from given_venue_world import VenueWorld, a_venue_world
from given_wallet import USDC, WETH
from zero_x_server import NOBODY, OTHERS, ROUTERS, SETTLER, ZeroXServer, registered

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.zero_x import MANNERS, ROUTER, SettlerRegistry, ZeroXVenue
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Quote, QuoteRequest
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount, Bps

PATIENCE = 60.0
"""Seconds: the replica shares its machine with others."""
STRANGER = Address("0x00000000000000000000000000000000000000AA")
SOLD = 20_000 * 10**6


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    world = a_venue_world(replica, signer, ROUTERS, OTHERS)
    registered(replica)
    return world


@pytest.fixture
def server(world: VenueWorld) -> Iterator[VenueServer]:
    with VenueServer(ZeroXServer(world.best, world.replica.now)) as server:
        yield server


@pytest.fixture
def venue(world: VenueWorld, server: VenueServer) -> ZeroXVenue:
    http = VenueHttp(server.url, Manners(0.0, MANNERS.header), KEY)
    return ZeroXVenue(http, 1, ROUTER, SettlerRegistry(Rpc(world.replica.url)))


@pytest.fixture
def asked(world: VenueWorld) -> QuoteRequest:
    return world.request(world.trade("USDC", SOLD, "WETH"))


def _quote(venue: ZeroXVenue, request: QuoteRequest) -> Quote:
    return venue.quote(request, time.monotonic() + PATIENCE)


def _refusal(world: VenueWorld, venue: ZeroXVenue, request: QuoteRequest) -> str:
    """Why it is no quote, or which rules it breaks."""
    try:
        quote = _quote(venue, request)
    except VenueError as error:
        return str(error)
    return world.breaches(quote)


def test_quote__of_a_trade__settles_by_the_safe_to_the_wei(
    world: VenueWorld, venue: ZeroXVenue, asked: QuoteRequest
) -> None:
    quote = _quote(venue, asked)
    world.settles_as_said(quote)


def test_quote__of_dai_over_two_pools__settles_as_well(world: VenueWorld, venue: ZeroXVenue) -> None:
    quote = _quote(venue, world.request(world.trade("DAI", 20_000 * 10**18, "WBTC")))
    world.settles_as_said(quote)


def test_request__of_a_trade__is_as_the_documents_have_it(
    world: VenueWorld, venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    quote = _quote(venue, asked)
    price, firm = server.asked
    fields = {
        "chainId": "1",
        "sellToken": USDC.address,
        "buyToken": WETH.address,
        "sellAmount": str(SOLD),
        "taker": world.safe,
        "txOrigin": world.operator,
        "slippageBps": "100",
    }
    assert (price.method, price.path, price.query) == ("GET", "/swap/allowance-holder/price", fields)
    assert (firm.method, firm.path) == ("GET", "/swap/allowance-holder/quote")
    assert {**firm.query, "slippageBps": "100"} == fields
    assert {(q.headers["0x-api-key"], q.headers["0x-version"]) for q in server.asked} == {(KEY, "v2")}
    assert (quote.spender, quote.call.to, quote.until) == (ROUTER, ROUTER, None)


def test_request__beside_0xs_own_file__is_known_field_by_field(
    venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    spec = a_spec("0x")
    _quote(venue, asked)
    for question in server.asked:
        assert spec.query_problems(question.path, question.query, question.headers) == []
        assert spec.answer_problems("get", question.path, 200, server.answer(question).body) == []
    unkeyed = {name: value for name, value in server.asked[1].headers.items() if name != "0x-api-key"}
    assert spec.query_problems(server.asked[1].path, {**server.asked[1].query, "taker": "0x1"}, unkeyed) != []


def test_slippage__where_the_floor_is_near__leaves_the_floor(
    world: VenueWorld, venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    says = _quote(venue, asked).expected.raw
    near = replace(asked.trade, floor=Amount(WETH, says * 9_985 // 10_000))
    quote = _quote(venue, replace(asked, trade=near))
    assert server.asked[-1].query["slippageBps"] == "14"
    assert quote.terms is not None and world.breaches(quote) == ""
    at_it = replace(asked.trade, floor=Amount(WETH, says))
    assert world.breaches(_quote(venue, replace(asked, trade=at_it))) == ""
    assert server.asked[-1].query["slippageBps"] == "0"


def test_slippage__of_a_keeper_that_allows_little__is_no_more(
    venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    _quote(venue, replace(asked, slippage=Bps(7)))
    assert [question.query["slippageBps"] for question in server.asked] == ["7", "7"]


def test_quote__without_gas__has_what_a_swap_usually_takes(
    venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    bends(server, field("transaction.gas", None))
    assert _quote(venue, asked).gas == 250_000


def test_settler__the_one_before__is_genuine_while_0x_moves_over(
    world: VenueWorld, venue: ZeroXVenue, asked: QuoteRequest
) -> None:
    registered(world.replica, now=STRANGER, before=SETTLER)
    assert world.breaches(_quote(venue, asked)) == ""


def test_settler__that_is_in_no_registry__is_refused(world: VenueWorld, venue: ZeroXVenue, asked: QuoteRequest) -> None:
    registered(world.replica, now=STRANGER)
    assert f"pulled by {SETTLER}, which is no Settler of 0x ({STRANGER})" in _refusal(world, venue, asked)


def test_settler__while_paused__is_refused(world: VenueWorld, venue: ZeroXVenue, asked: QuoteRequest) -> None:
    registered(world.replica, now=NOBODY, before=SETTLER)
    assert "names no Settler: it is paused" in _refusal(world, venue, asked)


def test_registry__that_cannot_be_asked__is_a_refusal_in_words(
    world: VenueWorld, server: VenueServer, asked: QuoteRequest
) -> None:
    http = VenueHttp(server.url, Manners(0.0, MANNERS.header), KEY)
    venue = ZeroXVenue(http, 1, ROUTER, SettlerRegistry(Rpc("http://127.0.0.1:9")))
    assert _refusal(world, venue, asked) == "its registry of Settlers could not be read on the chain"


def test_registry__asked_often__is_read_once_in_a_minute(world: VenueWorld) -> None:
    rpc = Rpc(world.replica.url)
    registry = SettlerRegistry(rpc)
    assert registry() == registry() == {SETTLER}
    assert rpc.requests == 1
