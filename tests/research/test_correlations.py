"""Which assets move together: against closed forms, and against markets whose law is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from given_closes import FIRST

from rebalancer.core.errors import ConfigError
from rebalancer.research.correlation_words import caveats, suggestions
from rebalancer.research.correlations import LEAST, Correlations, correlations_of, interval
from rebalancer.research.crashes import crashes_of
from rebalancer.research.model import Prices

DAY = 86_400


def prices_of(returns: np.ndarray, names: str) -> Prices:
    """With these logarithmic returns, a day apart."""
    usd = np.exp(np.concatenate((np.zeros((1, returns.shape[1])), np.cumsum(returns, axis=0))))
    return Prices(tuple(names), FIRST + DAY * np.arange(len(usd)), usd)


def normal_returns(correlations: Sequence[Sequence[float]], days: int, seed: int = 11) -> np.ndarray:
    dice = np.random.default_rng(seed)
    found: np.ndarray = dice.standard_normal((days, len(correlations))) @ np.linalg.cholesky(correlations).T * 0.03
    return found


TWINS = [[1, 0.9, 0.2], [0.9, 1, 0.2], [0.2, 0.2, 1]]


def of_twins(days: int = 2_000) -> Correlations:
    return correlations_of(prices_of(normal_returns(TWINS, days), "ABC"), [0.4, 0.4, 0.2])


# ---------------------------------------------------------------- figures


def test_correlations_of__of_twins_and_a_stranger__names_the_twins() -> None:
    found = of_twins()
    assert found.clusters == (("A", "B"),)
    first = found.pairs[0]
    assert (first.one, first.other) == ("A", "B")
    assert first.low < 0.9 < first.high and first.high - first.low < 0.03
    assert [pair.correlation for pair in found.pairs] == sorted((p.correlation for p in found.pairs), reverse=True)
    assert np.diag(found.matrix) == pytest.approx(1) and found.matrix == pytest.approx(found.matrix.T)


def test_correlations_of__of_a_chain__joins_by_the_mean() -> None:
    # A with B and B with C are alike, A with C are not: the third is not joined.
    chain = [[1, 0.9, 0.65], [0.9, 1, 0.85], [0.65, 0.85, 1]]
    assert correlations_of(prices_of(normal_returns(chain, 4_000), "ABC"), [1, 1, 1]).clusters == (("A", "B"),)
    alike = [[1, 0.9, 0.85], [0.9, 1, 0.85], [0.85, 0.85, 1]]
    assert correlations_of(prices_of(normal_returns(alike, 4_000), "ABC"), [1, 1, 1]).clusters == (("A", "B", "C"),)


def test_correlations_of__of_equal_strangers__is_the_root_of_their_number() -> None:
    found = correlations_of(prices_of(normal_returns(np.eye(4).tolist(), 20_000), "ABCD"), [0.25] * 4)
    assert found.ratio == pytest.approx(2, rel=0.01)
    assert found.volatility == pytest.approx(0.03 * np.sqrt(365) / 2, rel=0.02)
    assert [part.risk for part in found.parts] == pytest.approx([0.25] * 4, abs=0.01)
    assert [part.ratio_without for part in found.parts] == pytest.approx([np.sqrt(3)] * 4, rel=0.01)


def test_correlations_of__of_parts__share_the_risk() -> None:
    found = of_twins()
    assert sum(part.risk for part in found.parts) == pytest.approx(1)
    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    # Without the stranger nearly nothing is diversified.
    stranger = next(part for part in found.parts if part.symbol == "C")
    assert stranger.ratio_without == pytest.approx(np.sqrt(2 / 1.9), rel=0.01)


def test_correlations_of__of_what_is_not_held__says_what_a_tenth_would_do() -> None:
    law = [[1, 0.8, 0.8, 0.0], [0.8, 1, 0.8, 0.0], [0.8, 0.8, 1, 0.0], [0.0, 0.0, 0.0, 1]]
    found = correlations_of(prices_of(normal_returns(law, 3_000), "ABCD"), [0.5, 0.5, 0, 0])
    assert [one.symbol for one in found.candidates] == ["D", "C"]
    assert found.candidates[0].ratio > found.ratio and found.candidates[0].volatility < found.volatility
    assert {part.symbol for part in found.parts} == {"A", "B"}


def test_correlations_of__of_a_dollar__leaves_it_out_and_counts_its_weight() -> None:
    returns = normal_returns(TWINS, 500)
    with_dollar = np.column_stack((returns, np.zeros(500)))
    found = correlations_of(prices_of(with_dollar, "ABCU"), [0.2, 0.2, 0.1, 0.5])
    alone = correlations_of(prices_of(returns, "ABC"), [0.4, 0.4, 0.2])
    assert found.still == ("U",) and found.symbols == ("A", "B", "C")
    assert found.volatility == pytest.approx(alone.volatility / 2) and found.moving == pytest.approx(0.5)
    assert found.ratio == pytest.approx(alone.ratio)
    assert any(line.startswith("U never moved") for line in caveats(found))


@pytest.mark.parametrize(("samples", "correlation"), [(30, 0.5), (90, 0.8), (365, 0.0)])
def test_interval__of_normal_days__holds_the_truth_nineteen_times_in_twenty(samples: int, correlation: float) -> None:
    dice = np.random.default_rng(2)
    law = np.linalg.cholesky([[1, correlation], [correlation, 1]]).T
    inside = 0
    for _ in range(2_000):
        low, high = interval(float(np.corrcoef(dice.standard_normal((samples, 2)) @ law, rowvar=False)[0, 1]), samples)
        inside += low <= correlation <= high
    assert inside / 2_000 == pytest.approx(0.95, abs=0.015)


# ---------------------------------------------------------------- crashes


def on_the_worst(covariance: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Of a normal law, where the whole is below its tenth: of the whole's variance v the share k is left there, and C
    becomes C - (1 - k) c c'/v, with c the covariances with the whole."""
    law = NormalDist()
    edge = law.inv_cdf(0.1)
    hazard = law.pdf(edge) / 0.1
    with_whole = covariance @ shares
    lost = edge * hazard + hazard**2
    there = covariance - lost * np.outer(with_whole, with_whole) / (shares @ with_whole)
    found: np.ndarray = there / np.sqrt(np.outer(np.diag(there), np.diag(there)))
    return found


