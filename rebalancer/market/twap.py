"""Time-weighted prices of a Uniswap V3 pool: two readings of `observe` in, mean tick, quote and liquidity out."""

from __future__ import annotations

from rebalancer.market.tick_math import sqrt_ratio_at_tick
from rebalancer.units import mul_div_down

_UINT128_MAX = (1 << 128) - 1
_UINT160_MAX = (1 << 160) - 1


def mean_tick_down(tick_cumulative_then: int, tick_cumulative_now: int, window: int) -> int:
    """The mean tick over `window` seconds, towards minus infinity. OracleLibrary.consult of v3-periphery."""
    return (tick_cumulative_now - tick_cumulative_then) // window


def quote_at_tick_down(tick: int, amount_in: int, zero_for_one: bool) -> int:
    """What `amount_in` base units are worth at `tick`, rounded down. OracleLibrary.getQuoteAtTick of v3-periphery."""
    root = sqrt_ratio_at_tick(tick)
    # The library squares a large root in fewer bits, and the rounding shows in the result.
    bits = 192 if root <= _UINT128_MAX else 128
    ratio = root * root >> (192 - bits)
    return mul_div_down(ratio, amount_in, 1 << bits) if zero_for_one else mul_div_down(1 << bits, amount_in, ratio)


def twap_amount_out_down(
    tick_cumulative_then: int, tick_cumulative_now: int, window: int, amount_in: int, zero_for_one: bool
) -> int:
    """What `amount_in` base units are worth at the mean tick of the last `window` seconds, without fee and impact.

    The tick is rounded towards minus infinity as the library does, so the value of token1 may stand up to one
    tick (1 bp) too high.
    """
    tick = mean_tick_down(tick_cumulative_then, tick_cumulative_now, window)
    return quote_at_tick_down(tick, amount_in, zero_for_one)


def harmonic_mean_liquidity_down(then: int, now: int, window: int) -> int:
    """The harmonic mean of liquidity in range over `window` seconds. OracleLibrary.consult of v3-periphery.

    `then` and `now` are secondsPerLiquidityCumulativeX128, which wraps at 160 bits. ValueError where they are
    equal: no liquidity gives a mean of that kind.
    """
    delta = (now - then) & _UINT160_MAX
    if delta == 0:
        raise ValueError("the seconds per liquidity did not grow: expected two readings, the first one earlier")
    return window * _UINT160_MAX // (delta << 32)
