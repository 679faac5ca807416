"""The oracle's prices of one time in; for each asset a pool against the hub that stands at just that price, out.

A pool is one of Uniswap V3 with the same liquidity at every price, which is x * y = k: `depth` dollars of either token
at the price it stands at. Refilled at each time: what we moved, others have moved back.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isqrt, log2

from rebalancer.core.errors import ConfigError
from rebalancer.market.addresses import checksum_address, keccak256, sort_tokens
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import Address, Ppm, Token, Usd

SPACING = 4_096
"""Ticks: the whole range is two words of the bitmap, so that a swap is one step of the walk, or two."""
_WORDS = all_words(SPACING)
_MOST_LIQUIDITY = (1 << 128) - 1
_PER_LOG2 = 2 / log2(1.0001)
_NEAR = 1e-6
"""Of a tick. Doubles know a tick to 1e-10: nearer to a whole one, integers decide."""


@dataclass(frozen=True, slots=True)
class Place:
    """A pool's two tokens in its order, by their places among the prices, and what is always so of it."""

    address: Address
    token0: Token
    token1: Token
    zero: int
    one: int
    fee: Ppm
    depth: Usd


def places_of(tokens: tuple[Token, ...], hub: int, fees: tuple[Ppm, ...], depths: tuple[Usd, ...]) -> tuple[Place, ...]:
    """One for each token but the hub; `hub` is its place among them. Fees and depths in the order of the tokens."""
    found = []
    for place, token in enumerate(tokens[: len(fees)]):
        if place == hub:
            continue
        first = sort_tokens(token.address, tokens[hub].address)[0] == token.address
        zero, one = (place, hub) if first else (hub, place)
        named = address_of(f"pool {token.address} {tokens[hub].address}")
        found.append(Place(named, tokens[zero], tokens[one], zero, one, fees[place], depths[place]))
    return tuple(found)


def address_of(text: str) -> Address:
    """An address that nobody has, the same for the same text."""
    return checksum_address("0x" + keccak256(text.encode())[12:].hex())


def pool_at(place: Place, usd: tuple[Usd, ...]) -> V3Pool:
    """`usd`: dollars of a whole token, at 1e18. The mid price is the oracle's, to the last bit of a sqrt price."""
    price0, price1 = usd[place.zero], usd[place.one]
    unit0, unit1 = 10**place.token0.decimals, 10**place.token1.decimals
    sqrt_price = isqrt((price0 * unit1 << 192) // (price1 * unit0))
    # depth / price0 of token0, times the root of the price: sqrt(x * y).
    liquidity = place.depth * unit0 * sqrt_price // (price0 << 96)
    if not MIN_SQRT_RATIO < sqrt_price < MAX_SQRT_RATIO - 1 or not 0 < liquidity <= _MOST_LIQUIDITY:
        raise ConfigError(
            f"prices: no pool can hold {place.token0} at {price0 / 1e18:g} USD and {place.token1} at "
            f"{price1 / 1e18:g} USD with {place.depth / 1e18:,.0f} USD on either side; give another depth, or look at "
            "the unit of these prices"
        )
    return V3Pool(
        place.address, place.token0, place.token1, place.fee, SPACING, sqrt_price, _tick_at(sqrt_price), liquidity,
        (), *_WORDS,
    )  # fmt: skip


def _tick_at(sqrt_price: int) -> int:
    """As tick_at_sqrt_ratio, ten times as fast."""
    exact = (log2(sqrt_price) - 96) * _PER_LOG2
    tick = floor(exact)
    return tick if _NEAR < exact - tick < 1 - _NEAR else tick_at_sqrt_ratio(sqrt_price)
