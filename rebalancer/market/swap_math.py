"""One step of a Uniswap V3 swap inside one tick range: prices and liquidity in, next price and amounts out.

Sqrt prices are Q64.96, liquidity is the pool's L, amounts are base units, fees are millionths. Every
rounding is the contract's, which favours the pool.
"""

from __future__ import annotations

from typing import NamedTuple

from rebalancer.units import mul_div_down, mul_div_up

Q96 = 1 << 96
FEE_UNIT = 1_000_000
"""A whole, in the unit of a pool's fee."""
_UINT256 = 1 << 256


class Step(NamedTuple):
    """What one step did. `amount_in` is without the fee. A tuple because quotes make many of them."""

    sqrt_price: int
    amount_in: int
    amount_out: int
    fee: int


def amount0_down(lower: int, upper: int, liquidity: int) -> int:
    """Token0 between two sqrt prices, rounded down. SqrtPriceMath.getAmount0Delta of v3-core."""
    return mul_div_down(liquidity << 96, upper - lower, upper) // lower


def amount0_up(lower: int, upper: int, liquidity: int) -> int:
    """Token0 between two sqrt prices, rounded up twice. SqrtPriceMath.getAmount0Delta of v3-core."""
    return -(-mul_div_up(liquidity << 96, upper - lower, upper) // lower)


def amount1_down(lower: int, upper: int, liquidity: int) -> int:
    """Token1 between two sqrt prices, rounded down. SqrtPriceMath.getAmount1Delta of v3-core."""
    return liquidity * (upper - lower) >> 96


def amount1_up(lower: int, upper: int, liquidity: int) -> int:
    """Token1 between two sqrt prices, rounded up. SqrtPriceMath.getAmount1Delta of v3-core."""
    return mul_div_up(liquidity, upper - lower, Q96)


def price_after_token0_in_up(sqrt_price: int, liquidity: int, amount: int) -> int:
    """The price after `amount` of token0 came in. SqrtPriceMath.getNextSqrtPriceFromAmount0RoundingUp, add."""
    if amount == 0:
        return sqrt_price
    scaled = liquidity << 96
    product = amount * sqrt_price
    # Where 256 bits are not enough the contract takes a coarser formula, with another result.
    if scaled + product < _UINT256:
        return mul_div_up(scaled, sqrt_price, scaled + product)
    return -(-scaled // (scaled // sqrt_price + amount))


def price_after_token0_out_up(sqrt_price: int, liquidity: int, amount: int) -> int:
    """The price after `amount` of token0, less than the range holds, went out. As above, remove."""
    scaled = liquidity << 96
    return mul_div_up(scaled, sqrt_price, scaled - amount * sqrt_price)


def price_after_token1_in_down(sqrt_price: int, liquidity: int, amount: int) -> int:
    """The price after `amount` of token1 came in. SqrtPriceMath.getNextSqrtPriceFromAmount1RoundingDown, add."""
    return sqrt_price + (amount << 96) // liquidity


def price_after_token1_out_down(sqrt_price: int, liquidity: int, amount: int) -> int:
    """The price after `amount` of token1, less than the range holds, went out. As above, remove."""
    return sqrt_price - mul_div_up(amount, Q96, liquidity)


def step_exact_in(sqrt_price: int, target: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Spend up to `remaining`, fee included, moving the price no further than `target`.

    SwapMath.computeSwapStep of v3-core with a positive amount.
    """
    down = sqrt_price >= target
    spendable = remaining * (FEE_UNIT - fee) // FEE_UNIT
    to_target = amount0_up(target, sqrt_price, liquidity) if down else amount1_up(sqrt_price, target, liquidity)
    if spendable >= to_target:
        reached, amount_in = target, to_target
    elif down:
        reached = price_after_token0_in_up(sqrt_price, liquidity, spendable)
        amount_in = amount0_up(reached, sqrt_price, liquidity)
    else:
        reached = price_after_token1_in_down(sqrt_price, liquidity, spendable)
        amount_in = amount1_up(sqrt_price, reached, liquidity)
    amount_out = amount1_down(reached, sqrt_price, liquidity) if down else amount0_down(sqrt_price, reached, liquidity)
    # Short of the target, all that is left over belongs to the pool as fee.
    paid = remaining - amount_in if reached != target else mul_div_up(amount_in, fee, FEE_UNIT - fee)
    return Step(reached, amount_in, amount_out, paid)


def step_exact_out(sqrt_price: int, target: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Buy up to `remaining`, moving the price no further than `target`.

    SwapMath.computeSwapStep of v3-core with a negative amount.
    """
    down = sqrt_price >= target
    to_target = amount1_down(target, sqrt_price, liquidity) if down else amount0_down(sqrt_price, target, liquidity)
    if remaining >= to_target:
        reached, amount_out = target, to_target
    elif down:
        reached = price_after_token1_out_down(sqrt_price, liquidity, remaining)
        amount_out = min(amount1_down(reached, sqrt_price, liquidity), remaining)
    else:
        reached = price_after_token0_out_up(sqrt_price, liquidity, remaining)
        amount_out = min(amount0_down(sqrt_price, reached, liquidity), remaining)
    amount_in = amount0_up(reached, sqrt_price, liquidity) if down else amount1_up(sqrt_price, reached, liquidity)
    return Step(reached, amount_in, amount_out, mul_div_up(amount_in, fee, FEE_UNIT - fee))
