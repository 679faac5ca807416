"""1inch through its server: a swap settles through its router and an executor; whatever else it says is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from given_bends import argument, bends
from given_venue_server import KEY, VenueServer
from given_venue_world import VenueWorld, a_venue_world
from given_wallet import USDC, WETH
from one_inch_server import OTHERS, PATH, ROUTERS, SWAP, TAG, OneInchServer

from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.one_inch import MANNERS, ROUTER, OneInchVenue
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Quote, QuoteRequest
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount

PATIENCE = 60.0
"""Seconds: the replica shares its machine with others."""
STRANGER = Address("0x00000000000000000000000000000000000000AA")
NOBODY = "0x" + "00" * 20
SOLD = 20_000 * 10**6


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_venue_world(replica, signer, ROUTERS, OTHERS)


@pytest.fixture
def server(world: VenueWorld) -> Iterator[VenueServer]:
    with VenueServer(OneInchServer(world.best)) as server:
        yield server


@pytest.fixture
def venue(server: VenueServer) -> OneInchVenue:
    return OneInchVenue(VenueHttp(server.url, Manners(0.0, MANNERS.header), KEY), 1, ROUTER)


@pytest.fixture
def asked(world: VenueWorld) -> QuoteRequest:
    return world.request(world.trade("USDC", SOLD, "WETH"))


def _quote(venue: OneInchVenue, request: QuoteRequest) -> Quote:
    return venue.quote(request, time.monotonic() + PATIENCE)


def test_quote__of_a_trade__settles_by_the_safe_to_the_wei(
    world: VenueWorld, venue: OneInchVenue, asked: QuoteRequest
) -> None:
    quote = _quote(venue, asked)
    world.settles_as_said(quote)


def test_quote__of_dai_over_two_pools__settles_as_well(world: VenueWorld, venue: OneInchVenue) -> None:
    quote = _quote(venue, world.request(world.trade("DAI", 20_000 * 10**18, "WBTC")))
    world.settles_as_said(quote)


def test_request__of_a_trade__is_as_the_documents_have_it(
    world: VenueWorld, venue: OneInchVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    quote = _quote(venue, asked)
    (question,) = server.asked
    assert (question.method, question.path) == ("GET", PATH)
    assert question.query == {
        "src": USDC.address,
        "dst": WETH.address,
        "amount": str(SOLD),
        "from": world.safe,
        "origin": world.operator,
        "receiver": world.safe,
        "minReturn": str(asked.trade.floor.raw),
        "disableEstimate": "true",
        "allowPartialFill": "false",
        "usePermit2": "false",
        "compatibility": "true",
    }
    assert question.headers["authorization"] == f"Bearer {KEY}"
    assert (quote.spender, quote.call.to, quote.until) == (ROUTER, ROUTER, None)
    # What was not tried, it says takes 0.
    assert quote.gas == 250_000


def test_minimum__of_the_router__is_our_floor_to_the_unit(
    world: VenueWorld, venue: OneInchVenue, asked: QuoteRequest
) -> None:
    odd = replace(asked.trade, floor=Amount(WETH, asked.trade.floor.raw + 12_345))
    quote = _quote(venue, replace(asked, trade=odd))
    least = SWAP.read(quote.call.data[: -len(TAG)])[1][5]
    assert least == odd.floor.raw


def test_minimum__that_the_pools_no_longer_reach__reverts_in_the_simulation(
    world: VenueWorld, venue: OneInchVenue, asked: QuoteRequest
) -> None:
    says = _quote(venue, asked).expected.raw
    quote = _quote(venue, replace(asked, trade=replace(asked.trade, floor=Amount(WETH, says))))
    world.settle(_quote(venue, asked))  # which moves the pool
    assert "ReturnAmountIsNotEnough" in (world.why_reverted(quote) or "")


def test_calldata__with_nobody_as_receiver__pays_the_sender(
    world: VenueWorld, server: VenueServer, venue: OneInchVenue, asked: QuoteRequest
) -> None:
    bends(server, argument("one_inch", (1, 3), NOBODY))
    quote = _quote(venue, asked)
    assert world.breaches(quote) == ""
    assert world.settle(quote).landed["WETH"] == quote.expected.raw
