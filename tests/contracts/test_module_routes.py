"""Routes of the keeper, put into the module's words, and sent through Uniswap's own router over real pools."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode
from given_module import (
    FEEDS,
    LISTINGS,
    SYMBOLS,
    Module,
    deploy_module,
    policy_of,
    v2_path,
    v3_path,
    with_limits,
)

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.model import Call, ModuleSwap, Quote, Trade
from rebalancer.core.model.module import ModuleCall
from rebalancer.core.module_swaps import module_call
from rebalancer.core.price import Feed, FeedAnswer, FeedPrice, feed_price
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Hop, Route
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import TICK_SPACINGS, V3Pool
from rebalancer.replica.chain import Replica
from rebalancer.units import Amount, Price, Usd

SOLD = 5 * 10**17
ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")
V2_FEE = 3_000


def pool_of(replica: Replica, kind: str, symbols: tuple[str, str], fee: int) -> Pool:
    found = replica.pool(*symbols, fee, kind)
    if kind == "v2":
        return V2Pool(found.address, found.token0, found.token1, 0, 0)
    return V3Pool(found.address, found.token0, found.token1, fee, TICK_SPACINGS[fee], 0, 0, 0, (), 0, 0)


def quote_of(replica: Replica, module: Module, way: tuple[str, ...], kind: str, fees: tuple[int, ...]) -> Quote:
    """Sell half a WETH along `way`, for what the module asks for at least."""
    pairs = zip(way, way[1:], strict=False)
    hops = tuple(
        Hop(pool_of(replica, kind, (a, b), fee), LISTINGS[a].token, LISTINGS[b].token)
        for (a, b), fee in zip(pairs, fees, strict=True)
    )
    places = SYMBOLS.index(way[0]), SYMBOLS.index(way[-1])
    least = int(replica.read(module.address, "min_out(uint256,uint256,uint256)", *places, SOLD)[0])
    sell, floor = Amount(LISTINGS[way[0]].token, SOLD), Amount(LISTINGS[way[-1]].token, least)
    trade = Trade(sell, floor.token, Usd(0), floor)
    return Quote("uniswap", trade, floor, MAINNET.swap_router_02, Call(MAINNET.swap_router_02, b""), 0, Route(hops))


def price_of(replica: Replica, symbol: str) -> Price:
    """As the keeper makes it, at the newest block."""
    feeds = tuple(Feed(FEEDS[name].address, 8, FEEDS[name].heartbeat, 600) for name in LISTINGS[symbol].feeds)
    rounds = [replica.read(feed.address, "latestRoundData()", returns=ROUND) for feed in feeds]
    answers = tuple(FeedAnswer(feed, r[1], r[3], r[0]) for feed, r in zip(feeds, rounds, strict=True))
    return feed_price(FeedPrice(LISTINGS[symbol].token, feeds), answers, replica.now())


def books_of(receipt: dict[str, Any], module: Module) -> tuple[int, ...]:
    """Of each asset price << 128 | balance, as the module's event has it."""
    (log,) = (log for log in receipt["logs"] if log["address"].lower() == module.address.lower())
    numbers = ("uint256[]", *["uint256"] * 6)
    return tuple(decode(numbers, bytes.fromhex(log["data"][2:]))[0])


@pytest.mark.parametrize(
    ("way", "kind", "fees", "path"),
    [
        (("WETH", "LINK"), "v3", (3_000,), v3_path((3_000, 0))),
        (("WETH", "USDT", "USDC"), "v3", (500, 100), v3_path((500, 16), (100, 0))),
        (("WETH", "DAI", "USDC", "LINK"), "v3", (500, 100, 3_000), v3_path((500, 17), (100, 2), (3_000, 0))),
        (("WETH", "USDC"), "v2", (V2_FEE,), v2_path()),
        (("WETH", "USDT", "USDC"), "v2", (V2_FEE, V2_FEE), v2_path(16)),
    ],
)
def test_module_call__of_a_route_over_real_pools__the_module_makes_the_trade(
    replica: Replica, way: tuple[str, ...], kind: str, fees: tuple[int, ...], path: int
) -> None:
    # Two hops of V2 keep 0.6 %.
    safe = replica.create_safe([replica.actor("owner").address])
    module = deploy_module(replica, with_limits(policy_of(safe), max_shortfall=20_000))
    replica.deal("WETH", module.safe, 100 * 10**18)
    quote = quote_of(replica, module, way, kind, fees)
    call = module_call((quote,), module.policy)
    assert call == ModuleCall((ModuleSwap(0, 0, SYMBOLS.index(way[-1]), SOLD, quote.trade.floor.raw, path),))
    receipt = module.rebalance(call.swaps)
    assert replica.balance("WETH", module.safe) == 100 * 10**18 - SOLD
    # The router was paid just that, and keeps nothing, and may take nothing.
    router = MAINNET.swap_router_02
    weth = LISTINGS["WETH"].token.address
    assert replica.balance("WETH", router) == replica.balance(way[-1], router) == 0
    assert replica.read(weth, "allowance(address,address)", module.safe, router)[0] == 0
    assert replica.balance(way[-1], module.safe) >= quote.trade.floor.raw
    # Its prices are ours, to the integer.
    assert [book >> 128 for book in books_of(receipt, module)] == [price_of(replica, s).usd for s in SYMBOLS]
