"""0x through its server: a swap settles through its allowance holder and Settler; whatever else it says is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from given_specs import a_spec
from given_venue_server import KEY, Question, Reply, VenueServer
from given_venue_world import VenueWorld, a_venue_world
from given_wallet import DAI, USDC, WETH
from zero_x_server import EXEC, EXECUTE, NOBODY, OTHERS, ROUTERS, SETTLER, ZeroXServer, refusal, registered

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

Edit = Callable[[dict[str, Any]], object]


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


def _edited(server: VenueServer, edit: Edit, what: str = "quote") -> None:
    """Every answer to `what` is changed before it is sent."""
    honest = server.answer

    def answer(question: Question) -> Reply:
        reply = honest(question)
        if question.path.endswith(what):
            edit(reply.body)
        return reply

    server.answer = answer


def _recalled(server: VenueServer, outer: dict[int, Any], slippage: dict[int, Any]) -> None:
    """The call of every quote has other arguments, by their places."""

    def edit(body: dict[str, Any]) -> None:
        arguments = list(EXEC.read(bytes.fromhex(body["transaction"]["data"][2:])))
        inner = list(EXECUTE.read(arguments[4]))
        inner[0] = tuple(slippage.get(place, one) for place, one in enumerate(inner[0]))
        arguments[4] = EXECUTE.call(*inner)
        data = EXEC.call(*(outer.get(place, one) for place, one in enumerate(arguments)))
        body["transaction"]["data"] = "0x" + data.hex()

    _edited(server, edit)


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


def test_quote__below_the_floor__is_refused_before_a_call_is_asked_for(
    world: VenueWorld, venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    dear = replace(asked.trade, floor=Amount(WETH, 2 * asked.trade.floor.raw))
    said = _refusal(world, venue, replace(asked, trade=dear))
    assert said.startswith("it says ") and "below the floor of" in said
    assert [question.path.rpartition("/")[2] for question in server.asked] == ["price"]


def test_quote__without_gas__has_what_a_swap_usually_takes(
    venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    _edited(server, lambda body: body["transaction"].update(gas=None))
    assert _quote(venue, asked).gas == 250_000


def test_pair__without_liquidity__is_refused_in_words(
    world: VenueWorld, venue: ZeroXVenue, server: VenueServer, asked: QuoteRequest
) -> None:
    server.played.append(Reply({"liquidityAvailable": False, "zid": "0x5f6e1c2d3b4a59687786a5b4"}))
    assert _refusal(world, venue, asked) == "it has no liquidity for USDC to WETH"


ERRORS = [
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


@pytest.mark.parametrize("error", ERRORS)
def test_error__of_each_kind__is_a_refusal_in_words_without_the_key(
    world: VenueWorld, server: VenueServer, venue: ZeroXVenue, asked: QuoteRequest, error: tuple[int, str]
) -> None:
    status, name = error
    server.answer = lambda question: refusal(status, name, f"for {question.headers['0x-api-key']}: no")
    said = _refusal(world, venue, asked)
    assert said.startswith(f"it answered {status}") and name in said
    assert KEY not in said and server.url not in said
    assert len(server.asked) == (3 if status in (429, 500) else 1)


SAID = {
    "another token bought": (lambda b: b.update(buyToken=DAI.address), "answer.buyToken is"),
    "another token sold": (lambda b: b.update(sellToken=DAI.address), "answer.sellToken is"),
    "another amount": (lambda b: b.update(sellAmount="1"), "answer.sellAmount is"),
    "a foreign spender": (lambda b: b.update(allowanceTarget=STRANGER), "answer.allowanceTarget is"),
    "an amount that is none": (lambda b: b.update(buyAmount="1e18"), "answer.buyAmount is"),
    "less than the floor in the end": (lambda b: b.update(buyAmount="7"), "below the floor"),
    "a fee of an integrator": (
        lambda b: b["fees"].update(integratorFee={"amount": "1", "token": WETH.address, "type": "volume"}),
        "fees.integratorFee is there",
    ),
    "fees of integrators": (
        lambda b: b["fees"].update(integratorFees=[{"amount": "1", "token": WETH.address, "type": "volume"}]),
        "fees.integratorFees is there",
    ),
    "a taxed token": (lambda b: b["tokenMetadata"]["buyToken"].update(buyTaxBps="300"), "buyToken takes a tax"),
    "a foreign target": (lambda b: b["transaction"].update(to=STRANGER), "transaction.to is"),
    "coin": (lambda b: b["transaction"].update(value="1"), "no coin goes with a swap"),
    "a call of another function": (lambda b: b["transaction"].update(data="0x" + "ab" * 100), "expected exec"),
    "no call": (lambda b: b.pop("transaction"), "answer.transaction is missing"),
    "bytes behind the call": (
        lambda b: b["transaction"].update(data=b["transaction"]["data"] + "00" * 32),
        "not encoded as the ABI has it",
    ),
    "gas without end": (lambda b: b["transaction"].update(gas=str(10**9)), "gas: 1000000000 units"),
}


@pytest.mark.parametrize("case", SAID)
def test_answer__with_one_field_changed__is_refused_by_it(
    world: VenueWorld, server: VenueServer, venue: ZeroXVenue, asked: QuoteRequest, case: str
) -> None:
    edit, words = SAID[case]
    _edited(server, edit)
    assert words in _refusal(world, venue, asked)


CALLS: dict[str, tuple[dict[int, Any], dict[int, Any], str]] = {
    "a receiver": ({}, {0: STRANGER}, "receiver: "),
    "nobody as receiver": ({}, {0: NOBODY}, "receiver: "),
    "a bought token": ({}, {1: DAI.address}, "token_out: "),
    "a lower minimum": ({}, {2: 1}, "least_out: "),
    "no minimum": ({}, {2: 0}, "least_out: "),
    "the minimum of an action": ({}, {0: NOBODY, 1: NOBODY, 2: 0}, "leaves the minimum to an action"),
    "a sold token": ({1: DAI.address}, {}, "token_in: "),
    "another amount": ({2: 2 * SOLD}, {}, "amount_in: "),
    "somebody who pulls": ({0: STRANGER}, {}, "extras: the tokens may be pulled by"),
    "somebody who trades": ({3: STRANGER}, {}, "extras: the swap is made by"),
}


@pytest.mark.parametrize("case", CALLS)
def test_calldata__with_one_field_changed__is_told_by_the_rules(
    world: VenueWorld, server: VenueServer, venue: ZeroXVenue, asked: QuoteRequest, case: str
) -> None:
    outer, slippage, words = CALLS[case]
    _recalled(server, outer, slippage)
    assert words in _refusal(world, venue, asked)


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
