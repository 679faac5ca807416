"""Uniswap V3 pools: a pool state and an amount in, the swap that the pool makes of it out, to the wei.

The walk goes through the tick bitmap word by word, as UniswapV3Pool.swap does: a list of ticks that
skips empty words rounds at fewer prices and differs by wei.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

from rebalancer.market.swap import NeedTicks, NoSwap, Swap
from rebalancer.market.swap_math import FEE_UNIT, step_exact_in, step_exact_out
from rebalancer.market.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)
from rebalancer.units import Address, Token, mul_div_down, mul_div_up

TICK_SPACINGS = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
"""By fee in millionths: UniswapV3Factory.feeAmountTickSpacing on mainnet, which can add to it but never change it."""

_MOST_WORDS = 256  # asked for at once: one read of so many words stays within a node's limits
_THINNER = 8  # how much less liquidity may lie ahead than here, when guessing how far a swap will walk


@dataclass(frozen=True, slots=True)
class V3Pool:
    """A pool at one block. Ticks are complete for the bitmap words word_low to word_high, unknown outside."""

    address: Address
    token0: Token
    token1: Token
    fee: int
    """In millionths of the input."""
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]
    """(index, liquidity_net) of the initialised ticks, ascending."""
    word_low: int
    word_high: int


def all_words(tick_spacing: int) -> tuple[int, int]:
    """The first and the last bitmap word that can hold a tick of a pool."""
    return -(MAX_TICK // tick_spacing) >> 8, MAX_TICK // tick_spacing >> 8


def _can_hold_ticks(word: int, tick_spacing: int) -> bool:
    first, last = all_words(tick_spacing)
    return first <= word <= last


def word_of(tick: int, tick_spacing: int) -> int:
    """The bitmap word that a tick is in."""
    return (tick // tick_spacing) >> 8


def within_words(pool: V3Pool, word_low: int, word_high: int) -> V3Pool:
    """What the pool is for somebody who knows these words of it only, both inclusive. They are among the known ones."""
    first, end = (word_low << 8) * pool.tick_spacing, (word_high + 1 << 8) * pool.tick_spacing
    ticks = tuple(entry for entry in pool.ticks if first <= entry[0] < end)
    return replace(pool, ticks=ticks, word_low=word_low, word_high=word_high)


def with_words(pool: V3Pool, ticks: tuple[tuple[int, int], ...], word_low: int, word_high: int) -> V3Pool:
    """The pool, knowing the words word_low to word_high too; `ticks` are all that these words hold.

    ValueError where they leave a gap to what is known: a gap would read as words without ticks.
    """
    known = pool.word_low <= pool.word_high
    if known and (word_low > pool.word_high + 1 or word_high < pool.word_low - 1):
        raise ValueError(
            f"pool {pool.address}: words {word_low} to {word_high} do not touch the known {pool.word_low} to "
            f"{pool.word_high}; read what NeedTicks asks for"
        )
    first, last = (word_low << 8) * pool.tick_spacing, (word_high + 1 << 8) * pool.tick_spacing
    older = [entry for entry in pool.ticks if known and not first <= entry[0] < last]
    return V3Pool(
        pool.address, pool.token0, pool.token1, pool.fee, pool.tick_spacing, pool.sqrt_price_x96, pool.tick,
        pool.liquidity, tuple(sorted([*older, *ticks])),
        min(word_low, pool.word_low) if known else word_low, max(word_high, pool.word_high) if known else word_high,
    )  # fmt: skip


def swap_exact_in(pool: V3Pool, zero_for_one: bool, amount_in: int) -> Swap[V3Pool] | NeedTicks | NoSwap:
    """Sell `amount_in`. UniswapV3Pool.swap with the outermost price limit, as QuoterV2 and the router call it.

    Out of liquidity the pool takes less than `amount_in`: QuoterV2 then quotes that part as if it were whole,
    and reverts where the pool takes nothing at all.
    """
    return _swap(pool, zero_for_one, amount_in, exact_in=True)


def swap_exact_out(pool: V3Pool, zero_for_one: bool, amount_out: int) -> Swap[V3Pool] | NeedTicks | NoSwap:
    """Buy `amount_out`. UniswapV3Pool.swap with the outermost price limit.

    Out of liquidity the pool gives less, and `unfilled` is not 0: QuoterV2 and the router then revert.
    """
    return _swap(pool, zero_for_one, amount_out, exact_in=False)


def _swap(pool: V3Pool, zero_for_one: bool, amount: int, exact_in: bool) -> Swap[V3Pool] | NeedTicks | NoSwap:
    if amount <= 0:
        return NoSwap(pool.address, "nothing to swap")
    walk = _Walk(pool, zero_for_one)
    if not walk.can_move():
        return NoSwap(pool.address, "the price stands at its limit, or the pool is not initialised")
    step_of = step_exact_in if exact_in else step_exact_out
    remaining, done = amount, 0
    while remaining and walk.sqrt_price != walk.limit:
        if not walk.find_next():
            reach = step_of(walk.sqrt_price, walk.limit, walk.liquidity // _THINNER, remaining, pool.fee).sqrt_price
            best = _most_out_up(walk, remaining) if exact_in else _least_in_down(walk, remaining)
            return walk.need(reach, done + best)
        next_price = sqrt_ratio_at_tick(walk.next)
        target = max(next_price, walk.limit) if zero_for_one else min(next_price, walk.limit)
        step = step_of(walk.sqrt_price, target, walk.liquidity, remaining, pool.fee)
        paid = step.amount_in + step.fee
        remaining -= paid if exact_in else step.amount_out
        done += step.amount_out if exact_in else paid
        walk.move(step.sqrt_price, next_price)
    amount_in, amount_out = (amount - remaining, done) if exact_in else (done, amount - remaining)
    return Swap(amount_in, amount_out, remaining, walk.crossed, walk.pool_after())


def _most_out_up(walk: _Walk, remaining: int) -> int:
    """What is left to sell, after the fee, at the present price."""
    square = walk.sqrt_price**2
    net = mul_div_up(remaining, FEE_UNIT - walk.pool.fee, FEE_UNIT)
    return mul_div_up(net, square, 1 << 192) if walk.down else mul_div_up(net, 1 << 192, square)


def _least_in_down(walk: _Walk, remaining: int) -> int:
    """What is left to buy, without a fee, at the present price."""
    square = walk.sqrt_price**2
    return mul_div_down(remaining, 1 << 192, square) if walk.down else mul_div_down(remaining, square, 1 << 192)


class _Walk:
    """Where a swap stands while it moves through the tick ranges of one pool. `down`: the price falls."""

    __slots__ = ("below", "crossed", "down", "initialised", "limit", "liquidity", "next", "pool", "sqrt_price", "tick")

    def __init__(self, pool: V3Pool, down: bool) -> None:
        self.pool = pool
        self.down = down
        self.limit = MIN_SQRT_RATIO + 1 if down else MAX_SQRT_RATIO - 1
        self.sqrt_price = pool.sqrt_price_x96
        self.tick = pool.tick
        self.liquidity = pool.liquidity
        self.crossed = 0
        # How many of the known ticks are not above the present one.
        self.below = bisect_left(pool.ticks, (pool.tick + 1,))
        self.next = pool.tick
        self.initialised = False

    def can_move(self) -> bool:
        return self.sqrt_price > self.limit if self.down else 0 < self.sqrt_price < self.limit

    def word(self) -> int:
        """The bitmap word that says where the next tick is: going up, the present tick itself does not count."""
        compressed = self.tick // self.pool.tick_spacing
        return compressed >> 8 if self.down else (compressed + 1) >> 8

    def find_next(self) -> bool:
        """Look for the next tick as TickBitmap.nextInitializedTickWithinOneWord of v3-core does.

        It is the nearest initialised one in the word, else the word's last. False: the word is not known.
        """
        word, spacing, ticks = self.word(), self.pool.tick_spacing, self.pool.ticks
        if not self.pool.word_low <= word <= self.pool.word_high and _can_hold_ticks(word, spacing):
            return False
        if self.down:
            edge = max((word << 8) * spacing, MIN_TICK)
            self.initialised = self.below > 0 and ticks[self.below - 1][0] >= edge
            self.next = ticks[self.below - 1][0] if self.initialised else edge
        else:
            edge = min(((word << 8) + 255) * spacing, MAX_TICK)
            self.initialised = self.below < len(ticks) and ticks[self.below][0] <= edge
            self.next = ticks[self.below][0] if self.initialised else edge
        return True

    def move(self, sqrt_price: int, next_price: int) -> None:
        """Stand at `sqrt_price`; where that is the price of the next tick, cross it."""
        if sqrt_price == next_price:
            if self.initialised:
                self._cross()
            self.tick = self.next - 1 if self.down else self.next
        elif sqrt_price != self.sqrt_price:
            self.tick = tick_at_sqrt_ratio(sqrt_price)
        self.sqrt_price = sqrt_price

    def _cross(self) -> None:
        self.crossed += 1
        if self.down:
            self.below -= 1
            self.liquidity -= self.pool.ticks[self.below][1]
        else:
            self.liquidity += self.pool.ticks[self.below][1]
            self.below += 1

    def need(self, reach: int, best_possible: int) -> NeedTicks:
        """Ask for the words up to the price `reach`, and one more."""
        here = self.word()
        there = word_of(tick_at_sqrt_ratio(reach), self.pool.tick_spacing)
        more = min(abs(there - here) + 1, _MOST_WORDS - 1)
        first, last = all_words(self.pool.tick_spacing)
        low, high = (max(here - more, first), here) if self.down else (here, min(here + more, last))
        # The answer must touch what is known already, so that the pool's known words stay one range.
        if self.pool.word_low <= self.pool.word_high:
            low, high = min(low, self.pool.word_high + 1), max(high, self.pool.word_low - 1)
        return NeedTicks(self.pool.address, low, high, best_possible)

    def pool_after(self) -> V3Pool:
        pool = self.pool
        return V3Pool(
            pool.address, pool.token0, pool.token1, pool.fee, pool.tick_spacing, self.sqrt_price, self.tick,
            self.liquidity, pool.ticks, pool.word_low, pool.word_high,
        )  # fmt: skip
