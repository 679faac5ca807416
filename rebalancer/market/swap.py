"""What asking a pool for a swap can answer: a swap, the ticks that are missing, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from rebalancer.units import Address

PoolT_co = TypeVar("PoolT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Swap(Generic[PoolT_co]):
    """A swap to the wei, and the pool as it leaves it, so that the next swap of a batch is priced after this one.

    `amount_in` and `amount_out` are what the pool takes (fee included) and gives. `unfilled` is what a pool
    out of liquidity leaves of the amount asked: input not taken, or output not given; 0 in a whole swap.
    """

    amount_in: int
    amount_out: int
    unfilled: int
    ticks_crossed: int
    pool_after: PoolT_co


@dataclass(frozen=True, slots=True)
class NeedTicks:
    """The walk left the known part of a pool: these bitmap words (both inclusive) are wanted.

    `best_possible` bounds the answer before they are read: the most that an exact-in can give, or the least
    that an exact-out can cost, were the price to stay where the known part ends.
    """

    pool_address: Address
    word_low: int
    word_high: int
    best_possible: int


@dataclass(frozen=True, slots=True)
class NoSwap:
    """The pool refuses: on the chain this call reverts."""

    pool_address: Address
    reason: str
