"""Pools of which only some bitmap words are known: the walk asks for more, and then ends where it would have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pool_makers import A, full_range, made_v3, window, words_of

from rebalancer.market.pools import swap_exact_in, swap_exact_out
from rebalancer.market.swap import NeedTicks, Swap
from rebalancer.market.uniswap_v3 import V3Pool, all_words, with_words

E18 = 10**18
# Words of 2,560 ticks each, positions in many of them, some words empty.
WHOLE = made_v3(
    [
        full_range(E18, 10),
        (-3_000, 3_000, 5 * E18),
        (-9_000, -6_000, E18),
        (7_000, 14_000, E18),
        (-40_000, 50_000, E18),
    ],
    fee_and_spacing=(500, 10),
)
AMOUNTS = st.integers(0, 90).flatmap(lambda bits: st.integers(1, 2 << bits))


def answer_need(pool: V3Pool, need: NeedTicks) -> V3Pool:
    ticks = words_of(WHOLE, need.word_low, need.word_high)
    return with_words(pool, ticks, need.word_low, need.word_high)


def completed(pool: V3Pool, amount: int, exact_in: bool, zero_for_one: bool) -> tuple[Swap[object], int]:
    """The swap once all wanted words are read, and how many times they were asked for."""
    token_in = pool.token0 if zero_for_one else pool.token1
    swap_of = swap_exact_in if exact_in else swap_exact_out
    for asked in range(100):
        answer = swap_of(pool, token_in, amount)
        if isinstance(answer, Swap):
            return answer, asked
        assert isinstance(answer, NeedTicks) and answer.pool_address == pool.address
        pool = answer_need(pool, answer)
    raise AssertionError("the walk never ends")


@given(st.integers(-3, 3), st.integers(0, 3), AMOUNTS, st.booleans(), st.booleans())
def test_walk__leaves_the_known_words__ends_the_same_once_they_are_given(
    low: int, more: int, amount: int, exact_in: bool, zero_for_one: bool
) -> None:
    swap, _ = completed(window(WHOLE, low, low + more), amount, exact_in, zero_for_one)
    whole, asked = completed(WHOLE, amount, exact_in, zero_for_one)
    assert asked == 0
    assert (swap.amount_in, swap.amount_out, swap.unfilled, swap.ticks_crossed) == (
        whole.amount_in, whole.amount_out, whole.unfilled, whole.ticks_crossed,
    )  # fmt: skip


@given(st.integers(1, 3 * E18), st.booleans())
def test_walk__one_word_known__needs_one_more_read_at_most(amount: int, zero_for_one: bool) -> None:
    _, asked = completed(window(WHOLE, -1, 0), amount, True, zero_for_one)
    assert asked <= 1


def test_walk__first_word_unknown__asks_for_it_at_once() -> None:
    nothing_known = window(WHOLE, 0, -1)
    need = swap_exact_in(nothing_known, A, 10**6)
    assert isinstance(need, NeedTicks)
    assert need.word_low <= 0 <= need.word_high


def test_walk__huge_amount__asks_within_the_pools_words_and_within_reason() -> None:
    need = swap_exact_in(window(WHOLE, 0, 0), WHOLE.token1, 10**60)
    first, last = all_words(10)
    assert isinstance(need, NeedTicks)
    assert need.word_low == 1 and need.word_high <= last
    assert need.word_high - need.word_low < 256 < last - first


@given(st.integers(10**18, 10**25), st.booleans())
def test_need__exact_in__bounds_what_the_whole_pool_gives(amount: int, zero_for_one: bool) -> None:
    token_in = WHOLE.token0 if zero_for_one else WHOLE.token1
    need = swap_exact_in(window(WHOLE, -1, 0), token_in, amount)
    whole = swap_exact_in(WHOLE, token_in, amount)
    assert isinstance(need, NeedTicks) and isinstance(whole, Swap)
    assert need.best_possible >= whole.amount_out


@given(st.integers(10**18, 2 * 10**18), st.booleans())
def test_need__exact_out__bounds_what_the_whole_pool_takes(amount: int, zero_for_one: bool) -> None:
    token_in = WHOLE.token0 if zero_for_one else WHOLE.token1
    need = swap_exact_out(window(WHOLE, -1, 0), token_in, amount)
    whole = swap_exact_out(WHOLE, token_in, amount)
    assert isinstance(need, NeedTicks) and isinstance(whole, Swap) and whole.unfilled == 0
    assert need.best_possible <= whole.amount_in


def test_with_words__read_again__replaces_what_was_known() -> None:
    again = with_words(WHOLE, ((0, 7),), 0, 0)
    assert words_of(again, 0, 0) == ((0, 7),)
    assert words_of(again, 1, 300) == words_of(WHOLE, 1, 300)
    assert (again.word_low, again.word_high) == (WHOLE.word_low, WHOLE.word_high)


@pytest.mark.parametrize(("low", "high"), [(3, 4), (-5, -3)])
def test_with_words__gap_to_the_known__raises(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="do not touch"):
        with_words(window(WHOLE, -1, 1), (), low, high)


def test_all_words__spacing_one_and_sixty__hold_the_outermost_ticks() -> None:
    assert all_words(1) == (-3466, 3465)
    assert all_words(60) == (-58, 57)
