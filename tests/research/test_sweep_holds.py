"""A sweep whose best does nothing but hold: what is left between the two is rounding, and no lead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_grids import HOLD, threshold
from given_studies import study_of, walk

from rebalancer.research.advice import advise
from rebalancer.research.sweep.run import run_sweep
from rebalancer.research.sweep.windows import Windows
from rebalancer.units import Ppm

DIVERGING = np.hstack([walk(5, 500, 3)[:, :2] * np.exp(np.linspace([0, 0], [4, -4], 500)), np.ones((500, 1))])
"""One rises and one falls for good: whoever rebalances sells the one for the other."""


def test_ahead__the_best_is_holding__there_is_none() -> None:
    result = run_sweep(study_of(DIVERGING), [threshold(0.05), threshold(0.1), HOLD], Windows.ANCHORED)
    assert result.best == 2 and result.measures.trades[:2].min() > 0
    assert result.ahead is None and result.skill is not None


def test_ahead__the_best_is_a_band_that_nothing_left__there_is_none() -> None:
    wide = [threshold(0.9), threshold(0.95)]
    result = run_sweep(study_of(walk(5, 500, 3)), wide, Windows.ANCHORED)
    assert result.measures.trades.tolist() == [0, 0]
    assert result.ahead is None and result.skill is not None


def test_ahead__the_best_trades__is_of_its_returns_above_holding() -> None:
    study = study_of(walk(5, 500, 3))
    result = run_sweep(study, [threshold(0.05), threshold(0.1)], Windows.ANCHORED)
    above = np.diff(result.values) / result.values[:-1] - np.diff(result.hold) / result.hold[:-1]
    assert result.ahead is not None
    assert result.ahead.sharpe == pytest.approx(above.mean() / above.std(ddof=1) * 365**0.5)


def test_advise__the_kernels_own_figures_of_a_past_to_hold__say_that_nothing_beat_it() -> None:
    dear = study_of(DIVERGING)
    dear = replace(dear, frictions=replace(dear.frictions, fee=(Ppm(50_000),) * 3))
    found = advise(dear, lambda study, asked: run_sweep(study, asked, Windows.ANCHORED))
    assert found.sweep.ahead is None
    assert found.words[2].startswith("Nothing tried beat holding in this past, ")
