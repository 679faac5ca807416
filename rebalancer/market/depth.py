"""What stands around a V3 pool's price: a pool state, or a tick and a liquidity, in; base units of one token out.

A side's depth is what a trade pays to push the price to its end, the fee not counted. Where the token asked for is
the one that stands on that side, it is what stands there; on the other side it is what the other token fetches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate

from rebalancer.market.swap_math import Q96, amount0_down, amount1_down
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK, sqrt_ratio_at_tick
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import mul_div_down, mul_div_up

REACH = 200
"""Ticks to either side of the price: 2 %, since 1.0001^200 is 1.0202."""
_UINT128 = 1 << 128

_AmountBetween = Callable[[int, int, int], int]
"""Lower and upper sqrt price, and the liquidity between them, in."""


def depth_down(pool: V3Pool, in_token0: bool) -> int:
    """The thinner side within REACH of the pool's price, by its ticks, in base units of token0, or else of token1.

    Beyond the known words nothing is counted.
    """
    price = pool.sqrt_price_x96
    low, high = _reach(price)
    first, last = (pool.word_low << 8) * pool.tick_spacing, (pool.word_high + 1 << 8) * pool.tick_spacing
    low = min(max(low, _root(first)), price)
    high = max(min(high, _root(last)), price)
    amount = _amount_between(in_token0)
    below = [(index, -net) for index, net in reversed(pool.ticks) if index <= pool.tick]
    above = [entry for entry in pool.ticks if entry[0] > pool.tick]
    return min(_side(pool, below, low, amount), _side(pool, above, high, amount))


def flat_depth_down(tick: int, liquidity: int, in_token0: bool) -> int:
    """As `depth_down`, for a price at `tick` and the same liquidity at every price around it."""
    price, amount = sqrt_ratio_at_tick(tick), _amount_between(in_token0)
    low, high = _reach(price)
    return min(amount(low, price, liquidity), amount(price, high, liquidity))


def liquidity_fits(pool: V3Pool) -> bool:
    """Whether the liquidity stays within 128 bits at every known tick, as it does in any pool that can exist."""
    down = accumulate((-net for index, net in reversed(pool.ticks) if index <= pool.tick), initial=pool.liquidity)
    up = accumulate((net for index, net in pool.ticks if index > pool.tick), initial=pool.liquidity)
    return all(0 <= liquidity < _UINT128 for side in (down, up) for liquidity in side)


def _side(pool: V3Pool, ticks: Iterable[tuple[int, int]], limit: int, amount: _AmountBetween) -> int:
    """From the pool's price to `limit`; `ticks` (index, what crossing it adds) in the order of the walk."""
    price, liquidity, total = pool.sqrt_price_x96, pool.liquidity, 0
    down = limit < price
    for index, gain in ticks:
        root = sqrt_ratio_at_tick(index)
        if root <= limit if down else root >= limit:
            break
        total += amount(min(root, price), max(root, price), liquidity)
        price, liquidity = root, liquidity + gain
    return total + amount(min(limit, price), max(limit, price), liquidity)


def _amount_between(in_token0: bool) -> _AmountBetween:
    return amount0_down if in_token0 else amount1_down


def _reach(price: int) -> tuple[int, int]:
    """The sqrt prices REACH below and above, the range rounded inwards."""
    step = sqrt_ratio_at_tick(REACH)
    low, high = mul_div_up(price, Q96, step), mul_div_down(price, step, Q96)
    return max(low, MIN_SQRT_RATIO), min(high, MAX_SQRT_RATIO)


def _root(tick: int) -> int:
    return sqrt_ratio_at_tick(min(max(tick, MIN_TICK), MAX_TICK))
