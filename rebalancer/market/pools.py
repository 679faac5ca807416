"""Pools of either kind behind one set of questions: swap, mid price, the other token.

Tokens are told apart by address. Asking a pool about a token it does not hold is a programming error.
"""

from __future__ import annotations

from rebalancer.market import uniswap_v2, uniswap_v3
from rebalancer.market.swap import NeedTicks, NoSwap, Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Token, mul_div_down

Pool = V2Pool | V3Pool


def holds(pool: Pool, token: Token) -> bool:
    """Whether `token` is one of the pool's two."""
    return token.address in (pool.token0.address, pool.token1.address)


def is_zero_for_one(pool: Pool, token_in: Token) -> bool:
    """Whether selling `token_in` sells token0. ValueError if the pool does not hold it."""
    if not holds(pool, token_in):
        raise ValueError(f"pool {pool.address} holds {pool.token0} and {pool.token1}, not {token_in}")
    return token_in.address == pool.token0.address


def other_token(pool: Pool, token: Token) -> Token:
    """The token on the other side."""
    return pool.token1 if is_zero_for_one(pool, token) else pool.token0


def swap_exact_in(pool: Pool, token_in: Token, amount_in: int) -> Swap[Pool] | NeedTicks | NoSwap:
    """Sell `amount_in` base units of `token_in`. See the pool's own module for what the chain does at the edges."""
    zero_for_one = is_zero_for_one(pool, token_in)
    match pool:
        case V2Pool():
            return uniswap_v2.swap_exact_in(pool, zero_for_one, amount_in)
        case V3Pool():
            return uniswap_v3.swap_exact_in(pool, zero_for_one, amount_in)


def swap_exact_out(pool: Pool, token_in: Token, amount_out: int) -> Swap[Pool] | NeedTicks | NoSwap:
    """Buy `amount_out` base units of the other token with `token_in`."""
    zero_for_one = is_zero_for_one(pool, token_in)
    match pool:
        case V2Pool():
            return uniswap_v2.swap_exact_out(pool, zero_for_one, amount_out)
        case V3Pool():
            return uniswap_v3.swap_exact_out(pool, zero_for_one, amount_out)


def mid_ratio(pool: Pool, token_in: Token) -> tuple[int, int] | None:
    """(numerator, denominator) of the mid price: base units of the other token per base unit of `token_in`.

    Exact, without fee and impact. None for a pool that has no price: a pair that holds nothing, a V3 pool that was
    never initialised, or one without liquidity in range, where anybody moves the price for nothing but gas.
    """
    token0_worth = token0_ratio(pool)
    return token0_worth if is_zero_for_one(pool, token_in) or token0_worth is None else token0_worth[::-1]


def token0_ratio(pool: Pool) -> tuple[int, int] | None:
    """`mid_ratio` of token0."""
    match pool:
        case V2Pool(reserve0=reserve0, reserve1=reserve1):
            return (reserve1, reserve0) if reserve0 and reserve1 else None
        case V3Pool(sqrt_price_x96=root, liquidity=liquidity):
            return (root * root, 1 << 192) if root and liquidity else None


def has_price(pool: Pool) -> bool:
    """Whether the pool says what its tokens are worth."""
    return token0_ratio(pool) is not None


def spot_out_down(pool: Pool, token_in: Token, amount_in: int) -> int | None:
    """What `amount_in` is worth at the mid price, without fee and impact, rounded down. None: the pool has no price."""
    ratio = mid_ratio(pool, token_in)
    return None if ratio is None else mul_div_down(amount_in, *ratio)
