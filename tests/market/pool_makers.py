"""Made-up pools for the market tests: a price and positions in, a consistent pool state out."""

from __future__ import annotations

from itertools import accumulate
from math import isqrt

from rebalancer.market.tick_math import MAX_TICK, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import Address, Token

Q96 = 1 << 96


def made_token(symbol: str, number: int) -> Token:
    return Token(symbol, Address(f"0x{number:040x}"), 18)


A, B, C, D = (made_token(symbol, number) for symbol, number in (("A", 0xA), ("B", 0xB), ("C", 0xC), ("D", 0xD)))


def made_v2(reserve0: int, reserve1: int, tokens: tuple[Token, Token] = (A, B), number: int = 1) -> V2Pool:
    return V2Pool(Address(f"0x{number:040x}"), *tokens, reserve0, reserve1)


def made_v3(
    positions: list[tuple[int, int, int]],
    sqrt_price: int = Q96,
    fee_and_spacing: tuple[int, int] = (3000, 60),
    tokens: tuple[Token, Token] = (A, B),
    number: int = 1,
) -> V3Pool:
    """A pool with positions (lower tick, upper tick, liquidity), known over its whole range."""
    fee, spacing = fee_and_spacing
    nets: dict[int, int] = {}
    for lower, upper, liquidity in positions:
        nets[lower] = nets.get(lower, 0) + liquidity
        nets[upper] = nets.get(upper, 0) - liquidity
    tick = tick_at_sqrt_ratio(sqrt_price)
    active = sum(net for index, net in nets.items() if index <= tick)
    ticks = tuple(sorted(nets.items()))
    return V3Pool(
        Address(f"0x{number:040x}"), *tokens, fee, spacing, sqrt_price, tick, active, ticks, *all_words(spacing)
    )


def full_range(liquidity: int, spacing: int = 60) -> tuple[int, int, int]:
    edge = MAX_TICK // spacing * spacing
    return -edge, edge, liquidity


def window(pool: V3Pool, word_low: int, word_high: int) -> V3Pool:
    """The pool with all ticks outside of these words forgotten."""
    ticks = words_of(pool, word_low, word_high)
    return V3Pool(
        pool.address, pool.token0, pool.token1, pool.fee, pool.tick_spacing, pool.sqrt_price_x96, pool.tick,
        pool.liquidity, ticks, word_low, word_high,
    )  # fmt: skip


def words_of(pool: V3Pool, word_low: int, word_high: int) -> tuple[tuple[int, int], ...]:
    """The ticks that a reader of these words would find."""
    return tuple(t for t in pool.ticks if word_low <= t[0] // pool.tick_spacing >> 8 <= word_high)


def active_liquidity(pool: V3Pool) -> int:
    """The liquidity in range, as the ticks say it."""
    below = [net for index, net in pool.ticks if index <= pool.tick]
    return list(accumulate(below, initial=0))[-1]


def sqrt_x96(numerator: int, denominator: int = 1) -> int:
    return isqrt((numerator << 192) // denominator)
