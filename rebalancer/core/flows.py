"""Routes, or what the pools say of a landed batch, in; what goes through each pool, its fee and its impact out.

Price impact is what our own size loses: the mid price that a pool has before the first of our swaps, less its fee,
would have given more for all that goes through it. So several routes through one pool answer for each other. How far
that mid price is from the oracle's is no part of it, nor is what others have moved in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rebalancer.core.model import PoolSwap, Quote
from rebalancer.market.depth import liquidity_fits
from rebalancer.market.pools import Pool, is_zero_for_one, other_token, spot_out_down, swap_exact_in
from rebalancer.market.routing import Route
from rebalancer.market.swap import NeedTicks, NoSwap, Swap
from rebalancer.market.uniswap_v2 import FEE_PPM, V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, within_words, word_of
from rebalancer.units import BPS, PPM, Address, Price, Token, Usd, mul_div_down, mul_div_up

_ALIKE = 10**6
"""Two amounts are alike that differ by less than a millionth."""
_SPARE = 1
"""Words on either side of a batch's way that are kept: others may move the pool before it lands."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The swaps of routes, in their order, on the pools as those before leave them; and in words what has no such
    swap: a pool that was not read, or that does not take so much.
    """

    swaps: tuple[PoolSwap, ...]
    strange: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Through:
    """All that goes through a pool in one direction. `ideal`: what its mid price before, less its fee, would give."""

    pool: Pool
    token_in: Token
    swaps: int
    amount_in: int
    amount_out: int
    ideal: int

    @property
    def lost(self) -> int:
        """Base units of what is bought; a little below 0 where the ideal was rounded down, or we undo our own move."""
        return self.ideal - self.amount_out

    @property
    def impact(self) -> int:
        """`lost` as basis points of `ideal`, rounded up; all of it where that is nothing."""
        return mul_div_up(self.lost, BPS, self.ideal) if self.ideal else BPS


def routed(quotes: Sequence[Quote]) -> tuple[tuple[Route, int], ...]:
    """The routes of those quotes that have one, each with the base units that it sells."""
    return tuple((quote.route, quote.trade.sell.raw) for quote in quotes if quote.route is not None)


def followed(sales: Sequence[tuple[Route, int]], pools: Sequence[Pool]) -> Followed:
    """What routes, each for its base units, do to `pools`, whatever pools they carry themselves."""
    now = {pool.address: pool for pool in pools}
    swaps: list[PoolSwap] = []
    strange: list[str] = []
    for route, amount_in in sales:
        amount = amount_in
        for hop in route.hops:
            pool = now.get(hop.pool.address)
            if pool is None:
                strange.append(f"pool {hop.pool.address} was not read")
                break
            match swap_exact_in(pool, hop.token_in, amount):
                case Swap(amount_out=out, unfilled=0, pool_after=after):
                    swaps.append(PoolSwap(pool, hop.token_in, amount, out))
                    now[pool.address], amount = after, out
                case Swap() | NeedTicks() | NoSwap():
                    strange.append(f"pool {pool.address} does not take {amount} base units of {hop.token_in}")
                    break
    return Followed(tuple(swaps), tuple(strange))


def through(swaps: Sequence[PoolSwap]) -> tuple[Through, ...] | None:
    """By pool and direction, in the order in which they are met. None: a pool has no price to compare with."""
    first: dict[Address, Pool] = {}
    sums: dict[tuple[Address, Address], Through] = {}
    for swap in swaps:
        pool = first.setdefault(swap.before.address, swap.before)
        key = pool.address, swap.token_in.address
        seen = sums.get(key, Through(pool, swap.token_in, 0, 0, 0, 0))
        amount_in = seen.amount_in + swap.amount_in
        ideal = spot_out_down(pool, swap.token_in, mul_div_down(amount_in, PPM - fee_ppm(pool), PPM))
        if ideal is None:
            return None
        sums[key] = Through(pool, swap.token_in, seen.swaps + 1, amount_in, seen.amount_out + swap.amount_out, ideal)
    return tuple(sums.values())


def split_of(swaps: Sequence[PoolSwap], prices: Sequence[Price]) -> tuple[Usd, Usd] | None:
    """(what the pools keep, what our own size loses) in dollars, rounded up. None: a pool or a token has no price."""
    price_of = {price.token.address: price for price in prices}
    passed = through(swaps)
    if passed is None:
        return None
    fee = impact = 0
    for one in passed:
        paid, got = price_of.get(one.token_in.address), price_of.get(other_token(one.pool, one.token_in).address)
        if paid is None or got is None:
            return None
        fee += paid.value_up(mul_div_up(one.amount_in, fee_ppm(one.pool), PPM))
        impact += got.value_up(one.lost)
    return Usd(fee), Usd(max(impact, 0))


def fee_ppm(pool: Pool) -> int:
    """What the pool keeps of the input, in millionths."""
    return FEE_PPM if isinstance(pool, V2Pool) else pool.fee


def rewound(after: Pool, token_in: Token, amounts: tuple[int, int]) -> Pool | None:
    """The pool as it stood before it took the first of `amounts` and gave the second, and stood at `after`.

    A V2 pair to the unit. A V3 pool is walked back by what it gave, without a fee, through the ticks that `after`
    knows: its price is right to the rounding of one swap. None: that walk leaves these ticks, or the same swap from
    there would not give the same: what `after` says is not so, or others have moved liquidity since it was read.
    """
    taken, given = amounts
    match after:
        case V2Pool():
            return _taken_back(after, token_in, taken, given)
        case V3Pool():
            return _walked_back(after, token_in, taken, given)


def _taken_back(after: V2Pool, token_in: Token, taken: int, given: int) -> Pool | None:
    less0, less1 = (taken, -given) if is_zero_for_one(after, token_in) else (-given, taken)
    reserve0, reserve1 = after.reserve0 - less0, after.reserve1 - less1
    if min(reserve0, reserve1) <= 0:
        return None
    before = replace(after, reserve0=reserve0, reserve1=reserve1)
    again = swap_exact_in(before, token_in, taken)
    return before if isinstance(again, Swap) and again.amount_out == given else None


def _walked_back(after: V3Pool, token_in: Token, taken: int, given: int) -> Pool | None:
    if after.liquidity == 0 or not liquidity_fits(after):
        return None
    back = swap_exact_in(replace(after, fee=0), other_token(after, token_in), given)
    if not isinstance(back, Swap) or back.unfilled or not isinstance(back.pool_after, V3Pool):
        return None
    before = replace(back.pool_after, fee=after.fee)
    again = swap_exact_in(before, token_in, taken)
    # Each way rounds by a unit or two, in the token that goes in or in the one that goes out.
    spare = given + 2 * _ALIKE * _unit(taken, given)
    return before if isinstance(again, Swap) and abs(again.amount_out - given) * _ALIKE <= spare else None


def _unit(taken: int, given: int) -> int:
    """What a base unit of what goes in may be worth in what comes out, and one at least."""
    return mul_div_up(given, 1, max(taken, 1))


def pools_on_the_way(quotes: Sequence[Quote], pools: Sequence[Pool]) -> tuple[Pool, ...]:
    """The pools that quotes go through, with as many of their ticks as it takes to measure what became of them."""
    ends: dict[Address, list[int]] = {}
    swaps = followed(routed(quotes), pools).swaps
    for swap in swaps:
        after = swap_exact_in(swap.before, swap.token_in, swap.amount_in)
        for state in (swap.before, after.pool_after if isinstance(after, Swap) else swap.before):
            ends.setdefault(swap.before.address, []).append(state.tick if isinstance(state, V3Pool) else 0)
    return tuple(_near(pool, ends[pool.address]) for pool in pools if pool.address in ends)


def _near(pool: Pool, ends: Sequence[int]) -> Pool:
    if isinstance(pool, V2Pool):
        return pool
    words = [word_of(tick, pool.tick_spacing) for tick in ends]
    return within_words(pool, max(min(words) - _SPARE, pool.word_low), min(max(words) + _SPARE, pool.word_high))
