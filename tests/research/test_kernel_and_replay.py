"""The kernel against the live tick itself: the same final value, and the same days of trade."""

from __future__ import annotations

import pytest
from given_grids import drawn

from rebalancer.research.lanes import study_of as asked
from rebalancer.research.outcomes import paths
from rebalancer.research.replay import run_replay

DIFFERENCE = 1e-6
USUAL, ALL = 10, 200


def compare(seed: int, days: int) -> tuple[float, list[int], list[int]]:
    """(relative difference of the final values, when the replay traded, when the kernel did)"""
    study, one = drawn(seed, days)
    replayed = run_replay(asked(study, one))
    values, units = paths(study, [one], (0, days - 1))
    final = float(replayed.units[-1] @ study.prices.usd[-1])
    traded = [time for time in range(1, days) if (units[time, 0] != units[time - 1, 0]).any()]
    return abs(float(values[-1, 0]) / final - 1), [trade.at for trade in replayed.trades], traded


@pytest.mark.parametrize("seed", range(USUAL))
def test_kernel__on_a_random_configuration__equals_the_replay(seed: int) -> None:
    apart, replayed, traded = compare(seed, 60)
    assert traded == replayed
    assert apart <= DIFFERENCE


def test_random_configurations__as_drawn__trade_at_all() -> None:
    assert sum(bool(compare(seed, 30)[2]) for seed in range(4)) >= 2


@pytest.mark.slow
def test_kernel__on_two_hundred_random_configurations__equals_the_replay() -> None:
    found = [compare(seed, 120) for seed in range(ALL)]
    assert [seed for seed, (_, replayed, traded) in enumerate(found) if replayed != traded] == []
    assert max(apart for apart, _, _ in found) <= DIFFERENCE
