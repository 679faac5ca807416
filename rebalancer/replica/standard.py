"""The pools that the replica has without a state file: prices go in, states in line with them come out.

Deep and thin ones, two fee tiers and more, direct ways and ways over a hub, and several ranges in each V3
pool so that swaps cross ticks. The figures are round and our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Literal

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.market.addresses import sort_tokens, v2_pair_address, v3_pool_address
from rebalancer.market.tick_math import MAX_TICK, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v3 import TICK_SPACINGS
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.replica.pools import Pool, PoolState, V2State, V3State, make_v3_state
from rebalancer.units import BPS, Token, mul_div_down

Prices = Mapping[str, int]
"""Dollars for one whole token, by symbol, at 8 decimals, as feeds give them."""

DOLLAR = 10**8
PRICES: Prices = {
    "WETH": 3_000 * DOLLAR,
    "WBTC": 60_000 * DOLLAR,
    "USDC": DOLLAR,
    "USDT": DOLLAR,
    "DAI": DOLLAR,
    "LINK": 15 * DOLLAR,
    "UNI": 8 * DOLLAR,
}

V2_FEE = 3_000
"""Millionths: the fee of every V2 pair."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A pool to make: dollars of liquidity in it, and how far its price is off the feeds."""

    kind: Literal["v2", "v3"]
    symbols: tuple[str, str]
    fee: int
    dollars: int
    off_bps: int = 0


SPECS = (
    Spec("v3", ("USDC", "WETH"), 500, 120_000_000, 1),
    Spec("v3", ("USDC", "WETH"), 3000, 60_000_000, -3),
    Spec("v3", ("USDT", "WETH"), 500, 30_000_000, 2),
    Spec("v3", ("USDT", "WETH"), 3000, 50_000_000, -2),
    Spec("v3", ("DAI", "WETH"), 500, 3_000_000, -1),
    Spec("v3", ("DAI", "WETH"), 3000, 8_000_000, 3),
    Spec("v3", ("WBTC", "WETH"), 500, 60_000_000, 1),
    Spec("v3", ("WBTC", "WETH"), 3000, 90_000_000, -2),
    Spec("v3", ("WBTC", "USDC"), 3000, 30_000_000, 2),
    Spec("v3", ("WBTC", "USDT"), 3000, 20_000_000, -3),
    Spec("v3", ("LINK", "WETH"), 500, 400_000, 4),
    Spec("v3", ("LINK", "WETH"), 3000, 20_000_000, -1),
    Spec("v3", ("LINK", "USDC"), 3000, 600_000, 3),
    Spec("v3", ("UNI", "WETH"), 500, 250_000, -4),
    Spec("v3", ("UNI", "WETH"), 3000, 15_000_000, 2),
    Spec("v3", ("UNI", "USDC"), 3000, 300_000, -3),
    Spec("v3", ("USDC", "USDT"), 100, 40_000_000),
    Spec("v3", ("USDC", "USDT"), 500, 10_000_000, 1),
    Spec("v3", ("DAI", "USDC"), 100, 30_000_000),
    Spec("v3", ("DAI", "USDC"), 500, 5_000_000, -1),
    Spec("v2", ("USDC", "WETH"), V2_FEE, 100_000_000, 2),
    Spec("v2", ("USDT", "WETH"), V2_FEE, 80_000_000, -3),
    Spec("v2", ("DAI", "WETH"), V2_FEE, 10_000_000, 3),
    Spec("v2", ("WBTC", "WETH"), V2_FEE, 12_000_000, -2),
    Spec("v2", ("LINK", "WETH"), V2_FEE, 6_000_000, 4),
    Spec("v2", ("UNI", "WETH"), V2_FEE, 4_000_000, -4),
    Spec("v2", ("USDC", "USDT"), V2_FEE, 1_000_000, 1),
    Spec("v2", ("LINK", "USDC"), V2_FEE, 50_000, -5),
)

SHAPE = (
    # (ticks below, ticks above) in spacings of the pool, share of its dollars in basis points.
    ((2, 3), 1_500),
    ((10, 10), 2_500),
    ((15, 4), 1_000),
    ((5, 25), 1_000),
    ((50, 50), 2_000),
    ((200, 200), 1_000),
)
WIDE_SHARE = 1_000
"""Basis points of a pool's dollars that cover every price."""

TICKS_PER_E = 20_000
"""So many ticks move the square root of the price by about the factor e."""


def standard_states(prices: Prices = PRICES) -> tuple[PoolState, ...]:
    """The states of all standard pools, at `prices` and each a few basis points off them."""
    return tuple(_v3_state(spec, prices) if spec.kind == "v3" else _v2_state(spec, prices) for spec in SPECS)


def make_pool(kind: Literal["v2", "v3"], a: Token, b: Token, fee: int) -> Pool:
    """The pool of two tokens, at the address that mainnet's factory gives it."""
    first, _ = sort_tokens(a.address, b.address)
    token0, token1 = (a, b) if a.address == first else (b, a)
    if kind == "v3":
        address = v3_pool_address(MAINNET.uniswap_v3_factory, a.address, b.address, fee)
    else:
        address = v2_pair_address(MAINNET.uniswap_v2_factory, a.address, b.address)
    return Pool(kind, token0, token1, fee, address)


def _amounts(spec: Spec, prices: Prices) -> tuple[Pool, int, int]:
    """The pool with base units of token0 and token1 that are worth half of its dollars each."""
    a, b = (LISTINGS[symbol].token for symbol in spec.symbols)
    pool = make_pool(spec.kind, a, b, spec.fee)
    half = spec.dollars * DOLLAR // 2
    amount0 = mul_div_down(half, 10**pool.token0.decimals, prices[pool.token0.symbol])
    amount1 = mul_div_down(half, 10**pool.token1.decimals, prices[pool.token1.symbol])
    return pool, amount0, mul_div_down(amount1, BPS + spec.off_bps, BPS)


def _v2_state(spec: Spec, prices: Prices) -> V2State:
    return V2State(*_amounts(spec, prices))


def _v3_state(spec: Spec, prices: Prices) -> V3State:
    pool, amount0, amount1 = _amounts(spec, prices)
    sqrt_price = isqrt((amount1 << 192) // amount0)
    spacing = TICK_SPACINGS[pool.fee]
    centre = tick_at_sqrt_ratio(sqrt_price) // spacing * spacing
    whole = isqrt(amount0 * amount1)
    edge = MAX_TICK // spacing * spacing
    ranges = [(-edge, edge, whole * WIDE_SHARE // BPS)]
    for (below, above), share in SHAPE:
        half_width = (below + above) * spacing // 2
        # Liquidity per dollar grows as the range narrows; near enough 1 + e/width (a full range has 1).
        liquidity = whole * share * (half_width + TICKS_PER_E) // (BPS * half_width)
        ranges.append((centre - below * spacing, centre + above * spacing, liquidity))
    return make_v3_state(pool, sqrt_price, ranges)