def test_correlations_of__of_a_normal_law__shows_on_the_worst_days_what_that_law_does() -> None:
    found = correlations_of(prices_of(normal_returns(TWINS, 100_000), "ABC"), [0.4, 0.4, 0.2])
    expected = on_the_worst(np.array(TWINS), np.array([0.4, 0.4, 0.2]))
    for pair in found.pairs:
        there = expected["ABC".index(pair.one), "ABC".index(pair.other)]
        assert pair.worst == pytest.approx(there, abs=0.02)
        assert pair.worst_constant == pytest.approx(there, abs=0.01)
        assert pair.worst is not None and pair.worst < pair.correlation
    assert found.crashes is not None and found.crashes.days == 10_000


def fat_returns(days: int, seed: int, degrees: int | None, *, wild: bool) -> np.ndarray:
    """Of four assets whose correlation is a half on all days; `wild`: times are calm and wild by turns."""
    half = (np.eye(4) + 1) / 2
    found = normal_returns(half.tolist(), days, seed)
    dice = np.random.default_rng(1_000 + seed)
    if degrees is not None:
        found *= np.sqrt(degrees / dice.chisquare(degrees, (days, 1)))
    if wild:
        found *= np.exp(0.6 * np.sin(np.arange(days) / 90))[:, np.newaxis]
    return found


@pytest.mark.parametrize("days", [365, 1_095])
@pytest.mark.parametrize(("degrees", "wild"), [(None, False), (4, False), (3, False), (None, True), (5, True)])
def test_crashes__of_a_constant_correlation__are_not_taken_for_more(days: int, degrees: int | None, wild: bool) -> None:
    shares = np.full(4, 0.25)
    found = [crashes_of(fat_returns(days, seed, degrees, wild=wild), shares) for seed in range(24)]
    # One in twenty is by chance: of 24 more than four are so once in a hundred times.
    assert sum(one is not None and one.more for one in found) <= 4


def test_crashes__of_an_asset_that_stands_still_on_them__go_with_nothing_there() -> None:
    returns = normal_returns(np.eye(3).tolist(), 400)
    returns[:, 2] = 0
    returns[5, 2] = 0.5
    found = crashes_of(returns, np.full(3, 1 / 3))
    assert found is not None and found.matrix[2].tolist() == [0, 0, 1] and np.isfinite(found.mean)


