"""Paths: flows of an optimum taken apart, so that nothing is lost and nothing goes where it should not."""

from __future__ import annotations

import random

import numpy as np
import pytest
from market_makers import made_world
from test_optimum import problem_of, solved

from rebalancer.market.curves import Curves, Floats, curves_of, level_row
from rebalancer.market.optimum import Problem
from rebalancer.market.paths import Flows, Path, paths_of

SEEDS = range(40)
DEPTH = 1e9
"""Of the made-up pools: enough for a dollar to stay a dollar."""


def flat(*pairs: tuple[int, int]) -> Curves:
    """Pools without fee or slope between tokens; the curve of a pair has its number, the way back comes after all."""
    return curves_of([level_row((1.0, 1.0), DEPTH) for _ in pairs], [a for a, _ in pairs], [b for _, b in pairs])


def flows(curves: Curves, taken: list[float], leaving: list[float], whole: frozenset[int] = frozenset()) -> Flows:
    rest = [0.0] * (len(curves.source) - len(taken))
    return Flows(curves, np.array([*taken, *rest]), np.array(leaving), whole)


def every(curves: Curves) -> list[list[int]]:
    return [list(range(len(curves.source)))]


def found(given: Flows, groups: list[list[int]] | None = None, most_hops: int = 6) -> list[tuple[tuple[int, ...], int]]:
    paths, _ = paths_of(given, groups or every(given.curves), most_hops)
    return [(path.curves, round(path.dollars)) for path in paths]


def optimal_flows(seed: int) -> tuple[Problem, Flows]:
    problem = problem_of(made_world(random.Random(f"paths {seed}"), off=0.0))
    optimum, curves = solved(problem), problem.curves
    back = np.roll(optimum.taken, curves.pools)
    taken: Floats = np.where(optimum.taken > back, optimum.taken, 0.0)
    given: Floats = np.where(optimum.taken > back, optimum.given, 0.0)
    count = len(problem.held)
    leaving = np.bincount(curves.source, taken, count) - np.bincount(curves.target, given, count)
    leaving[(problem.held == 0) & (problem.wanted == 0)] = 0.0
    return problem, Flows(curves, taken, leaving, frozenset())


def test_paths_of__a_flow_that_parts_and_meets__is_a_path_for_each_way() -> None:
    curves = flat((0, 1), (0, 2), (1, 3), (2, 3))
    given = flows(curves, [60.0, 40.0, 60.0, 40.0], [100.0, 0.0, 0.0, -100.0])
    assert found(given) == [((0, 2), 60), ((1, 3), 40)]


def test_paths_of__two_sellers_and_two_buyers_over_a_hub__takes_the_widest_first() -> None:
    curves = flat((0, 2), (1, 2), (2, 3), (2, 4))
    given = flows(curves, [70.0, 30.0, 80.0, 20.0], [70.0, 30.0, 0.0, -80.0, -20.0])
    assert found(given) == [((0, 2), 70), ((1, 3), 20), ((1, 2), 10)]


def test_paths_of__a_curve_that_is_better_whole__is_divided_before_the_others() -> None:
    curves = flat((0, 2), (1, 2), (2, 3), (2, 4))
    # By width alone 0 -> 3 comes first, and what is left of the way to 3 cuts the other seller in two.
    given = flows(curves, [70.0, 60.0, 75.0, 55.0], [70.0, 60.0, 0.0, -75.0, -55.0])
    through_other = Flows(given.curves, given.taken, given.leaving, frozenset({1}))
    assert sum(1 in path for path, _ in found(through_other)) == 1
    assert sum(1 in path for path, _ in found(given)) == 2


def test_paths_of__groups__keeps_each_path_in_one_and_takes_the_first_first() -> None:
    curves = flat((0, 1), (1, 2), (0, 1), (1, 2))
    given = flows(curves, [50.0, 30.0, 50.0, 70.0], [100.0, 0.0, -100.0])
    alone = [[0, 1], [2, 3]]
    assert found(given, alone) == [((0, 1), 30), ((2, 3), 50)]
    assert found(given, [*alone, [0, 1, 2, 3]]) == [((0, 1), 30), ((2, 3), 50), ((0, 3), 20)]


def test_paths_of__too_many_hops__says_what_is_lost() -> None:
    curves = flat((0, 1), (1, 2), (2, 3))
    given = flows(curves, [10.0, 10.0, 10.0], [10.0, 0.0, 0.0, -10.0])
    assert paths_of(given, every(curves), 2) == ((), 10.0)
    assert found(given, most_hops=3) == [((0, 1, 2), 10)]


def test_paths_of__no_flow__is_no_path() -> None:
    curves = flat((0, 1))
    assert paths_of(flows(curves, [0.0], [0.0, 0.0]), every(curves), 6) == ((), 0.0)


def test_paths_of__a_rest_that_is_dust__goes_with_the_largest_path() -> None:
    curves = flat((0, 1), (0, 1))
    given = flows(curves, [900.0, 100.0], [1_000.002, -1_000.0])
    paths, lost = paths_of(given, every(curves), 6)
    assert lost == 0.0
    assert sum(path.dollars for path in paths) == pytest.approx(1_000.002, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_paths_of__an_optimum__loses_nothing_and_never_takes_more_than_flows(seed: int) -> None:
    problem, given = optimal_flows(seed)
    paths, lost = paths_of(given, every(given.curves), 6)
    supply = float(np.maximum(given.leaving, 0.0).sum())
    assert lost <= 1e-5 * supply
    assert sum(path.dollars for path in paths) == pytest.approx(supply, rel=1e-5)
    for path in paths:
        assert ends_well(problem, given, path)
    assert len(paths) <= 2 * np.count_nonzero(given.taken > 0)


def ends_well(problem: Problem, given: Flows, path: Path) -> bool:
    """From a token of which less is wanted to one of which more is, each curve beginning where the last one ended."""
    curves = given.curves
    joined = all(
        curves.target[one] == curves.source[next_] for one, next_ in zip(path.curves, path.curves[1:], strict=False)
    )
    start, end = curves.source[path.curves[0]], curves.target[path.curves[-1]]
    return (
        joined and given.leaving[start] > 0 > given.leaving[end] and path.dollars > 0 and bool(problem.held[start] > 0)
    )
