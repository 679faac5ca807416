"""Uniswap V2 pairs: reserves and an amount in, the swap that UniswapV2Library and the pair make of it out.

The reserves are taken to be the pair's balances: tokens that take a fee on transfer are not supported.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.market.swap import NoSwap, Swap
from rebalancer.units import Address, Token

_KEPT, _WHOLE = 997, 1000
FEE_PPM = 3_000
"""Of the input, in millionths: what the two numbers above say."""
_UINT112_MAX = (1 << 112) - 1


@dataclass(frozen=True, slots=True)
class V2Pool:
    """A pair at one block. Reserves in base units."""

    address: Address
    token0: Token
    token1: Token
    reserve0: int
    reserve1: int


def reserves_towards(pool: V2Pool, zero_for_one: bool) -> tuple[int, int]:
    """(reserve of the token that comes in, reserve of the token that goes out)."""
    return (pool.reserve0, pool.reserve1) if zero_for_one else (pool.reserve1, pool.reserve0)


def swap_exact_in(pool: V2Pool, zero_for_one: bool, amount_in: int) -> Swap[V2Pool] | NoSwap:
    """Sell `amount_in`. UniswapV2Library.getAmountOut, then UniswapV2Pair.swap."""
    reserve_in, reserve_out = reserves_towards(pool, zero_for_one)
    if amount_in <= 0:
        return NoSwap(pool.address, "nothing to sell")
    if reserve_in <= 0 or reserve_out <= 0:
        return NoSwap(pool.address, "the pair is empty")
    kept = amount_in * _KEPT
    return _settled(pool, zero_for_one, amount_in, kept * reserve_out // (reserve_in * _WHOLE + kept))


def swap_exact_out(pool: V2Pool, zero_for_one: bool, amount_out: int) -> Swap[V2Pool] | NoSwap:
    """Buy `amount_out`. UniswapV2Library.getAmountIn, then UniswapV2Pair.swap."""
    reserve_in, reserve_out = reserves_towards(pool, zero_for_one)
    if amount_out <= 0:
        return NoSwap(pool.address, "nothing to buy")
    if reserve_in <= 0 or reserve_out <= amount_out:
        return NoSwap(pool.address, f"out of liquidity: {amount_out} wanted, {reserve_out} held")
    # The library adds one unit even where the division leaves no rest.
    amount_in = reserve_in * amount_out * _WHOLE // ((reserve_out - amount_out) * _KEPT) + 1
    return _settled(pool, zero_for_one, amount_in, amount_out)


def _settled(pool: V2Pool, zero_for_one: bool, amount_in: int, amount_out: int) -> Swap[V2Pool] | NoSwap:
    reserve_in, reserve_out = reserves_towards(pool, zero_for_one)
    if amount_out == 0:
        return NoSwap(pool.address, "the pair pays nothing for so little")
    if reserve_in + amount_in > _UINT112_MAX:
        return NoSwap(pool.address, "the pair's reserves would overflow")
    new_in, new_out = reserve_in + amount_in, reserve_out - amount_out
    reserve0, reserve1 = (new_in, new_out) if zero_for_one else (new_out, new_in)
    return Swap(amount_in, amount_out, 0, 0, V2Pool(pool.address, pool.token0, pool.token1, reserve0, reserve1))
