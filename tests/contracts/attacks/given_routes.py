"""Calldata that comes from outside, and what is checked of it: the hostile router's own `swap`, as of an aggregator,
and two real functions of SwapRouter02.
"""

from __future__ import annotations

from enum import IntEnum

from rebalancer.replica.calls import selector

WORD = 32
SELECTOR = 4
EXACT_INPUT_SINGLE = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"
EXACT_INPUT = "exactInput((bytes,address,uint256,uint256))"
AGGREGATOR = "swap(address,address,address,uint256,uint256,uint256,address,bytes)"

Check = tuple[int, int, int, int]
"""Kind, offset, size, constant: as RouteCheck takes it."""


class Kind(IntEnum):
    """What a field must be."""

    SAFE = 1
    TOKEN_IN = 2
    TOKEN_OUT = 3
    AMOUNT_IN = 4
    AT_LEAST_MIN_OUT = 5
    CONSTANT = 6


def word(place: int, kind: Kind, constant: int = 0) -> Check:
    """The word at that place behind the selector."""
    return (kind, SELECTOR + WORD * place, WORD, constant)


AGGREGATOR_SELECTOR = selector(AGGREGATOR)
AGGREGATOR_CHECKS = (
    word(0, Kind.SAFE),
    word(1, Kind.TOKEN_IN),
    word(2, Kind.TOKEN_OUT),
    word(3, Kind.AMOUNT_IN),
    word(4, Kind.AT_LEAST_MIN_OUT),
    # No fee, to nobody.
    word(5, Kind.CONSTANT),
    word(6, Kind.CONSTANT),
    # The last field starts behind the heads, and is empty.
    word(7, Kind.CONSTANT, 8 * WORD),
    word(8, Kind.CONSTANT),
)
AGGREGATOR_LENGTH = SELECTOR + 9 * WORD

SINGLE_SELECTOR = selector(EXACT_INPUT_SINGLE)
SINGLE_CHECKS = (
    word(0, Kind.TOKEN_IN),
    word(1, Kind.TOKEN_OUT),
    # The fee is the operator's choice: any pool, at no less than the floor.
    word(3, Kind.SAFE),
    word(4, Kind.AMOUNT_IN),
    word(5, Kind.AT_LEAST_MIN_OUT),
    # sqrtPriceLimitX96: a limit would fill in part.
    word(6, Kind.CONSTANT),
)
SINGLE_LENGTH = SELECTOR + 7 * WORD

PATH_SELECTOR = selector(EXACT_INPUT)


def path_checks(hops: int) -> tuple[Check, ...]:
    """Of exactInput over that many hops. Over more than one the hubs are left open, as they may be any token's."""
    size = 20 + 23 * hops
    return (
        # One struct at 32; in it a path at 128, and behind its length the path itself.
        word(0, Kind.CONSTANT, WORD),
        word(1, Kind.CONSTANT, 4 * WORD),
        word(2, Kind.SAFE),
        word(3, Kind.AMOUNT_IN),
        word(4, Kind.AT_LEAST_MIN_OUT),
        word(5, Kind.CONSTANT, size),
        (Kind.TOKEN_IN, SELECTOR + 6 * WORD, 20, 0),
        (Kind.TOKEN_OUT, SELECTOR + 6 * WORD + size - 20, 20, 0),
        # What pads the path to whole words.
        (Kind.CONSTANT, SELECTOR + 6 * WORD + size, -size % WORD, 0),
    )


def path_length(hops: int) -> int:
    """Bytes of the whole calldata."""
    size = 20 + 23 * hops
    return SELECTOR + 6 * WORD + size + -size % WORD


PATH_CHECKS, PATH_LENGTH = path_checks(1), path_length(1)
OPEN_HUB_CHECKS, OPEN_HUB_LENGTH = path_checks(2), path_length(2)
