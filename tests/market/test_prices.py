"""Mid prices and time-weighted prices, in integers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pool_makers import A, B, C, full_range, made_v2, made_v3, sqrt_x96

from rebalancer.market.pools import Pool, has_price, holds, mid_ratio, other_token, spot_out_down, swap_exact_in
from rebalancer.market.swap import Swap
from rebalancer.market.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick
from rebalancer.market.twap import (
    harmonic_mean_liquidity_down,
    mean_tick_down,
    quote_at_tick_down,
    twap_amount_out_down,
)

E18 = 10**18


def test_spot__v3_at_price_four__is_four_and_a_quarter() -> None:
    pool = made_v3([full_range(E18)], sqrt_x96(4))
    assert spot_out_down(pool, A, 1_000) == 4_000
    assert spot_out_down(pool, B, 1_003) == 250


def test_spot__v2__is_the_ratio_of_the_reserves() -> None:
    pool = made_v2(1_000, 3_000)
    assert mid_ratio(pool, A) == (3_000, 1_000)
    assert spot_out_down(pool, A, 7) == 21
    assert spot_out_down(pool, B, 7) == 2


@pytest.mark.parametrize(
    "pool",
    [
        made_v2(0, 5),
        made_v2(5, 0),
        replace(made_v3([full_range(E18)], sqrt_x96(4)), sqrt_price_x96=0),
        replace(made_v3([full_range(E18)], sqrt_x96(4)), liquidity=0),
    ],
    ids=["v2 without token0", "v2 without token1", "v3 not initialised", "v3 without liquidity in range"],
)
def test_spot__pool_without_price__is_none(pool: Pool) -> None:
    assert mid_ratio(pool, A) is None and mid_ratio(pool, B) is None
    assert spot_out_down(pool, A, 1) is None
    assert not has_price(pool)


def test_spot__of_a_token_that_the_pool_does_not_hold__is_an_error() -> None:
    with pytest.raises(ValueError, match="not C"):
        mid_ratio(made_v2(0, 0), C)


def test_tokens__of_another_pool__are_told_apart() -> None:
    pool = made_v2(1, 1)
    assert holds(pool, A) and not holds(pool, C)
    assert other_token(pool, A) == B and other_token(pool, B) == A
    with pytest.raises(ValueError, match="not C"):
        other_token(pool, C)


@given(st.integers(1, 10**24), st.sampled_from([A, B]), st.integers(10**12, 10**30), st.integers(10**12, 10**30))
def test_swap__any_amount__never_beats_the_mid_price(amount: int, token_in: object, x: int, y: int) -> None:
    for pool in (made_v2(x, y), made_v3([full_range(x)], sqrt_x96(y, x))):
        swap = swap_exact_in(pool, token_in, amount)  # type: ignore[arg-type]
        if isinstance(swap, Swap):
            assert swap.amount_out <= spot_out_down(pool, token_in, amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("then", "now", "mean"), [(0, 600, 10), (0, 659, 10), (0, -600, -10), (0, -601, -11), (-100, -700, -10)]
)
def test_mean_tick__any_sign__goes_towards_minus_infinity(then: int, now: int, mean: int) -> None:
    assert mean_tick_down(then, now, 60) == mean


def test_quote_at_tick__tick_zero__is_the_amount_itself() -> None:
    assert quote_at_tick_down(0, E18, True) == E18
    assert quote_at_tick_down(0, E18, False) == E18


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_quote_at_tick__one_tick__is_a_basis_point(zero_for_one: bool) -> None:
    tick = 1 if zero_for_one else -1
    assert abs(quote_at_tick_down(tick, 10**12, zero_for_one) - (10**12 + 10**8)) <= 1


@pytest.mark.parametrize("tick", [MIN_TICK, -500_000, 443_636, 443_637, 700_000, MAX_TICK])
def test_quote_at_tick__far_out__is_the_exact_ratio_within_its_bits(tick: int) -> None:
    square = sqrt_ratio_at_tick(tick) ** 2
    # Beyond tick 443,636 the library keeps 128 bits of the ratio, which is then at least 2^128 itself.
    kept = square if tick <= 443_636 else square >> 64 << 64
    assert quote_at_tick_down(tick, E18, True) == kept * E18 >> 192
    assert quote_at_tick_down(tick, 10**45, False) == (10**45 << 192) // kept


def test_twap__half_an_hour_at_a_tick__quotes_that_tick() -> None:
    then = -(10**9)
    now = then + 1_800 * 197_226 + 1_799
    assert twap_amount_out_down(then, now, 1_800, 10**10, True) == quote_at_tick_down(197_226, 10**10, True)


def test_harmonic_mean_liquidity__constant_liquidity__is_that_liquidity() -> None:
    per_second = (1 << 128) // E18
    then = (1 << 160) - 5 * per_second  # wraps between the readings
    now = (then + 1_800 * per_second) % (1 << 160)
    assert abs(harmonic_mean_liquidity_down(then, now, 1_800) - E18) <= 1


def test_harmonic_mean_liquidity__no_time_passed__raises() -> None:
    with pytest.raises(ValueError, match="did not grow"):
        harmonic_mean_liquidity_down(5, 5, 60)
