"""A whole sweep: what is measured, what is chosen, what a choice was worth, and by whom it is worked out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from given_grids import HOLD, every, threshold
from given_studies import study_of, walk

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Back
from rebalancer.core.model.estimation import Bounds, Estimation, EveryMonths, Method
from rebalancer.research.kernel.outcomes import paths
from rebalancer.research.model import Configuration, Study
from rebalancer.research.sweep.break_even import worse_from
from rebalancer.research.sweep.crew import Cores, Machines, tables
from rebalancer.research.sweep.model import SweepResult
from rebalancer.research.sweep.run import run_sweep
from rebalancer.research.sweep.walk import folds_of, spans_of
from rebalancer.research.sweep.windows import Windows
from rebalancer.units import ONE, PPM, Ppm, Usd

GRID = (*(threshold(0.01 * at, back) for at in range(1, 8) for back in Back), every(7), every(30), HOLD)


def study_of_years(seed: int = 3, days: int = 900) -> Study:
    return study_of(walk(seed, days, 4), ("A", "B", "C", "USD"), fee=1_000, gas=20 * 10**9)


def swept(study: Study | None = None, grid: tuple[Configuration, ...] = GRID) -> SweepResult:
    return run_sweep(study or study_of_years(), grid, Windows.ANCHORED)


def test_measures__of_every_configuration__are_those_of_its_path() -> None:
    result = swept()
    values, units = paths(result.study, GRID, (0, 899))
    returns = values[1:] / values[:-1] - 1
    found = result.measures
    assert found.final == pytest.approx(values[-1])
    assert values[-1] == pytest.approx(units[-1] @ result.study.prices.usd[-1] - found.gas)
    assert found.gas[:-1].min() > 100 and found.gas[-1] == 0
    assert found.volatility == pytest.approx(returns.std(axis=0, ddof=1) * 365**0.5)
    assert found.sharpe == pytest.approx(returns.mean(axis=0) / returns.std(axis=0, ddof=1) * 365**0.5)
    assert found.drawdown == pytest.approx((1 - values / np.maximum.accumulate(values)).max(axis=0))
    assert found.growth == pytest.approx((values[-1] / 100_000) ** (365 / 899) - 1)
    worth = units * result.study.prices.usd[:, None, :]
    drifted = units[:-1] * result.study.prices.usd[1:, None, :]
    after, before = (((w / w.sum(axis=2, keepdims=True) - 0.25) ** 2).sum(axis=2) for w in (worth[:-1], drifted))
    assert found.tracking == pytest.approx(np.sqrt((after + before).mean(axis=0) / 2))
    above = (returns - (result.hold[1:] / result.hold[:-1] - 1)[:, None])[:, :-1]
    assert found.ahead[:-1] == pytest.approx(above.mean(axis=0) / above.std(axis=0, ddof=1) * 365**0.5)
    assert found.ahead[-1] == 0 and found.trades[-1] == 0
    assert result.hold == pytest.approx(values[:, -1])
    assert result.values == pytest.approx(values[:, result.best])
    assert found.growth[result.best] == found.growth.max()


def test_sweep__of_targets_that_follow_from_prices__is_refused_and_says_who_plays_them() -> None:
    study = study_of_years(days=60)
    bounds = tuple(Bounds(target.token, Ppm(0), Ppm(PPM)) for target in study.targets)
    equal = tuple(Ppm(PPM // 4) for _ in bounds)
    following = Estimation(Method.INVERSE_VOLATILITY, 30, EveryMonths(1), None, equal, bounds)
    with pytest.raises(
        ConfigError, match="targets.method: inverse_volatility .*`method: fixed`.*`rebalancer backtest`"
    ):
        swept(replace(study, estimation=following))


def test_folds__anchored_and_rolling__choose_before_they_judge() -> None:
    anchored, rolling = folds_of(801, Windows.ANCHORED), folds_of(801, Windows.ROLLING)
    assert [fold[1:] for fold in anchored] == [(300, 400), (400, 500), (500, 600), (600, 700), (700, 800)]
    assert {fold[0] for fold in anchored} == {0}
    assert [fold[0] for fold in rolling] == [0, 100, 200, 300, 400]
    assert folds_of(80, Windows.ANCHORED) == ()
    assert spans_of(anchored[:1]) == [(0, 300), (300, 400)]


def test_walk__with_another_future__chooses_the_same_before_it() -> None:
    study = study_of_years()
    first = swept(study).walk
    assert first is not None
    split = first.folds[1].split
    usd = study.prices.usd.copy()
    usd[split + 1 :, 0] *= np.linspace(1, 5, len(usd) - split - 1)
    second = swept(replace(study, prices=replace(study.prices, usd=usd))).walk
    assert second is not None
    assert [fold.chosen for fold in second.folds[:2]] == [fold.chosen for fold in first.folds[:2]]
    assert second.folds[1].inside == first.folds[1].inside and second.folds[1].outside != first.folds[1].outside
    known = split - first.folds[0].split + 1
    assert second.values[:known].tobytes() == first.values[:known].tobytes()


def test_walk__one_configuration__is_what_it_came_to_from_the_first_split_on() -> None:
    result = swept(grid=(threshold(0.03),))
    assert result.walk is not None
    start = int(result.walk.at[0])
    values, _ = paths(result.study, [threshold(0.03)], (start, 899))
    assert result.walk.values == pytest.approx(values[:, 0], rel=1e-12)
    assert len(result.walk.at) == len(result.walk.values) == len(result.walk.hold) == 900 - start
    assert result.walk.skill is not None and (result.walk.skill.trials, result.walk.skill.luck) == (1, 0)


def test_walk__a_calendar_over_a_split__goes_on_waiting() -> None:
    result = swept(grid=(every(30),))
    assert result.walk is not None
    values, _ = paths(result.study, [every(30)], (int(result.walk.at[0]), 899))
    assert result.walk.values == pytest.approx(values[:, 0], rel=1e-12)


def test_walk__too_few_times__is_none() -> None:
    assert swept(study_of_years(days=60)).walk is None


def test_choices__several_fees__are_those_of_the_study() -> None:
    grid = tuple(threshold(band, fee=fee) for band in (0.02, 0.05) for fee in (100, 1_000, 3_000)) + (HOLD,)
    result = swept(grid=grid)
    assert result.choices == (1, 4, 6)
    assert result.best in result.choices and result.skill is not None and result.skill.trials == 3
    assert result.walk is not None and {fold.chosen for fold in result.walk.folds} <= set(result.choices)


def test_break_even__of_every_rule__is_where_it_meets_hold() -> None:
    result = swept(replace(study_of_years(7, 400), start=Usd(10**6 * ONE)))
    growth = result.measures.growth
    assert [growth[one.configuration] for one in result.break_even] == sorted(growth[:-1], reverse=True)[:10]
    assert result.calendar in (every(7), every(30))
    crossing = [one for one in result.break_even if one.than_hold]
    for one in crossing:
        rule = replace(GRID[one.configuration], fee=Ppm(round((one.than_hold or 0) * 1_000_000)))
        met = run_sweep(result.study, (rule, HOLD), Windows.ANCHORED).measures.growth
        assert met[0] == pytest.approx(met[1], abs=2e-3)
    assert len(crossing) > 1
    own = next(one for one in result.break_even if GRID[one.configuration] == result.calendar)
    assert own.than_calendar is None
    # The second of the three fees is the study's own.
    assert [one.growth[1] for one in result.break_even] == [growth[one.configuration] for one in result.break_even]


@pytest.mark.parametrize(("lead", "fee"), [((1, 1), None), ((-1, -1), 0.0), ((1, -1), 0.00025), ((-1, 1), None)])
def test_worse_from__a_lead__is_the_fee_at_which_it_is_gone(lead: tuple[int, int], fee: float | None) -> None:
    found = worse_from(np.array([lead[0], *[lead[1]] * 40], dtype=float))
    assert found == (None if fee is None else pytest.approx(fee))


def test_sweep__of_nothing__says_what_it_needs() -> None:
    with pytest.raises(ConfigError, match="0 configurations over 900 times"):
        swept(grid=())
    with pytest.raises(ConfigError, match="over 2 times, expected one or more over three"):
        swept(study_of_years(days=2))


def test_sweep__of_less_than_a_year__has_growth_in_all_and_no_ratio() -> None:
    result = swept(study_of_years(days=200))
    found = result.measures
    assert found.growth == pytest.approx(found.final / 100_000 - 1)
    assert np.isnan(found.sharpe).all() and np.isnan(found.ahead).all() and not np.isnan(found.volatility).any()
    assert result.skill is None and result.ahead is None and result.years == pytest.approx(199 / 365)
    assert result.walk is not None and result.walk.sharpe is None and result.walk.skill is None
    assert result.walk.growth == pytest.approx(result.walk.values[-1] / 100_000 - 1)


def test_folds__of_a_walk__are_what_each_came_to_in_all() -> None:
    result = swept()
    assert result.walk is not None
    for fold in result.walk.folds:
        chosen, left = (paths(result.study, [one], (fold.split, fold.end))[0] for one in (GRID[fold.chosen], HOLD))
        assert fold.outside == pytest.approx(chosen[-1, 0] / 100_000 - 1)
        assert fold.hold == pytest.approx(left[-1, 0] / 100_000 - 1)


def test_progress__of_a_sweep__ends_where_all_is_done() -> None:
    told: list[tuple[int, int]] = []
    run_sweep(study_of_years(), GRID, Windows.ROLLING, None, lambda done, whole: told.append((done, whole)))
    assert told == [(at, 11) for at in range(1, 12)]


def test_machines__nobody_there__is_named_with_the_next_step() -> None:
    study = study_of_years(days=100)
    with pytest.raises(ConfigError, match=r"--dask: no scheduler answers at 'nonsense'.*expected the address"):
        tables(Machines("nonsense"), study, GRID, [(0, 99)], None)


def test_machines__no_address__says_so_at_once_and_leaves_nothing_to_complain_at_the_end() -> None:
    asked = ("sweep", "--synthetic", "3", "--to", "2020-06-30", "--band", "5 %", "--dask", "nonsense")
    done = subprocess.run([sys.executable, "-m", "rebalancer", *asked], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith("ConfigError: --dask: no scheduler answers at 'nonsense'")
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.slow
def test_machines__a_scheduler_and_two_workers__come_to_the_same_bytes() -> None:
    from distributed import LocalCluster

    study = study_of_years()
    spans = [(0, 899), (0, 300), (300, 899)]
    here = tables(Cores(), study, GRID, spans, None)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        crew = Machines(cluster.scheduler_address)
        crew.chunk = 5
        there = tables(crew, study, GRID, spans, None)
        result = run_sweep(study, GRID, Windows.ANCHORED, crew)
    assert [table.tobytes() for table in there] == [table.tobytes() for table in here]
    assert result.walk is not None and swept(study).walk is not None
    assert result.measures.growth.tobytes() == swept(study).measures.growth.tobytes()
    assert result.walk.values.tobytes() == swept(study).walk.values.tobytes()
