"""The deflated Sharpe ratio against the example of its paper, and against what can be counted."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from rebalancer.research.sweep.statistics import Sample, most_by_luck, probability_above, sample_of, variance_of


def test_deflated__the_example_of_the_paper__gives_its_figures() -> None:
    # Bailey and Lopez de Prado (2014), section "A numerical example": a ratio of 2.5 a year over 1,250 days, 100 trials
    # with a variance of 1/2 a year, skew -3 and kurtosis 10. Non-annualised SR0 = 0.1132, DSR = 0.9004; with 46 trials
    # it would have been 0.9505.
    sample = Sample(2.5 / sqrt(250), 1_250, -3.0, 10.0)
    assert most_by_luck(0.5 / 250, 100) == pytest.approx(0.1132, abs=5e-5)
    assert probability_above(sample, most_by_luck(0.5 / 250, 100)) == pytest.approx(0.9004, abs=5e-5)
    assert probability_above(sample, most_by_luck(0.5 / 250, 46)) == pytest.approx(0.9505, abs=5e-5)


def test_most_by_luck__of_ratios_without_skill__is_about_what_the_best_of_them_has() -> None:
    dice = np.random.default_rng(3)
    best = dice.normal(0, 0.1, (4_000, 50)).max(axis=1).mean()
    assert most_by_luck(0.01, 50) == pytest.approx(best, rel=0.02)
    assert most_by_luck(0.01, 1) == 0.0


def test_probability__returns_of_a_normal_distribution__is_right_as_often_as_it_says() -> None:
    dice = np.random.default_rng(4)
    found = [probability_above(sample_of(dice.normal(0.05, 1, 500)), 0.05) for _ in range(1_000)]
    assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.03)


def test_sample__the_same_return_but_for_rounding__has_no_ratio() -> None:
    steady = np.diff(1.01 ** np.arange(51)) / 1.01 ** np.arange(50)
    assert steady.std(ddof=1) > 0
    assert sample_of(steady) == Sample(0.0, 50)


def test_probability__one_return_or_none_that_moves__says_nothing() -> None:
    assert sample_of(np.zeros(10)) == Sample(0.0, 10)
    assert probability_above(sample_of(np.array([0.1])), 0.0) == 0.5
    assert variance_of(np.array([0.3])) == 0.0
