"""From what an estimate says to targets: bounds, steps, and sums to the last millionth."""

from __future__ import annotations

from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.core.desired import GRAIN, make_desired, nearest
from rebalancer.core.model import Hold
from rebalancer.core.model.estimation import Bounds
from rebalancer.units import PPM, Address, Ppm, Token

ANY = (0, PPM)


def bounds(*ends: tuple[int, int]) -> tuple[Bounds, ...]:
    return tuple(
        Bounds(Token(f"T{place}", Address(f"0x{place:040x}"), 18), Ppm(low), Ppm(high))
        for place, (low, high) in enumerate(ends)
    )


def weights(*shares: int) -> tuple[Ppm, ...]:
    return tuple(Ppm(one) for one in shares)


@st.composite
def split(draw: st.DrawFn, count: int) -> tuple[Ppm, ...]:
    """So many weights that sum to the whole."""
    cuts = sorted(draw(st.lists(st.integers(0, PPM), min_size=count - 1, max_size=count - 1)))
    return tuple(Ppm(b - a) for a, b in zip([0, *cuts], [*cuts, PPM], strict=True))


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[Ppm, ...], tuple[Ppm, ...], tuple[Bounds, ...], Ppm]:
    """Weights before, what is wanted, bounds around the weights before, and a step."""
    count = draw(st.integers(2, 8))
    before = draw(split(count))
    wanted = tuple(Ppm(draw(st.integers(-PPM, 2 * PPM))) for _ in range(count))
    ends = [(draw(st.integers(0, one)), draw(st.integers(one, PPM))) for one in before]
    return before, wanted, bounds(*ends), Ppm(draw(st.integers(1, PPM)))


# ---------------------------------------------------------------- what always holds


@given(cases())
def test_make_desired__of_anything__sums_inside_bounds_and_within_a_step(
    case: tuple[tuple[Ppm, ...], tuple[Ppm, ...], tuple[Bounds, ...], Ppm],
) -> None:
    before, wanted, ends, step = case
    found = make_desired(before, wanted, ends, step)
    assert not isinstance(found, Hold)
    assert sum(found) == PPM
    for was, now, bound in zip(before, found, ends, strict=True):
        assert bound.least <= now <= bound.most
        assert abs(now - was) <= step


@given(cases(), st.data())
def test_make_desired__against_any_other_weights__is_nearer(
    case: tuple[tuple[Ppm, ...], tuple[Ppm, ...], tuple[Bounds, ...], Ppm], data: st.DataObject
) -> None:
    before, wanted, ends, _ = case
    found = make_desired(before, wanted, ends, None)
    assert not isinstance(found, Hold)
    unit = gcd(GRAIN, *wanted, *(end for bound in ends for end in (bound.least, bound.most)))
    one, other = data.draw(st.permutations(range(len(found))))[:2]
    moved = list(found)
    moved[one], moved[other] = Ppm(moved[one] + unit), Ppm(moved[other] - unit)
    inside = all(bound.least <= w <= bound.most for w, bound in zip(moved, ends, strict=True))
    if inside:
        # The problem is convex: what no exchange betters is the best there is.
        assert _off(found, wanted) <= _off(moved, wanted)


@given(split(5))
def test_make_desired__of_weights_that_fit__leaves_them(wanted: tuple[Ppm, ...]) -> None:
    assert make_desired(wanted, wanted, bounds(*[ANY] * 5), None) == wanted


@given(split(4), split(4), st.integers(10_000, PPM))
def test_make_desired__time_and_again__arrives_and_stays(
    start: tuple[Ppm, ...], goal: tuple[Ppm, ...], step: int
) -> None:
    now, ends = start, bounds(*[ANY] * 4)
    for _ in range(2 * -(-PPM // step) + 1):
        found = make_desired(now, goal, ends, Ppm(step))
        assert not isinstance(found, Hold)
        now = found
    assert now == goal


def _off(found: tuple[Ppm, ...] | list[Ppm], wanted: tuple[Ppm, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(found, wanted, strict=True))


# ---------------------------------------------------------------- by hand


def test_make_desired__of_a_cap__gives_the_rest_to_the_others_alike() -> None:
    found = make_desired((), weights(600_000, 300_000, 100_000), bounds((0, 400_000), ANY, ANY), None)
    assert found == (400_000, 400_000, 200_000)


def test_make_desired__of_a_sum_that_is_short__gives_the_first_what_is_left() -> None:
    found = make_desired((), weights(333_300, 333_300, 333_300), bounds(ANY, ANY, ANY), None)
    assert found == (333_400, 333_300, 333_300)
    odd = make_desired((), weights(333_300, 333_300, 333_300), bounds((1, PPM), ANY, ANY), None)
    assert odd == (333_334, 333_333, 333_333)


def test_make_desired__of_a_small_step__goes_as_far_as_it_reaches() -> None:
    before, wanted = weights(500_000, 500_000, 0), weights(0, 500_000, 500_000)
    assert make_desired(before, wanted, bounds(ANY, ANY, ANY), Ppm(50_000)) == (450_000, 500_000, 50_000)


def test_make_desired__of_one_that_is_kept__shares_what_is_left() -> None:
    found = make_desired((), weights(0, 500_000, 500_000), bounds((200_000, 200_000), ANY, ANY), None)
    assert found == (200_000, 400_000, 400_000)


def test_make_desired__of_weights_outside_their_bounds__goes_a_step_towards_them() -> None:
    before, ends = weights(700_000, 300_000), bounds((0, 400_000), ANY)
    assert make_desired(before, weights(100_000, 900_000), ends, Ppm(100_000)) == (600_000, 400_000)


@pytest.mark.parametrize(
    ("ends", "step", "said"),
    [
        (((600_000, PPM), (500_000, PPM)), None, "the least sum to 110 % and the most to 200 %, expected 100 %"),
        (((0, 400_000), (0, 500_000)), None, "the least sum to 0 % and the most to 90 %"),
        # Out of bounds by more than a step on one side, and the other may not take it.
        (((0, 200_000), (500_000, 500_000)), 100_000, "within 10 % of the targets before"),
    ],
)
def test_make_desired__of_bounds_that_leave_nothing__says_so(
    ends: tuple[tuple[int, int], ...], step: int | None, said: str
) -> None:
    found = make_desired(weights(500_000, 500_000), weights(500_000, 500_000), bounds(*ends), step and Ppm(step))
    assert isinstance(found, Hold)
    assert said in found.reason and "mend `range`" in found.reason


def test_nearest__of_hundredths__answers_in_hundredths() -> None:
    assert nearest([700_000, 200_000, 200_000], [(0, PPM)] * 3) == (666_700, 166_700, 166_600)
