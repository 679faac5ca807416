"""The kernel against the live tick itself: the same final value, and the same days of trade."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_grids import DAY, drawn, every
from given_studies import study_of, walk

from rebalancer.config.schedule_text import schedule
from rebalancer.core.model import Window
from rebalancer.research.kernel.lanes import study_of as asked
from rebalancer.research.kernel.outcomes import paths
from rebalancer.research.measures import wealth_of
from rebalancer.research.model import Configuration, Study
from rebalancer.research.replay import run_replay
from rebalancer.research.study.policies import FREE_LIMITS
from rebalancer.units import Wei

DIFFERENCE = 1e-6
USUAL, ALL = 10, 200


SCHEDULES = ("weekly Tuesday 14:00", "monthly", "monthly last 12:00", "0 0 * * MON,THU", "30 9 1,15 * *", "0 */6 * * *")
WEEKDAYS = Window(frozenset(range(5)), 0, DAY)
APART = 9 * DAY
MOST = Wei(40 * 10**9)


def scheduled(seed: int, times: int) -> tuple[Study, Configuration]:
    """By the moments of a schedule, with bands and without, at prices a day apart or less; some in a window, some with
    rebalances apart."""
    study, one = drawn(seed, times)
    dice = np.random.default_rng(seed)
    at = study.prices.times[0] + int(dice.choice([DAY, DAY // 4, DAY // 5])) * np.arange(times, dtype=np.int64)
    policy = replace(
        study.policy,
        window=WEEKDAYS if dice.random() < 0.4 else None,
        apart=APART if dice.random() < 0.3 else None,
    )
    study = replace(study, policy=policy, prices=replace(study.prices, times=at))
    return study, replace(one, every=schedule(SCHEDULES[seed % len(SCHEDULES)]))


def compare(case: tuple[Study, Configuration]) -> tuple[float, list[int], list[int]]:
    """(relative difference of what they are worth in the end, when the replay traded, when the kernel did)"""
    study, one = case
    days = len(study.prices.times)
    replayed = run_replay(asked(study, one))
    values, units = paths(study, [one], (0, days - 1))
    final = float(wealth_of(replayed)[-1])
    traded = [time for time in range(1, days) if (units[time, 0] != units[time - 1, 0]).any()]
    return abs(float(values[-1, 0]) / final - 1), [trade.at for trade in replayed.trades], traded


@pytest.mark.parametrize("seed", range(USUAL))
def test_kernel__on_a_random_configuration__equals_the_replay(seed: int) -> None:
    apart, replayed, traded = compare(drawn(seed, 60))
    assert traded == replayed
    assert apart <= DIFFERENCE


@pytest.mark.parametrize("seed", range(2 * len(SCHEDULES)))
def test_kernel__by_a_schedule__equals_the_replay(seed: int) -> None:
    apart, replayed, traded = compare(scheduled(seed, 100))
    assert traded == replayed
    assert apart <= DIFFERENCE


@pytest.mark.parametrize(("days", "traded"), [(1, list(range(1, 20))), (7, [1, 8, 15])])
def test_calendar__on_daily_closes__trades_at_each_close_that_it_names(days: int, traded: list[int]) -> None:
    study = study_of(walk(1, 20, 3), start=10_000_000)
    apart, *both = compare((study, every(days)))
    assert both == [traded, traded]
    assert apart <= DIFFERENCE


def test_kernel__while_gas_is_too_dear__trades_when_the_replay_does() -> None:
    study = study_of(walk(2, 60, 3), start=10_000_000)
    dear = np.where(np.arange(60) % 10 < 7, MOST, MOST - 10**9)
    policy = replace(study.policy, limits=replace(FREE_LIMITS, max_gas_price=MOST, tip=Wei(10**9)))
    asked_for = replace(study, policy=policy, frictions=replace(study.frictions, gas_price=dear))
    apart, replayed, traded = compare((asked_for, every(2)))
    assert traded == replayed and len(traded) >= 5 and all(time % 10 >= 7 for time in traded)
    assert apart <= DIFFERENCE


def test_random_configurations__as_drawn__trade_at_all() -> None:
    assert sum(bool(compare(drawn(seed, 30))[2]) for seed in range(4)) >= 2
    assert sum(len(compare(scheduled(seed, 100))[2]) for seed in range(len(SCHEDULES))) >= 20


@pytest.mark.slow
def test_kernel__on_two_hundred_random_configurations__equals_the_replay() -> None:
    found = [compare(case(seed, 120)) for case in (drawn, scheduled) for seed in range(ALL)]
    assert [place for place, (_, replayed, traded) in enumerate(found) if replayed != traded] == []
    assert max(apart for apart, _, _ in found) <= DIFFERENCE