def test_crashes__of_an_asset_that_is_another__are_those_of_fewer() -> None:
    returns = normal_returns(TWINS, 8_000)
    found = crashes_of(returns[:, [0, 1, 2, 2]], np.array([0.4, 0.4, 0.1, 0.1]))
    alone = crashes_of(returns, np.array([0.4, 0.4, 0.2]))
    assert found is not None and alone is not None
    assert found.matrix[:3, :3] == pytest.approx(alone.matrix) and found.if_constant[2, 3] == pytest.approx(1)
    assert found.if_constant[:3, :3] == pytest.approx(alone.if_constant, abs=0.01)


def test_correlations_of__of_a_market_that_falls_as_one__shows_more_on_the_worst_days() -> None:
    returns = normal_returns(np.eye(3).tolist(), 1_000)
    crash = np.random.default_rng(1).random(1_000) < 0.08
    returns[crash] = -0.1 + 0.03 * np.random.default_rng(3).standard_normal((crash.sum(), 1)) + returns[crash] / 5
    found = correlations_of(prices_of(returns, "ABC"), [1, 1, 1])
    assert all((pair.worst or 0) > (pair.worst_constant or 0) + 0.3 for pair in found.pairs)
    assert any("so they move together more just then" in line for line in caveats(found))
    usual = correlations_of(prices_of(fat_returns(1_095, 1, 4, wild=False), "ABCD"), [1, 1, 1, 1])
    assert any(line.startswith("crashes") and "no sign of another" in line for line in caveats(usual))


def test_correlations_of__of_few_days__says_nothing_of_the_worst() -> None:
    found = of_twins(days=60)
    assert found.crashes is None and all(pair.worst is None for pair in found.pairs)
    assert any("fewer than 10 days are among the worst 10 %; nothing is said" in line for line in caveats(found))


# ---------------------------------------------------------------- what is said, and what is refused


def test_suggestions__of_twins__calls_them_one_bet_with_their_share() -> None:
    said = suggestions(of_twins())
    assert said[0].startswith("A and B move together (at 0.8 or more, in the mean): count them as one bet, 80 % of the")
    assert any("C the most" in line for line in said)


def test_suggestions__of_twins__say_what_it_costs_to_leave_one_out() -> None:
    found = of_twins()
    ratio, without = found.ratio, {part.symbol: part.ratio_without or 0 for part in found.parts}
    least = max("AB", key=lambda symbol: without[symbol])
    assert without[least] > ratio
    said = suggestions(found)[0]
    assert said.endswith(f"leave out {least} loses little: the ratio is {without[least]:.3f} in place of {ratio:.3f}")


def test_suggestions__of_twins_that_balance_a_third__do_not_say_that_little_is_lost() -> None:
    found = correlations_of(prices_of(normal_returns(TWINS, 2_000), "ABC"), [0.1, 0.1, 0.8])
    said = suggestions(found)[0]
    assert max(part.ratio_without or 0 for part in found.parts if part.symbol in "AB") < 0.99 * found.ratio
    assert "little" not in said and "costs the least among them, and still something: the ratio is" in said


def test_suggestions__of_twins_of_which_one_is_held__say_no_more_than_that() -> None:
    found = correlations_of(prices_of(normal_returns(TWINS, 2_000), "ABC"), [0.5, 0, 0.5])
    assert suggestions(found)[0].endswith("count them as one bet")
    alone = correlations_of(prices_of(normal_returns(TWINS, 2_000), "ABC"), [0.5, 0.5, 0])
    assert suggestions(alone)[0].endswith("of the risk")


def test_suggestions__of_strangers__says_that_none_move_together() -> None:
    found = correlations_of(prices_of(normal_returns(np.eye(3).tolist(), 500), "ABC"), [1, 1, 1])
    assert suggestions(found)[0] == "no assets move together at 0.8 or more"


def test_correlations_of__over_a_gap__leaves_its_return_out() -> None:
    prices = prices_of(normal_returns(TWINS, 100), "ABC")
    keep = np.arange(101) != 50
    holed = replace(prices, times=prices.times[keep], usd=prices.usd[keep])
    assert correlations_of(holed, [1, 1, 1]).samples == 98


def test_correlations_of__of_a_short_history__is_refused() -> None:
    with pytest.raises(ConfigError, match=f"{LEAST - 1} returns of one day, expected at least {LEAST}"):
        of_twins(days=LEAST - 1)
    assert of_twins(days=LEAST).samples == LEAST


def test_correlations_of__of_one_asset_that_moves__is_refused() -> None:
    returns = np.column_stack((normal_returns(np.eye(2).tolist(), 100), np.zeros(100)))
    with pytest.raises(ConfigError, match="fewer than two assets that are held have moved"):
        correlations_of(prices_of(returns, "ABU"), [1, 0, 1])
