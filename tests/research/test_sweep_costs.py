"""What a sweep costs: gas in every figure, the depth of pools, and what of it is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_grids import HOLD, every, threshold
from given_studies import study_of, walk

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Back
from rebalancer.research.kernel.lanes import study_of as asked_of
from rebalancer.research.measures import measure
from rebalancer.research.model import Configuration, Study
from rebalancer.research.replay import run_replay
from rebalancer.research.sweep.break_even import broken_even
from rebalancer.research.sweep.left_out import left_out
from rebalancer.research.sweep.model import SweepResult
from rebalancer.research.sweep.run import run_sweep
from rebalancer.research.sweep.windows import Windows
from rebalancer.units import ONE, Ppm, Usd

GRID = (*(threshold(0.01 * at, back) for at in range(1, 8) for back in Back), every(7), every(30), HOLD)


def study_of_years(seed: int = 3, days: int = 900) -> Study:
    return study_of(walk(seed, days, 4), ("A", "B", "C", "USD"), fee=1_000, gas=20 * 10**9)


def swept(study: Study | None = None, grid: tuple[Configuration, ...] = GRID) -> SweepResult:
    return run_sweep(study or study_of_years(), grid, Windows.ANCHORED)


def test_break_even__of_rules_at_two_depths__is_against_the_calendar_at_the_same() -> None:
    study = study_of(walk(7, 400, 4), ("A", "B", "C", "USD"), fee=1_000, start=100_000)
    depths = Usd(10**9 * ONE), Usd(200_000 * ONE)
    rules = [replace(one, depth=depth) for depth in depths for one in (threshold(0.02), every(7))]
    for calendar in (rules[1], rules[3]):
        found = broken_even(study, rules, np.array([0.2, 0.2, 0.1, 0.1]), calendar)
        than = {rules[one.configuration]: one.than_calendar for one in found}
        for depth in depths:
            band, own = (replace(one, depth=depth) for one in (threshold(0.02), every(7)))
            (alone,) = broken_even(study, [band], np.array([0.1]), own)
            assert than[band] == alone.than_calendar and than[own] is None


def test_left_out__a_fee_of_nothing__is_said_to_be_a_millionth() -> None:
    free = replace(threshold(0.05), fee=Ppm(0))
    assert any("played as 0.0001 %" in words for words in left_out(study_of_years(), (threshold(0.05), free)))
    assert not any("played as" in words for words in left_out(study_of_years(), (threshold(0.05),)))


def test_left_out__what_only_a_tick_can_do__is_named() -> None:
    limits, gas = left_out(study_of_years(), GRID)
    assert "min_trade" in limits and "estimate" in gas


def test_thin_pools__against_the_portfolio__are_told_and_below_it_refused() -> None:
    study = study_of(walk(3, 100, 4), ("A", "B", "C", "USD"), start=100_000)
    deep, thin, none = (replace(threshold(0.05), depth=Usd(depth * ONE)) for depth in (500_000, 499_999, 99_999))
    assert not any("pools are thin" in words for words in left_out(study, (threshold(0.05), deep)))
    assert "A has 499,999 USD, less than 5 times 100,000 USD" in left_out(study, (deep, thin))[-1]
    with pytest.raises(
        ConfigError, match="--depth or --pools: A has pools of 99,999 USD for a portfolio of 100,000 USD"
    ):
        swept(study, (deep, none))


def test_thin_pools__of_a_small_target__are_measured_against_six_times_that() -> None:
    study = study_of(walk(3, 100, 4), ("A", "B", "C", "USD"), weights=[0.01, 0.39, 0.3, 0.3], start=100_000)
    deep = replace(study, frictions=replace(study.frictions, depth=(Usd(30_001 * ONE), None, None, None)))
    assert not any("pools are thin" in words for words in left_out(deep, (HOLD,)))
    thin = replace(study, frictions=replace(study.frictions, depth=(Usd(29_999 * ONE), None, None, None)))
    assert "A has 29,999 USD, less than 5 times 6,000 USD" in left_out(thin, (HOLD,))[-1]


def test_gas__of_a_small_portfolio__is_in_its_risk_and_its_fall() -> None:
    """Fees and prices take the same share of both; gas takes the same dollars."""
    rich, poor = study_of_years(), replace(study_of_years(), start=Usd(20_000 * ONE))
    large, small = swept(rich).measures, swept(poor).measures
    weekly = GRID.index(every(7))
    assert small.sharpe[weekly] < large.sharpe[weekly] - 0.05 and small.ahead[weekly] < large.ahead[weekly] - 0.05
    assert small.drawdown[weekly] > large.drawdown[weekly] + 0.01


def test_gas__as_a_backtest_has_it__gives_the_same_measures() -> None:
    """To within what its estimate by the number of swaps is off: of several with the hub, each is counted as two."""
    study = study_of(walk(3, 400, 4), ("A", "B", "C", "USD"), fee=1_000, gas=5 * 10**9, start=100_000)
    found = swept(study, (every(7), HOLD)).measures
    replayed = measure(run_replay(asked_of(study, every(7))))
    assert 0.9 * found.gas[0] <= replayed.costs.gas <= found.gas[0] * 1.0001 and replayed.costs.gas > 200
    assert replayed.sharpe == pytest.approx(found.sharpe[0], abs=0.01)
    assert replayed.volatility == pytest.approx(found.volatility[0], rel=0.001)
    assert replayed.drawdown.depth == pytest.approx(found.drawdown[0], abs=0.002)


@pytest.mark.parametrize("symbols", [("A", "USD"), ("A", "B", "C")])
def test_gas__where_the_hub_ends_one_swap_or_none__is_that_of_the_backtest(symbols: tuple[str, ...]) -> None:
    study = study_of(walk(3, 100, len(symbols)), symbols, gas=5 * 10**9, start=1_000_000)
    found = swept(study, (threshold(0.02),)).measures
    replayed = measure(run_replay(asked_of(study, threshold(0.02))))
    assert replayed.costs.gas == pytest.approx(found.gas[0], rel=1e-9) and found.trades[0] > 3


def test_gas__that_eats_everything__leaves_no_ratio_and_a_fall_of_all() -> None:
    study = replace(study_of_years(), start=Usd(1_000 * ONE))
    found = swept(study, (every(1), threshold(0.5), HOLD)).measures
    assert found.final[0] < 0 and found.growth[0] == -1 and found.drawdown[0] == 1
    assert np.isnan([found.sharpe[0], found.ahead[0], found.volatility[0]]).all()
    assert not np.isnan([found.sharpe[1:], found.ahead[1:], found.volatility[1:], found.drawdown[1:]]).any()
    ruined = swept(study, (every(1),))
    assert ruined.skill is None and ruined.ahead is None
    assert ruined.walk is not None and ruined.walk.growth == -1 and ruined.walk.sharpe is None
    assert ruined.walk.drawdown == 1


def test_walk__with_gas__is_worth_what_is_held_less_all_gas_until_then() -> None:
    free = study_of_years()
    free = replace(free, frictions=replace(free.frictions, gas_price=np.zeros(900, dtype=np.int64)))
    unpaid, walk = swept(free, (every(7),)).walk, swept(grid=(every(7),)).walk
    assert unpaid is not None and walk is not None
    # The same trades in each: what lies between both is gas, and only grows.
    gas = unpaid.values - walk.values
    assert gas[0] == 0 and (np.diff(gas) >= -1e-6).all() and gas[-1] > 100
    assert walk.values[0] == pytest.approx(100_000)
    assert (1 + walk.growth) ** walk.years == pytest.approx(walk.values[-1] / walk.values[0])
    assert (1 + walk.hold_growth) ** walk.years == pytest.approx(walk.hold[-1] / walk.hold[0])
