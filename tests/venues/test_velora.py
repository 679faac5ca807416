"""Velora: its answers become swaps that settle, or refusals in words; what its calldata says is read by us."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
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
from velora_server import CAPPED, FEE, GENERIC, NOBODY, Sale, VeloraApi

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.calldata import Function
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.velora import ROUTER, VeloraVenue, terms_of
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Reverted, Simulated, Terms
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

QUOTER = Function("quoteExactInputSingle", ("(address,address,uint256,uint24,uint160)",))
LIFE = 30
METHODS = "swapExactAmountIn,swapExactAmountInOnUniswapV2,swapExactAmountInOnUniswapV3"


@pytest.fixture
def api() -> VeloraApi:
    return VeloraApi(StillMarket())


@pytest.fixture
def server(api: VeloraApi) -> Iterator[VenueServer]:
    with VenueServer(api) as server:
        yield server


@pytest.fixture
def venue(server: VenueServer) -> VeloraVenue:
    return a_venue(server)


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_venue_world(replica, signer, {ROUTER: "AugustusRouter"})


def a_venue(server: VenueServer, chain: int = 1) -> VeloraVenue:
    return VeloraVenue(VenueHttp(server.url, Manners(0.0)), chain, ROUTER)


def one_pool(world: VenueWorld) -> Callable[[str, int, str], int]:
    def pays(sell: str, amount: int, buy: str) -> int:
        data = "0x" + QUOTER.call((sell, buy, amount, FEE, 0)).hex()
        answer = world.replica.rpc.call("eth_call", {"to": MAINNET.quoter_v2, "data": data}, "latest")
        return int(answer[2:66], 16)

    return pays


# What settles


def test_quote__of_the_best_route__settles_as_it_was_simulated(world: VenueWorld) -> None:
    trade = world.trade("USDT", 50_000 * 10**6, "WETH")
    with VenueServer(VeloraApi(world.best)) as server:
        quote = asked(a_venue(server), world.request(trade))
    assert world.breaches(quote) == ""
    settled = world.settle(quote)
    assert settled.landed == settled.simulated
    # Augustus keeps one base unit.
    assert settled.landed == {"USDT": -50_000 * 10**6, "WETH": quote.expected.raw - 1, "WBTC": 0, "USDC": 0, "DAI": 0}
    assert set(settled.allowances) == {0}


def test_quote__of_one_pool_without_an_executor__settles_as_it_was_simulated(world: VenueWorld) -> None:
    trade = world.trade("WETH", 3 * 10**18, "USDC")
    with VenueServer(VeloraApi(world.best, direct=one_pool(world))) as server:
        quote = asked(a_venue(server), world.request(trade))
    assert isinstance(quote.terms, Terms)
    assert quote.terms.function == "swapExactAmountInOnUniswapV3"
    assert world.breaches(quote) == ""
    settled = world.settle(quote)
    assert settled.landed == settled.simulated
    assert settled.landed["USDC"] == quote.expected.raw


def test_minimum__of_a_call_that_pays_exactly_our_floor__is_the_wallet_s_own(world: VenueWorld) -> None:
    """What arrives above the quoted amount is Velora's: the lower of the two amounts is what it insists on."""
    trade = world.trade("USDC", 20_000 * 10**6, "WETH")

    def lower(sale: Sale) -> None:
        sale.quoted, sale.partner_and_fee = trade.floor.raw + 1, 0

    with VenueServer(VeloraApi(world.best, bend_sale=lower)) as server:
        quote = asked(a_venue(server), world.request(trade))
    assert isinstance(quote.terms, Terms)
    assert quote.terms.least_out == trade.floor.raw
    assert world.settle(quote).landed["WETH"] == trade.floor.raw


def test_minimum__that_is_not_reached__reverts_in_the_simulation(world: VenueWorld) -> None:
    trade = world.trade("USDC", 20_000 * 10**6, "WETH")
    api = VeloraApi(world.best, bend_sale=lambda sale: setattr(sale, "least", 2 * sale.least))
    with VenueServer(api) as server:
        quote = asked(a_venue(server), world.request(trade))
    wallet, snapshot = world.desk.wallet, world.desk.reader.read()
    simulation = wallet.simulate(wallet.build((quote,), snapshot, snapshot.block.timestamp + 600), snapshot)
    assert isinstance(simulation, Reverted)
    assert "AugustusRouter: InsufficientReturnAmount" in simulation.reason


def test_batch__after_its_deadline__reverts_though_the_router_knows_of_none(world: VenueWorld) -> None:
    with VenueServer(VeloraApi(world.best)) as server:
        quote = asked(a_venue(server), world.request(world.trade("USDC", 20_000 * 10**6, "WETH")))
    wallet, snapshot = world.desk.wallet, world.desk.reader.read()
    in_time, late = (wallet.build((quote,), snapshot, snapshot.block.timestamp + seconds) for seconds in (600, -1))
    assert isinstance(wallet.simulate(in_time, snapshot), Simulated)
    assert wallet.simulate(late, snapshot) == Reverted("deadline: Transaction too old")


