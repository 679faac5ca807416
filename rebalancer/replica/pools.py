"""Pools as the replica knows them, and the arithmetic that makes their state whole.

In go ranges or ticks of liquidity and a price; out come the tick, the liquidity in range, and the balances
that a pool must hold so that every swap it quotes can be paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rebalancer.market.tick_math import sqrt_ratio_at_tick, tick_at_sqrt_ratio
from rebalancer.units import Address, Token, mul_div_up

Q96 = 1 << 96


@dataclass(frozen=True, slots=True)
class Pool:
    """A Uniswap pool: its two tokens in the pool's order, its fee in millionths, where it stands."""

    kind: Literal["v2", "v3"]
    token0: Token
    token1: Token
    fee: int
    address: Address


@dataclass(frozen=True, slots=True)
class Tick:
    """An initialized tick: liquidity that refers to it, and what crossing it upwards adds."""

    index: int
    gross: int
    net: int


@dataclass(frozen=True, slots=True)
class V3State:
    """All that a V3 pool needs to trade. `ticks` ascend."""

    pool: Pool
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[Tick, ...]

    def balances_up(self) -> tuple[int, int]:
        """What the positions are worth in token0 and token1, rounded up per range."""
        amount0 = amount1 = liquidity = 0
        for lower, upper in pairwise(self.ticks):
            liquidity += lower.net
            low, high = sqrt_ratio_at_tick(lower.index), sqrt_ratio_at_tick(upper.index)
            split = min(max(self.sqrt_price_x96, low), high)
            amount0 += mul_div_up(liquidity * Q96, high - split, high * split)
            amount1 += mul_div_up(liquidity, split - low, Q96)
        return amount0, amount1


@dataclass(frozen=True, slots=True)
class V2State:
    """The reserves of a V2 pair, in the base units of token0 and token1."""

    pool: Pool
    reserve0: int
    reserve1: int

    def balances_up(self) -> tuple[int, int]:
        """The reserves themselves."""
        return self.reserve0, self.reserve1


PoolState = V3State | V2State


def make_v3_state(pool: Pool, sqrt_price_x96: int, ranges: list[tuple[int, int, int]]) -> V3State:
    """The state of a pool with positions (lower tick, upper tick, liquidity)."""
    gross: dict[int, int] = {}
    net: dict[int, int] = {}
    for lower, upper, liquidity in ranges:
        for index, change in ((lower, liquidity), (upper, -liquidity)):
            gross[index] = gross.get(index, 0) + liquidity
            net[index] = net.get(index, 0) + change
    tick = tick_at_sqrt_ratio(sqrt_price_x96)
    in_range = sum(change for index, change in net.items() if index <= tick)
    ticks = tuple(Tick(index, gross[index], net[index]) for index in sorted(gross))
    return V3State(pool, sqrt_price_x96, tick, in_range, ticks)
