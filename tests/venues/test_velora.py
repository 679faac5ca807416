"""Velora: its answers become swaps that settle, or refusals in words; what its calldata says is read by us."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from given_bends import argument, bends, both
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
from velora_server import FEE, GENERIC, VeloraApi

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.calldata import Function
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.velora import ROUTER, VeloraVenue, terms_of
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Terms
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

QUOTER = Function("quoteExactInputSingle", ("(address,address,uint256,uint24,uint160)",))
VENUE = "velora"
LIFE = 30
METHODS = "swapExactAmountIn,swapExactAmountInOnUniswapV2,swapExactAmountInOnUniswapV3"


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
    with VenueServer(VeloraApi(world.best)) as server:
        bends(server, both(argument("velora", (1, 4), trade.floor.raw + 1), argument("velora", (2,), 0)))
        quote = asked(a_venue(server), world.request(trade))
    assert isinstance(quote.terms, Terms)
    assert quote.terms.least_out == trade.floor.raw
    assert world.settle(quote).landed["WETH"] == trade.floor.raw


def test_minimum__that_is_not_reached__reverts_in_the_simulation(world: VenueWorld) -> None:
    trade = world.trade("USDC", 20_000 * 10**6, "WETH")
    with VenueServer(VeloraApi(world.best)) as server:
        bends(server, argument("velora", (1, 3), lambda _, least: 2 * least))
        quote = asked(a_venue(server), world.request(trade))
    assert "AugustusRouter: InsufficientReturnAmount" in (world.why_reverted(quote) or "")


def test_batch__after_its_deadline__reverts_though_the_router_knows_of_none(world: VenueWorld) -> None:
    with VenueServer(VeloraApi(world.best)) as server:
        quote = asked(a_venue(server), world.request(world.trade("USDC", 20_000 * 10**6, "WETH")))
    assert world.why_reverted(quote) is None
    assert world.why_reverted(quote, seconds=-1) == "deadline: Transaction too old"


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


def test_chain__that_it_is_not_on__is_refused(server: VenueServer) -> None:
    with pytest.raises(VenueError, match="Unsupported chain"):
        asked(a_venue(server, chain=999))


# What its calldata says


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