# What is asked


def test_request__of_a_price__has_the_documented_fields(server: VenueServer, venue: VeloraVenue) -> None:
    asked(venue)
    price = server.asked[0]
    assert (price.method, price.path) == ("GET", "/prices")
    assert price.query == {
        "srcToken": USDC.address,
        "srcDecimals": "6",
        "destToken": WETH.address,
        "destDecimals": "18",
        "amount": str(SOLD),
        "side": "SELL",
        "network": "1",
        "version": "6.2",
        "userAddress": WALLET,
        "includeContractMethods": METHODS,
        "excludeRFQ": "true",
    }


def test_request__of_a_call__has_the_documented_fields_and_the_price_as_it_came(
    server: VenueServer, venue: VeloraVenue
) -> None:
    asked(venue)
    call = server.asked[1]
    assert (call.method, call.path) == ("POST", "/transactions/1")
    assert call.query == {"ignoreChecks": "true", "ignoreGasEstimate": "true"}
    body = call.body()
    price = body.pop("priceRoute")
    assert body == {
        "srcToken": USDC.address,
        "srcDecimals": 6,
        "srcAmount": str(SOLD),
        "destToken": WETH.address,
        "destDecimals": 18,
        "destAmount": str(FLOOR + 1),
        "userAddress": WALLET,
        "txOrigin": OPERATOR,
        "deadline": str(DEADLINE),
    }
    # The server's own spaces, escapes and zeros: it takes nothing else.
    assert price["hmac"].startswith("-")
    assert '"partnerFee"  :  0.00' in call.text


@pytest.mark.parametrize(
    ("floor", "slippage", "least"),
    [(FLOOR, 100, FLOOR + 1), (FLOOR, 50, PAYS * 9_950 // 10_000), (PAYS - 1, 100, PAYS), (1, 0, PAYS)],
    ids=("floor", "slippage", "no room", "no slippage"),
)
def test_minimum__of_floor_and_slippage__is_the_higher_one(
    server: VenueServer, venue: VeloraVenue, floor: int, slippage: int, least: int
) -> None:
    quote = asked(venue, a_still_request(floor, slippage))
    assert server.asked[1].body()["destAmount"] == str(least)
    assert isinstance(quote.terms, Terms)
    assert quote.terms.least_out == least - 1
    assert quote.terms.least_out >= floor


def test_quote__of_a_good_answer__keeps_the_rules(venue: VeloraVenue) -> None:
    before = int(time.time())
    quote = asked(venue)
    assert breaches(quote, ROUTER) == ""
    assert (quote.expected.raw, quote.gas, quote.spender, quote.call.to) == (PAYS, 180_000, ROUTER, ROUTER)
    assert quote.until is not None
    assert before + LIFE <= quote.until <= int(time.time()) + LIFE
    assert quote.terms == Terms("swapExactAmountIn", USDC.address, WETH.address, SOLD, FLOOR, WALLET, ())


# What it refuses


@pytest.mark.parametrize(
    "error",
    [
        (400, "Invalid priceRoute"),
        (400, "Stale priceRoute"),
        (400, "Invalid srcToken"),
        (400, "Token not found. Please pass srcDecimals & destDecimals"),
        (422, "Unsupported chain"),
        (422, "Partner not allowed"),
        (200, "Stale priceRoute"),
    ],
)
@pytest.mark.parametrize("step", (0, 1), ids=("price", "call"))
def test_error__of_either_step__is_refused_in_its_words(
    api: VeloraApi, server: VenueServer, venue: VeloraVenue, step: int, error: tuple[int, str]
) -> None:
    status, words = error
    server.answer = lambda question: Reply({"error": words}, status) if len(server.asked) > step else api(question)
    with pytest.raises(VenueError) as seen:
        asked(venue)
    assert words in str(seen.value)
    assert server.url not in str(seen.value)
    assert len(server.asked) == step + 1


def test_limit__reached_once__is_asked_again(server: VenueServer, venue: VeloraVenue) -> None:
    server.played.append(Reply({"error": "Too many requests"}, 429))
    assert asked(venue).expected.raw == PAYS
    assert [question.path for question in server.asked] == ["/prices", "/prices", "/transactions/1"]


def test_chain__that_it_is_not_on__is_refused(server: VenueServer) -> None:
    with pytest.raises(VenueError, match="Unsupported chain"):
        asked(a_venue(server, chain=999))


def test_route__none__is_refused(api: VeloraApi, venue: VeloraVenue) -> None:
    api.best = StillMarket(None)
    with pytest.raises(VenueError, match="No routes found with enough liquidity"):
        asked(venue)


def test_price__below_the_floor__is_refused_before_a_call_is_asked_for(server: VenueServer, venue: VeloraVenue) -> None:
    with pytest.raises(VenueError, match="it says .*, which is below the floor of"):
        asked(venue, a_still_request(floor=PAYS))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("maxImpactReached", True, "price impact is beyond its limit"),
        ("maxImpactReached", "true", "price impact is beyond its limit"),
        ("srcToken", DAI.address, "priceRoute.srcToken"),
        ("destToken", DAI.address, "priceRoute.destToken"),
        ("srcAmount", str(SOLD + 1), "priceRoute.srcAmount"),
        ("network", 137, "priceRoute.network"),
        ("side", "BUY", "priceRoute.side"),
        ("version", "5", "priceRoute.version"),
        ("contractAddress", SOMEBODY, "priceRoute.contractAddress"),
        ("destAmount", "-1", "priceRoute.destAmount"),
        ("destAmount", str(2**256), "priceRoute.destAmount"),
        ("destAmount", None, "priceRoute.destAmount is missing"),
        ("gasCost", "1e5", "priceRoute.gasCost"),
    ],
)
def test_price__with_one_field_changed__is_refused_by_its_name(
    api: VeloraApi, venue: VeloraVenue, name: str, value: Any, words: str
) -> None:
    api.bend_price = lambda route: route.update({name: value})
    with pytest.raises(VenueError, match=words):
        asked(venue)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", SOMEBODY),
        ("to", SOMEBODY),
        ("chainId", 137),
        ("value", "1"),
        ("value", "0x1"),
        ("data", "0x"),
        ("data", "no hex"),
        ("data", None),
    ],
)
def test_transaction__with_one_field_changed__is_refused_by_its_name(
    api: VeloraApi, venue: VeloraVenue, name: str, value: Any
) -> None:
    api.bend_transaction = lambda transaction: transaction.update({name: value})
    with pytest.raises(VenueError, match=f"answer.{name}"):
        asked(venue)


