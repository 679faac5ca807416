"""Measures against cases that a hand can work out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from given_backtests import DAY, START, YEAR, made, traded, worth

from rebalancer.research.drawdown import drawdowns
from rebalancer.research.measures import measure, mix_returns, wealth_of


def test_return__two_years_from_100_to_121__ten_per_cent_a_year() -> None:
    found = measure(worth(100, 110, 121, days=(0, 365, 730)))
    assert found.years == 2
    assert found.total_return == pytest.approx(0.21)
    assert found.annual_return == pytest.approx(0.10)


def test_annual_return__less_than_a_year__is_not_told() -> None:
    assert measure(worth(100, 105, 110)).annual_return is None


def test_volatility__even_samples__is_the_standard_deviation_times_root_365() -> None:
    returns = np.tile([0.02, -0.01, 0.03, -0.02], 100)
    found = measure(worth(*(100 * np.concatenate(([1.0], np.cumprod(1 + returns))))))
    assert found.volatility == pytest.approx(returns.std(ddof=1) * math.sqrt(365))
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365))


def test_volatility__steady_growth_over_uneven_times__is_none() -> None:
    """One per cent a day in simple returns, whether a day or three go by: no more than rounding is left."""
    found = measure(worth(100, 101, 101 * 1.03, 101 * 1.03 * 1.01, days=(0, 1, 4, 5)))
    assert found.volatility == pytest.approx(0, abs=1e-12)


def test_sortino__one_loss_of_four_returns__counts_all_four() -> None:
    returns = np.tile([0.02, -0.04, 0.02, 0.02], 100)
    found = measure(worth(*(100 * np.concatenate(([1.0], np.cumprod(1 + returns))))))
    below = math.sqrt(0.04**2 / 4) * math.sqrt(365)
    assert found.sortino == pytest.approx(returns.mean() * 365 / below)


def test_ratios__nothing_moves__are_not_told() -> None:
    found = measure(worth(100, 100, 100, days=(0, 200, 400)))
    assert (found.volatility, found.sharpe, found.sortino) == (0, None, None)


def test_ratios__less_than_a_year__are_not_told_and_the_volatility_is() -> None:
    found = measure(worth(100, 101, 99, 103))
    assert (found.sharpe, found.sortino) == (None, None)
    assert found.volatility is not None


def test_volatility__one_return__is_not_told() -> None:
    assert measure(worth(100, 110)).volatility is None


def test_drawdown__falls_from_120_to_90_and_recovers__a_quarter_and_the_days_until_then() -> None:
    found = measure(worth(100, 120, 90, 110, 130, 125)).drawdown
    assert found.depth == pytest.approx(0.25)
    assert (found.peak, found.trough, found.recovered) == (START + DAY, START + 2 * DAY, START + 4 * DAY)
    assert found.longest == 3 * DAY


def test_drawdown__never_recovers__the_end_counts() -> None:
    found = measure(worth(100, 90, 95, 92)).drawdown
    assert (found.recovered, found.longest) == (None, 3 * DAY)


def test_drawdown__only_rises__is_nothing() -> None:
    found = measure(worth(100, 101, 101, 102)).drawdown
    assert (found.depth, found.longest) == (0, 0)


def test_drawdowns__two_falls__each_from_its_own_peak() -> None:
    assert drawdowns(np.array([4.0, 2.0, 8.0, 6.0])) == pytest.approx([0, 0.5, 0, 0.25])


def test_drawdown__gas_has_cost_more_than_there_was__is_all_of_it() -> None:
    found = measure(worth(100, 100, 100, gas=((1, 80), (2, 80)))).drawdown
    assert (found.depth, found.recovered) == (1.0, None)


def test_wealth__gas_was_paid__is_less_by_it_from_then_on() -> None:
    assert wealth_of(worth(100, 100, 100, gas=((1, 7),))) == pytest.approx([100, 93, 93])


def test_return__a_cost_of_the_first_time__is_counted() -> None:
    """A hundred dollars, of which the first trade loses four to the pool and one to gas."""
    trade = traded(0, (96, -100), sold=100, fee=4, gas=1)
    found = measure(made([[1, 1]] * 3, [[96, 0]] * 3, trades=[trade]))
    assert (found.start, found.end) == (100, 95)
    assert found.total_return == pytest.approx(-0.05)
    assert found.turnover == pytest.approx(1)


def test_ratios__gas_has_eaten_everything__are_not_told() -> None:
    found = measure(worth(100, 100, 100, gas=((1, 150),)), hold=worth(100, 100, 100))
    assert (found.volatility, found.sharpe, found.tracking_error, found.bonus) == (None, None, None, None)
    assert found.total_return == pytest.approx(-1.5)


def test_turnover__half_is_sold_once_in_two_years__a_quarter_a_year() -> None:
    trade = traded(1, (-5, 5), sold=50, fee=0.5, impact=0.25, gas=1.25)
    found = measure(
        made([[10, 10]] * 3, [[5, 5], [0, 9.925], [0, 9.925]], trades=[trade], days=(0, 365, 730)),
    )
    assert found.turnover == pytest.approx(0.25)
    assert found.cost_rate == pytest.approx(2 / 100 / 2)
    assert (found.costs.fee, found.costs.impact, found.costs.gas, found.costs.total) == (0.5, 0.25, 1.25, 2.0)
    assert found.rebalances == 1


def test_drift__goes_from_none_to_a_tenth_and_is_brought_back__the_mean_of_both_ends() -> None:
    """Weights 0.5/0.5, then 0.6/0.4 before a trade and 0.5/0.5 after it, then no move."""
    found = measure(made([[10, 10], [15, 10], [15, 10]], [[1, 1], [5 / 6, 1.25], [5 / 6, 1.25]]))
    assert found.drift == pytest.approx(math.sqrt((2 * 0.1**2) / 4))


def test_outside__a_weight_is_found_beyond_its_edge_and_brought_back__half_of_the_day_before() -> None:
    backtest = made([[10, 10], [15, 10], [15, 10]], [[1, 1], [5 / 6, 1.25], [5 / 6, 1.25]])
    assert measure(backtest, edges=np.full((3, 2), 0.05)).outside == pytest.approx(0.25)


def test_outside__nothing_is_done_about_it__all_of_the_time_after() -> None:
    backtest = made([[10, 10], [15, 10], [15, 10]], [[1, 1]] * 3)
    assert measure(backtest, edges=np.full((3, 2), 0.05)).outside == pytest.approx(0.75)


def test_outside__no_band_is_drawn__is_not_told() -> None:
    assert measure(worth(1, 2, 3), edges=np.full((3, 1), np.nan)).outside is None


def test_mix__two_halves_of_which_one_doubles__grows_by_half_each_time() -> None:
    assert mix_returns(made([[1, 1], [2, 1], [4, 1]], [[1, 1]] * 3)) == pytest.approx([0.5, 0.5])


def test_tracking_error__always_on_target_without_cost__is_none() -> None:
    usd = [[1.0, 1.0], [2.0, 1.0], [1.0, 1.0], [3.0, 2.0]]
    units, value = [[0.5, 0.5]], 1.0
    for before, now in zip(usd, usd[1:], strict=False):
        value *= sum(0.5 * b / a for a, b in zip(before, now, strict=True))
        units.append([value / 2 / now[0], value / 2 / now[1]])
    assert measure(made(usd, units)).tracking_error == pytest.approx(0, abs=1e-12)


def test_bonus__grows_ten_per_cent_more_in_a_year__its_logarithm() -> None:
    found = measure(worth(100, 110, days=(0, 365)), hold=worth(100, 100, days=(0, 365)))
    assert found.bonus == pytest.approx(math.log(1.1))
    assert found.bonus_error is None


def test_bonus_error__known_differences__their_deviation_over_root_of_years() -> None:
    days = (0, 200, 400, 600, 800)
    ours, theirs = worth(100, 104, 102, 108, 108, days=days), worth(100, 101, 103, 104, 105, days=days)
    logs = np.diff(np.log(wealth_of(ours) / wealth_of(theirs)))
    found = measure(ours, hold=theirs)
    years = 800 * DAY / YEAR
    assert found.bonus == pytest.approx(logs.sum() / years)
    assert found.bonus_error == pytest.approx(logs.std(ddof=1) * math.sqrt(365 / 200) / math.sqrt(years))


def test_bonus__four_days__is_told_in_all_and_so_is_its_error() -> None:
    ours, theirs = worth(100, 104, 102, 108, 108), worth(100, 101, 103, 104, 105)
    logs = np.diff(np.log(wealth_of(ours) / wealth_of(theirs)))
    found = measure(ours, hold=theirs)
    assert found.bonus == pytest.approx(logs.sum())
    assert found.bonus_error == pytest.approx(logs.std(ddof=1) * math.sqrt(4))


def test_costs__a_month__are_told_in_all() -> None:
    trade = traded(1, (-5, 5), sold=50, fee=0.5, impact=0.25, gas=1.25)
    found = measure(made([[10, 10]] * 3, [[5, 5], [0, 9.925], [0, 9.925]], trades=[trade], days=(0, 15, 30)))
    assert (found.turnover, found.cost_rate) == (pytest.approx(0.5), pytest.approx(0.02))
