"""1inch through its server: a swap settles through its router and an executor; whatever else it says is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from given_venue_server import KEY, Question, Reply, VenueServer
from given_venue_world import VenueWorld, a_venue_world
from given_wallet import DAI, USDC, WETH
from one_inch_server import OTHERS, PATH, ROUTERS, SWAP, TAG, OneInchServer, refusal

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.one_inch import MANNERS, ROUTER, OneInchVenue
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Quote, QuoteRequest, Reverted
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount

PATIENCE = 60.0
"""Seconds: the replica shares its machine with others."""
STRANGER = Address("0x00000000000000000000000000000000000000AA")
NOBODY = "0x" + "00" * 20
SOLD = 20_000 * 10**6

Edit = Callable[[dict[str, Any]], object]


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


def _refusal(world: VenueWorld, venue: OneInchVenue, request: QuoteRequest) -> str:
    """Why it is no quote, or which rules it breaks."""
    try:
        quote = _quote(venue, request)
    except VenueError as error:
        return str(error)
    return world.breaches(quote)


def _edited(server: VenueServer, edit: Edit) -> None:
    """Every answer is changed before it is sent."""
    honest = server.answer

    def answer(question: Question) -> Reply:
        reply = honest(question)
        edit(reply.body)
        return reply

    server.answer = answer


def _described(server: VenueServer, place: int, value: Any) -> None:
    """In the call of every answer, one field of the router's description is another."""

    def edit(body: dict[str, Any]) -> None:
        executor, description, data = SWAP.read(bytes.fromhex(body["tx"]["data"][2:])[: -len(TAG)])
        fields = (*description[:place], value, *description[place + 1 :])
        body["tx"]["data"] = "0x" + (SWAP.call(executor, fields, data) + TAG).hex()

    _edited(server, edit)


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
    snapshot = world.desk.reader.read()
    batch = world.desk.wallet.build((quote,), snapshot, asked.deadline)
    simulation = world.desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Reverted)
    assert "ReturnAmountIsNotEnough" in simulation.reason


def test_quote__below_the_floor__is_refused_in_words(
    world: VenueWorld, venue: OneInchVenue, asked: QuoteRequest
) -> None:
    dear = replace(asked.trade, floor=Amount(WETH, 2 * asked.trade.floor.raw))
    said = _refusal(world, venue, replace(asked, trade=dear))
    assert said.startswith("it says ") and "below the floor of" in said


ERRORS = [
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


@pytest.mark.parametrize("error", ERRORS)
def test_error__of_each_kind__is_a_refusal_in_words_without_the_key(
    world: VenueWorld, server: VenueServer, venue: OneInchVenue, asked: QuoteRequest, error: tuple[int, str]
) -> None:
    status, description = error
    server.answer = lambda question: refusal(question.headers["authorization"], description, status)
    said = _refusal(world, venue, asked)
    assert said.startswith(f"it answered {status}") and description[:12] in said
    assert KEY not in said and server.url not in said
    assert len(server.asked) == (3 if status in (429, 503) else 1)


SAID = {
    "another sender": (lambda b: b["tx"].update({"from": STRANGER}), "tx.from is"),
    "a foreign target": (lambda b: b["tx"].update(to=STRANGER), "tx.to is"),
    "coin": (lambda b: b["tx"].update(value="1"), "no coin goes with a swap"),
    "coin in hex": (lambda b: b["tx"].update(value="0x1"), "no coin goes with a swap"),
    "an amount that is none": (lambda b: b.update(dstAmount="-1"), "answer.dstAmount is"),
    "more than there is": (lambda b: b.update(dstAmount=str(2**256)), "answer.dstAmount is"),
    "no call": (lambda b: b.pop("tx"), "answer.tx is missing"),
    "a shorter way of the router": (
        # unoswap(uint256,uint256,uint256,uint256)
        lambda b: b["tx"].update(data="0x83800a8e" + "00" * 128),
        "calls 0x83800a8e, expected swap",
    ),
    "more behind the call": (
        lambda b: b["tx"].update(data=b["tx"]["data"] + "00" * 32),
        "not encoded as the ABI has it",
    ),
    "gas without end": (lambda b: b["tx"].update(gas=10**9), "gas: 1000000000 units"),
}


@pytest.mark.parametrize("case", SAID)
def test_answer__with_one_field_changed__is_refused_by_it(
    world: VenueWorld, server: VenueServer, venue: OneInchVenue, asked: QuoteRequest, case: str
) -> None:
    edit, words = SAID[case]
    _edited(server, edit)
    assert words in _refusal(world, venue, asked)


CALLS: dict[str, tuple[int, Any, str]] = {
    "the sold token": (0, DAI.address, "token_in: "),
    "the bought token": (1, DAI.address, "token_out: "),
    "the receiver": (3, STRANGER, "receiver: "),
    "the amount": (4, 2 * SOLD, "amount_in: "),
    "the minimum": (5, 1, "least_out: "),
    "a partial fill": (6, 1, "extras: a partial fill"),
    "native coin": (6, 2, "extras: extra native coin"),
    "permit2": (6, 4, "extras: a pull through Permit2"),
    "a flag of tomorrow": (6, 1 << 200, "extras: unknown flags"),
}


@pytest.mark.parametrize("case", CALLS)
def test_calldata__with_one_field_changed__is_told_by_the_rules(
    world: VenueWorld, server: VenueServer, venue: OneInchVenue, asked: QuoteRequest, case: str
) -> None:
    place, value, words = CALLS[case]
    _described(server, place, value)
    assert words in _refusal(world, venue, asked)


def test_calldata__with_nobody_as_receiver__pays_the_sender(
    world: VenueWorld, server: VenueServer, venue: OneInchVenue, asked: QuoteRequest
) -> None:
    _described(server, 3, NOBODY)
    quote = _quote(venue, asked)
    assert world.breaches(quote) == ""
    assert world.settle(quote).landed["WETH"] == quote.expected.raw


def test_calldata__without_bytes_behind_it__is_read_as_well(
    world: VenueWorld, server: VenueServer, venue: OneInchVenue, asked: QuoteRequest
) -> None:
    _edited(server, lambda body: body["tx"].update(data=body["tx"]["data"][: -2 * len(TAG)]))
    assert _refusal(world, venue, asked) == ""
