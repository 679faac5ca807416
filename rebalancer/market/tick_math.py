"""Uniswap V3 ticks to square-root prices and back, bit for bit as TickMath of v3-core.

A tick i stands for the price 1.0001^i of token0 in token1 (base units); a sqrt price is its root in Q64.96.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

MIN_TICK = -887272
MAX_TICK = 887272
MIN_SQRT_RATIO = 4295128739
"""sqrt_ratio_at_tick(MIN_TICK)"""
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342
"""sqrt_ratio_at_tick(MAX_TICK): a pool's price stays below it."""

_ONE = 1 << 128
_WORKING_BITS = 512  # squaring twenty times loses about twenty bits of these
_LOG_BITS = 16


def _factors() -> tuple[int, ...]:
    """1.0001^(-2^k / 2) in Q128 for bit k of a tick, each rounded to the nearest, as the contract holds them."""
    factors = []
    power = isqrt((10_000 << (2 * _WORKING_BITS)) // 10_001)
    for _ in range(20):
        factors.append((power + (1 << (_WORKING_BITS - 129))) >> (_WORKING_BITS - 128))
        power = power * power >> _WORKING_BITS
    return tuple(factors)


_FACTORS = _factors()


@lru_cache(maxsize=1 << 16)
def sqrt_ratio_at_tick(tick: int) -> int:
    """sqrt(1.0001^tick) in Q64.96, rounded up. TickMath.getSqrtRatioAtTick of v3-core. ValueError out of range."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} is out of range: expected {MIN_TICK} to {MAX_TICK}")
    ratio = _ONE
    bits = abs(tick)
    # The product is truncated at each bit, lowest first: the order is part of the result.
    for factor in _FACTORS:
        if bits & 1:
            ratio = ratio * factor >> 128
        bits >>= 1
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return -(-ratio >> 32)


def _log2_down(value: int) -> int:
    """log2(value) with _LOG_BITS fractional bits, rounded down."""
    exponent = value.bit_length() - 1
    mantissa = value << (128 - exponent) if exponent < 128 else value >> (exponent - 128)
    log = exponent
    for _ in range(_LOG_BITS):
        mantissa = mantissa * mantissa >> 128
        carry = mantissa >> 129
        mantissa >>= carry
        log = log << 1 | carry
    return log


_LOG2_OF_Q96 = 96 << _LOG_BITS
_TICKS_PER_LOG2 = 13_863_636_747
"""2 / log2(1.0001) in millionths: a sqrt price doubles every 13,863.6 ticks."""


def tick_at_sqrt_ratio(sqrt_ratio: int) -> int:
    """The greatest tick whose sqrt_ratio_at_tick is not above `sqrt_ratio`. TickMath.getTickAtSqrtRatio of v3-core.

    ValueError outside [MIN_SQRT_RATIO, MAX_SQRT_RATIO).
    """
    if not MIN_SQRT_RATIO <= sqrt_ratio < MAX_SQRT_RATIO:
        raise ValueError(f"sqrt price {sqrt_ratio} is out of range: expected {MIN_SQRT_RATIO} to {MAX_SQRT_RATIO}")
    guess = ((_log2_down(sqrt_ratio) - _LOG2_OF_Q96) * _TICKS_PER_LOG2 // 1_000_000) >> _LOG_BITS
    tick = min(max(guess, MIN_TICK), MAX_TICK - 1)
    # The guess is within a tick; the two walks make the definition hold whatever it is.
    while sqrt_ratio_at_tick(tick) > sqrt_ratio:
        tick -= 1
    while sqrt_ratio_at_tick(tick + 1) <= sqrt_ratio:
        tick += 1
    return tick
