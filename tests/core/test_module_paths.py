"""Quotes in the module's words, and what it has no words for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import ATTACKER, LINK, ROUTER, USDC, WBTC, WETH, usd, v2_pool, v3_pool
from small_module import HUB, POLICY_ON_CHAIN

from rebalancer.core.model import Breach, Call, ModuleSwap, Quote, Trade
from rebalancer.core.model.module import ModuleCall
from rebalancer.core.module_swaps import module_call
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Hop, Route
from rebalancer.units import Address, Amount, Token

HUB_TOKEN = Token("HUB", HUB, 18)
LONG = (WETH, HUB_TOKEN, USDC, LINK)
STRANGER = Token("DOGE", Address("0xd000000000000000000000000000000000000000"), 18)


def v3(a: Token, b: Token, fee: int) -> Pool:
    """A pool of no depth: only what it trades matters here."""
    return replace(v3_pool(USDC, WETH, 500, 1_000), token0=a, token1=b, fee=fee)


def v2(a: Token, b: Token) -> Pool:
    return replace(v2_pool(USDC, WETH, 1_000), token0=a, token1=b)


def quote_over(way: tuple[Token, ...], *pools: Pool) -> Quote:
    """Sell one whole WETH along `way` for at least what is at its end."""
    hops = tuple(Hop(pool, a, b) for pool, a, b in zip(pools, way, way[1:], strict=False))
    trade = Trade(Amount(way[0], 10**18), way[-1], usd(2_000), Amount(way[-1], 1_990))
    return Quote("uniswap", trade, trade.floor, ROUTER, Call(ROUTER, b""), 0, Route(hops))


DIRECT = quote_over((WETH, USDC), v3(WETH, USDC, 500))


@pytest.mark.parametrize(
    ("quote", "out", "path"),
    [
        (DIRECT, 1, 3 | 1 << 8 | 500 << 16),
        (quote_over((WETH, WBTC, USDC), v3(WETH, WBTC, 3_000), v3(WBTC, USDC, 100)), 1, 0x64_02000BB8_0203),
        (quote_over((WETH, HUB_TOKEN, LINK), v2(WETH, HUB_TOKEN), v2(HUB_TOKEN, LINK)), 3, 2 | 2 << 8 | 16 << 40),
        (
            quote_over(LONG, v3(*LONG[:2], 1), v3(*LONG[1:3], 2), v3(*LONG[2:], 3)),
            3,
            3 | 3 << 8 | 1 << 16 | 16 << 40 | 2 << 48 | 1 << 72 | 3 << 80,
        ),
    ],
)  # fmt: skip
def test_module_call__of_a_route_that_is_known__has_its_word(quote: Quote, out: int, path: int) -> None:
    assert module_call((quote,), POLICY_ON_CHAIN) == ModuleCall((ModuleSwap(1, 0, out, 10**18, 1_990, path),))


def test_module_call__of_several_quotes__keep_their_order() -> None:
    other = quote_over((LINK, WBTC), v3(LINK, WBTC, 3_000))
    call = module_call((other, DIRECT), POLICY_ON_CHAIN)
    assert not isinstance(call, Breach)
    assert [(swap.token_in, swap.token_out) for swap in call.swaps] == [(3, 2), (0, 1)]


@pytest.mark.parametrize(
    ("quote", "rule", "said"),
    [
        (replace(DIRECT, route=None), "path", "does not say which pools"),
        (replace(DIRECT, route=Route(())), "path", "does not say which pools"),
        (quote_over((WETH, STRANGER, USDC), v2(WETH, STRANGER), v2(STRANGER, USDC)), "path", "goes over DOGE"),
        (quote_over((WETH, WBTC, USDC), v3(WETH, WBTC, 500), v2(WBTC, USDC)), "path", "mixes pools of V2 and V3"),
        (quote_over((WETH, WBTC, LINK, HUB_TOKEN, USDC), *[v2(WETH, WBTC)] * 4), "path", "has a route of 4 hops"),
        (replace(DIRECT, route=Route(DIRECT.route.hops * 2 if DIRECT.route else ())), "path", "between other tokens"),
        (replace(DIRECT, spender=ATTACKER), "route", f"goes through {ATTACKER}"),
        (quote_over((WETH, STRANGER), v2(WETH, STRANGER)), "tokens", "trades DOGE"),
    ],
)
def test_module_call__of_what_the_module_cannot_say__is_a_breach_of_its_rule(
    quote: Quote, rule: str, said: str
) -> None:
    breach = module_call((DIRECT, quote), POLICY_ON_CHAIN)
    assert isinstance(breach, Breach)
    assert breach.rule == f"RebalanceModule: {rule}" and said in breach.observed