# What its calldata says


@pytest.mark.parametrize("direct", (False, True), ids=("generic", "uniswap v3"))
@pytest.mark.parametrize(
    "change",
    [
        ("token_in", DAI.address, "token_in"),
        ("token_out", DAI.address, "token_out"),
        ("amount", SOLD + 1, "amount_in"),
        ("receiver", SOMEBODY, "receiver"),
        ("least", FLOOR, "least_out"),
        ("least", 0, "least_out"),
        ("quoted", 1, "least_out"),
        ("permit", b"signed", "extras: a permit"),
        ("partner_and_fee", 30, "extras: fee bits 0x1e"),
        ("partner_and_fee", 1 << 95, "extras: fee bits"),
        ("partner_and_fee", int(SOMEBODY, 16) << 96 | 100, "extras: a fee of 100 bp"),
        ("partner_and_fee", int(SOMEBODY, 16) << 96 | CAPPED, "for the partner 0x"),
    ],
)
def test_calldata__with_one_field_changed__breaks_the_rule_of_it(
    api: VeloraApi, venue: VeloraVenue, direct: bool, change: tuple[str, Any, str]
) -> None:
    name, value, words = change
    api.direct = (lambda sell, amount, buy: PAYS) if direct else None
    api.bend_sale = lambda sale: setattr(sale, name, value)
    assert words in breaches(asked(venue), ROUTER)


@pytest.mark.parametrize("receiver", (NOBODY, WALLET))
@pytest.mark.parametrize("partner_and_fee", (0, CAPPED))
def test_calldata__for_the_sender_or_for_the_wallet__is_for_us(
    api: VeloraApi, venue: VeloraVenue, receiver: str, partner_and_fee: int
) -> None:
    def ours(sale: Sale) -> None:
        sale.receiver, sale.partner_and_fee = receiver, partner_and_fee

    api.bend_sale = ours
    assert breaches(asked(venue), ROUTER) == ""


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("7f457675") + bytes(200),  # swapExactAmountOut: sells up to
        GENERIC.selector,
        GENERIC.selector + bytes(64),
    ],
    ids=("another function", "no arguments", "cut off"),
)
def test_calldata__that_cannot_be_read__is_refused(data: bytes) -> None:
    with pytest.raises(VenueError, match="its calldata"):
        terms_of(data, Address(WALLET))


def test_calldata__with_bytes_behind_the_end__is_refused(api: VeloraApi, venue: VeloraVenue) -> None:
    api.bend_transaction = lambda transaction: transaction.update({"data": transaction["data"] + "00" * 32})
    with pytest.raises(VenueError, match="is not encoded as the ABI has it"):
        asked(venue)


def test_price__written_again_by_a_library__is_not_taken(api: VeloraApi, server: VenueServer) -> None:
    """What the server's test of verbatim bytes is worth."""
    http = VenueHttp(server.url, Manners(0.0))
    end = time.monotonic() + 2
    asked(a_venue(server))
    price = http.get("/prices", dict(server.asked[0].query), end)
    with pytest.raises(VenueError, match="Invalid priceRoute"):
        http.post("/transactions/1", json.dumps({"priceRoute": price.body["priceRoute"]}), end)
