"""Daily closes to weights: against closed forms, against skfolio's own, and with no look ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_closes import ANY, FIRST, bounds, closes_of, estimation, weights_at, with_moments

from rebalancer.adapters.targets.estimators import Closes, covariance_of, estimate, updated
from rebalancer.core.model import Hold
from rebalancer.core.model.estimation import EveryDays, EveryMonths, Method
from rebalancer.core.periods import DAY, updates_until
from rebalancer.units import PPM

GRAIN = 100
BY_RISK = (Method.INVERSE_VOLATILITY, Method.EQUAL_RISK, Method.MINIMUM_VARIANCE)
OPTIMISED = (Method.EQUAL_RISK, Method.MINIMUM_VARIANCE, Method.MAXIMUM_SHARPE)
LOWEST = ((500_000, 900_000), (300_000, PPM), (200_000, PPM))
HIGHEST = ((0, 500_000), (0, 300_000), (0, 200_000))
NO_RETURNS = np.empty((0, 3))


def said(method: Method, returns: np.ndarray, *ends: tuple[int, int]) -> tuple[int, ...]:
    found = estimate(method, returns, bounds(*ends))
    assert not isinstance(found, Hold), found
    assert sum(found) == PPM
    return found


def diagonal(*deviations: float) -> np.ndarray:
    return np.diag(np.square(deviations))


# ---------------------------------------------------------------- closed forms


def test_estimate__of_equal__is_equal_and_looks_at_no_price() -> None:
    assert said(Method.EQUAL, NO_RETURNS, ANY, ANY, ANY) == (333_400, 333_300, 333_300)
    assert said(Method.EQUAL, NO_RETURNS, (200_000, 200_000), ANY, ANY) == (200_000, 400_000, 400_000)
    assert said(Method.EQUAL, NO_RETURNS, (0, 100_000), ANY, ANY) == (100_000, 450_000, 450_000)


def test_estimate__of_inverse_volatility__is_one_over_the_deviations() -> None:
    returns = with_moments(diagonal(0.01, 0.02, 0.04))
    # 4 : 2 : 1
    assert said(Method.INVERSE_VOLATILITY, returns, ANY, ANY, ANY) == (571_400, 285_700, 142_900)


def test_estimate__of_minimum_variance_without_correlation__is_one_over_the_variances() -> None:
    returns = with_moments(diagonal(0.01, 0.02, 0.04))
    # 16 : 4 : 1, what is left of correlation is shrunk away: its sample is none.
    assert said(Method.MINIMUM_VARIANCE, returns, ANY, ANY, ANY) == pytest.approx(
        (761_900, 190_500, 47_600), abs=2 * GRAIN
    )


def test_estimate__of_equal_risk_without_correlation__is_inverse_volatility() -> None:
    returns = with_moments(diagonal(0.01, 0.02, 0.04))
    expected = said(Method.INVERSE_VOLATILITY, returns, ANY, ANY, ANY)
    assert said(Method.EQUAL_RISK, returns, ANY, ANY, ANY) == pytest.approx(expected, abs=2 * GRAIN)


def test_estimate__of_equal_risk__gives_each_token_the_same_share_of_the_variance() -> None:
    closes = closes_of((0.02, 0.04, 0.05), 0.5, 400)
    returns = closes.usd[1:] / closes.usd[:-1] - 1
    weights = np.array(said(Method.EQUAL_RISK, returns, ANY, ANY, ANY)) / PPM
    parts = weights * (covariance_of(returns) @ weights)
    assert parts / parts.sum() == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_estimate__of_minimum_variance__has_no_less_variance_in_any_direction() -> None:
    closes = closes_of((0.02, 0.03, 0.05), 0.3, 400)
    returns = closes.usd[1:] / closes.usd[:-1] - 1
    weights = np.array(said(Method.MINIMUM_VARIANCE, returns, ANY, ANY, ANY)) / PPM
    slopes = covariance_of(returns) @ weights
    # Of all that are held the variance rises alike, of what is not held by no less.
    held = weights > 0.001
    assert slopes[held] == pytest.approx(np.full(held.sum(), slopes.min()), rel=2e-3)


def test_estimate__of_maximum_sharpe__is_mean_over_variance() -> None:
    returns = with_moments(diagonal(0.01, 0.02, 0.04), mean=(0.001, 0.002, 0.004))
    # mu / sigma^2: 10 : 5 : 2.5
    assert said(Method.MAXIMUM_SHARPE, returns, ANY, ANY, ANY) == pytest.approx(
        (571_400, 285_700, 142_900), abs=3 * GRAIN
    )


# ---------------------------------------------------------------- against skfolio's own


def test_estimate__of_inverse_volatility__is_skfolios() -> None:
    from skfolio.optimization import InverseVolatility

    closes = closes_of((0.02, 0.04, 0.05), 0.5, 91)
    returns = closes.usd[1:] / closes.usd[:-1] - 1
    expected = InverseVolatility().fit(returns).weights_ * PPM
    assert said(Method.INVERSE_VOLATILITY, returns, ANY, ANY, ANY) == pytest.approx(expected.tolist(), abs=GRAIN)


@pytest.mark.parametrize("method", OPTIMISED)
def test_estimate__of_many_days__is_skfolios_of_the_plain_sample(method: Method) -> None:
    from skfolio.optimization import MeanRisk, ObjectiveFunction, RiskBudgeting

    # So many days that nothing is shrunk: on the very same covariance both solve the very same problem.
    covariance = np.array([[4.0, 2.0, 1.0], [2.0, 9.0, 3.0], [1.0, 3.0, 16.0]]) * 1e-4
    returns = with_moments(covariance, mean=(0.001, 0.0012, 0.002), copies=2_000)
    models = {
        Method.EQUAL_RISK: RiskBudgeting(),
        Method.MINIMUM_VARIANCE: MeanRisk(),
        Method.MAXIMUM_SHARPE: MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO),
    }
    expected = models[method].fit(returns).weights_ * PPM
    assert said(method, returns, ANY, ANY, ANY) == pytest.approx(expected.tolist(), abs=1_000)


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("method", [Method.EQUAL, *BY_RISK, Method.MAXIMUM_SHARPE])
def test_estimate__of_floors_and_caps__stays_inside(method: Method) -> None:
    ends = ((300_000, 500_000), (100_000, 250_000), (150_000, 400_000), (50_000, 50_000))
    closes = closes_of((0.02, 0.04, 0.05, 0.001), 0.5, 120, drift=0.008)
    returns = closes.usd[1:] / closes.usd[:-1] - 1
    found = said(method, returns, *ends)
    assert all(low <= one <= high for one, (low, high) in zip(found, ends, strict=True))
    assert found[3] == 50_000


def test_estimate__of_a_cap__leaves_the_others_in_proportion() -> None:
    returns = with_moments(diagonal(0.01, 0.02, 0.04))
    # 4 : 2 : 1 with the first at a half: 2 : 1 share the other half.
    assert said(Method.INVERSE_VOLATILITY, returns, (0, 500_000), ANY, ANY) == (500_000, 333_300, 166_700)


@pytest.mark.parametrize("method", [Method.EQUAL, *BY_RISK])
@pytest.mark.parametrize("ends", [LOWEST, HIGHEST], ids=["floors", "caps"])
def test_estimate__of_bounds_with_one_way_out__takes_it(method: Method, ends: tuple[tuple[int, int], ...]) -> None:
    closes = closes_of((0.02, 0.04, 0.05), 0.5, 90)
    returns = closes.usd[1:] / closes.usd[:-1] - 1
    found = estimate(method, returns, bounds(*ends))
    assert found == (500_000, 300_000, 200_000)


# ---------------------------------------------------------------- where there is no estimate


def test_estimate__of_a_price_that_stands_still__says_which() -> None:
    closes = closes_of((0.02, 0.0, 0.05), 0.0, 90)
    found = estimate(Method.INVERSE_VOLATILITY, closes.usd[1:] / closes.usd[:-1] - 1, bounds(ANY, ANY, ANY))
    assert isinstance(found, Hold) and found.reason.startswith("T1 has not moved at all")


def test_estimate__of_the_best_ratio_where_all_has_fallen__says_so() -> None:
    returns = with_moments(diagonal(0.01, 0.02, 0.04), mean=(-0.001, -0.002, -0.001))
    found = estimate(Method.MAXIMUM_SHARPE, returns, bounds(ANY, ANY, ANY))
    assert isinstance(found, Hold) and "no weights inside the bounds have risen" in found.reason


def test_estimate__of_the_best_ratio_where_the_bounds_hold_what_has_risen_down__says_so() -> None:
    returns = with_moments(diagonal(0.01, 0.02, 0.04), mean=(-0.004, -0.004, 0.001))
    found = estimate(Method.MAXIMUM_SHARPE, returns, bounds(ANY, ANY, (0, 100_000)))
    assert isinstance(found, Hold) and "no weights inside the bounds have risen" in found.reason


def test_estimate__of_fewer_days_than_tokens__has_an_answer() -> None:
    returns = np.random.default_rng(3).standard_normal((6, 10)) * 0.03
    for method in (Method.EQUAL_RISK, Method.MINIMUM_VARIANCE):
        assert min(said(method, returns, *[ANY] * 10)) >= 0


@pytest.mark.parametrize(("days", "enough"), [(41, True), (40, False), (1, False), (0, False)])
def test_updated__of_a_short_history__leaves_the_weights_before(days: int, enough: bool) -> None:
    of = estimation()
    closes = closes_of((0.02, 0.03, 0.04), 0.5, 61)
    due = int(closes.times[-1])
    short = Closes(closes.times[61 - days :], closes.usd[61 - days :])
    found = updated(of, of.start, short, due)
    if enough:
        assert found.why is None and found.wanted == found.weights != of.start and found.samples == 40
        return
    assert found.weights == of.start and found.wanted is None
    assert (
        found.why is not None and f"{max(days - 1, 0)} returns of the 60 days before, expected at least 40" in found.why
    )


def test_updated__of_a_newest_price_that_is_old__leaves_the_weights_before() -> None:
    of = estimation()
    closes = closes_of((0.02, 0.03, 0.04), 0.5, 61)
    for late, held in ((7, False), (8, True)):
        found = updated(of, of.start, Closes(closes.times, closes.usd), int(closes.times[-1]) + late * DAY)
        assert (found.weights == of.start) is held
        assert not held or "8 d before, expected at most 7 d" in (found.why or "")


def test_updated__over_a_gap__leaves_its_return_out() -> None:
    closes = closes_of((0.02, 0.03, 0.04), 0.5, 61)
    jumped = closes.usd.copy()
    jumped[31:] *= 5.0
    without, of, due = np.arange(61) != 30, estimation(), int(closes.times[-1])
    found = updated(of, of.start, Closes(closes.times[without], jumped[without]), due)
    calm = updated(of, of.start, Closes(closes.times[without], closes.usd[without]), due)
    assert found.samples == 58
    assert found.weights == calm.weights


@pytest.mark.parametrize("method", [*BY_RISK, Method.MAXIMUM_SHARPE])
@pytest.mark.parametrize(("day", "factor"), [(30, 10.0), (30, 1e-6), (60, 10.0), (0, 4.0)])
def test_updated__of_one_price_that_is_wrong__leaves_the_weights_before(
    method: Method, day: int, factor: float
) -> None:
    of = estimation(method)
    closes = closes_of((0.02, 0.03, 0.04), 0.5, 61, drift=0.01)
    wrong = closes.usd.copy()
    wrong[day, 1] *= factor
    due = int(closes.times[-1])
    found = updated(of, of.start, Closes(closes.times, wrong), due)
    assert found.weights == of.start and found.wanted is None
    assert found.why is not None and found.why.startswith("T1 moved by a factor of ")
    assert updated(of, of.start, closes, due).why is None


def test_updated__of_a_token_that_moves_as_none_does__leaves_the_weights_before() -> None:
    of = estimation()
    closes = closes_of((0.02, 0.03, 0.04), 0.5, 61)
    wild = closes.usd.copy()
    wild[:, 2] *= np.where(np.arange(61) % 2, 1.0, 1.25)
    found = updated(of, of.start, Closes(closes.times, wild), int(closes.times[-1]))
    assert found.weights == of.start and found.why is not None
    assert found.why.startswith("T2 moved by 4") and "% a year, expected at most 300 %; look at its feed" in found.why


def test_updated__of_a_wrong_price_of_what_is_not_estimated__is_none_the_less() -> None:
    of = estimation(ends=(ANY, ANY, (300_000, 300_000)))
    closes = closes_of((0.02, 0.03, 0.04), 0.5, 61)
    wrong = closes.usd.copy()
    wrong[30, 2] *= 10.0
    due = int(closes.times[-1])
    found = updated(of, of.start, Closes(closes.times, wrong), due)
    assert found.why is None and found.weights == updated(of, of.start, closes, due).weights


# ---------------------------------------------------------------- from update to update


@pytest.mark.parametrize("method", list(Method))
def test_weights_at__after_the_future_was_changed__are_the_same(method: Method) -> None:
    of = estimation(method, step=(50_000, FIRST))
    closes = closes_of((0.02, 0.03, 0.04), 0.5, 200, drift=0.001)
    at = FIRST + 150 * DAY + 1_000
    dice = np.random.default_rng(5)
    other = closes.usd.copy()
    other[150 + 1 :] *= np.exp(dice.standard_normal(other[151:].shape))
    shuffled = Closes(closes.times, other)
    cut = Closes(closes.times[:151], closes.usd[:151])
    assert weights_at(of, closes, at) == weights_at(of, shuffled, at) == weights_at(of, cut, at)


def test_weights_at__with_a_step__moves_by_no_more_and_from_what_was_before() -> None:
    of = estimation(step=(80_000, FIRST))
    closes = closes_of((0.01, 0.03, 0.06), 0.5, 300)
    before = of.start
    for due in updates_until(of, FIRST + 299 * DAY):
        found = weights_at(of, closes, due + 5_000)
        assert found.at == due and found.before == before
        assert max(abs(a - b) for a, b in zip(found.weights, before, strict=True)) <= 80_000
        before = found.weights
    assert found.weights == found.wanted != of.start


def test_weights_at__before_the_first_update__are_where_they_start() -> None:
    of = estimation(step=(20_000, FIRST + 1))
    found = weights_at(of, closes_of((0.01, 0.03, 0.06), 0.5, 31), FIRST + 30 * DAY)
    assert found.weights == of.start and found.why == "no update was due yet"


def test_weights_at__without_a_step__is_the_newest_estimate_that_there_is() -> None:
    of = estimation(lookback=40)
    closes = closes_of((0.01, 0.03, 0.06), 0.5, 120)
    march = weights_at(of, closes, FIRST + 59 * DAY)
    assert march.weights == march.wanted != of.start
    # In April the feeds have been silent for weeks.
    silent = Closes(closes.times[:60], closes.usd[:60])
    april = weights_at(of, silent, FIRST + 91 * DAY)
    assert april.weights == march.weights and april.wanted is None and april.why is not None


def test_weights_at__of_other_updates__are_those_of_their_own_day() -> None:
    closes = closes_of((0.01, 0.03, 0.06), 0.5, 200)
    weekly = replace(estimation(), update=EveryDays(7, 4))
    monthly = replace(estimation(), update=EveryMonths(1))
    at = FIRST + 150 * DAY
    assert weights_at(weekly, closes, at).at == at - 6 * DAY  # of a Sunday: a Monday
    assert weights_at(monthly, closes, at).at == FIRST + 120 * DAY  # the first of May
