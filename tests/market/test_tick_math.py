"""Ticks and sqrt prices, at their ends and each other's inverse."""

from __future__ import annotations

from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.market.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)

TICKS = st.integers(MIN_TICK, MAX_TICK)


@pytest.mark.parametrize(
    ("tick", "ratio"),
    [
        (MIN_TICK, MIN_SQRT_RATIO),
        (MAX_TICK, MAX_SQRT_RATIO),
        (0, 1 << 96),
        # From the test suite of the pool's authors, who took them from the deployed library.
        (MIN_TICK + 1, 4295343490),
        (MAX_TICK - 1, 1461373636630004318706518188784493106690254656249),
        (50, 79426470787362580746886972461),
        (-50, 79030349367926598376800521322),
        (-887220, 4306310044),
        (250_000, 21246587762933397357449903968194344),
        (-500_000, 1101692437043807371),
    ],
)
def test_sqrt_ratio__known_tick__is_the_contracts_value(tick: int, ratio: int) -> None:
    assert sqrt_ratio_at_tick(tick) == ratio


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_sqrt_ratio__tick_out_of_range__raises(tick: int) -> None:
    with pytest.raises(ValueError, match=str(tick)):
        sqrt_ratio_at_tick(tick)


@pytest.mark.parametrize(
    ("ratio", "tick"),
    [
        (MIN_SQRT_RATIO, MIN_TICK),
        (4295343489, MIN_TICK),
        (4295343490, MIN_TICK + 1),
        (MAX_SQRT_RATIO - 1, MAX_TICK - 1),
        ((1 << 96) - 1, -1),
        (1 << 96, 0),
    ],
)
def test_tick__known_ratio__is_the_contracts_value(ratio: int, tick: int) -> None:
    assert tick_at_sqrt_ratio(ratio) == tick


@pytest.mark.parametrize("ratio", [0, MIN_SQRT_RATIO - 1, MAX_SQRT_RATIO, MAX_SQRT_RATIO + 1])
def test_tick__ratio_out_of_range__raises(ratio: int) -> None:
    with pytest.raises(ValueError, match=str(ratio)):
        tick_at_sqrt_ratio(ratio)


@given(TICKS.filter(lambda tick: tick < MAX_TICK))
def test_tick__ratio_of_a_tick__gives_it_back_and_one_less_the_tick_below(tick: int) -> None:
    ratio = sqrt_ratio_at_tick(tick)
    assert tick_at_sqrt_ratio(ratio) == tick
    assert tick == MIN_TICK or tick_at_sqrt_ratio(ratio - 1) == tick - 1


@given(st.integers(MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1))
def test_tick__any_ratio__is_the_greatest_tick_not_above_it(ratio: int) -> None:
    tick = tick_at_sqrt_ratio(ratio)
    assert sqrt_ratio_at_tick(tick) <= ratio < sqrt_ratio_at_tick(tick + 1)


@given(st.integers(-200, 200))
def test_sqrt_ratio__small_tick__is_the_root_of_its_power(tick: int) -> None:
    above, below = (10_001, 10_000) if tick >= 0 else (10_000, 10_001)
    exact = isqrt((above ** abs(tick) << 192) // below ** abs(tick))
    # 128 bits of each factor are kept, of which 96 come out: 32 bits hold the truncations of one tick.
    assert abs(sqrt_ratio_at_tick(tick) - exact) <= 1
