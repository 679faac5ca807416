"""A sweep with made-up figures: how it is told is what is tested, and no kernel has to be compiled for that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.core.model import Back
from rebalancer.research.model import Configuration, Study
from rebalancer.research.sweep.model import BreakEven, Deflated, Fold, Measures, SweepResult, Walk
from rebalancer.units import ONE, Ppm

FEES = (Ppm(500), Ppm(1_000), Ppm(2_500))
STEPS = 5


def swept(study: Study, configurations: Sequence[Configuration], *, ahead: float = 0.0) -> SweepResult:
    """The wider the band and the nearer its return to the edge, the less is traded; all grow alike. `ahead`: what the
    choice of the past gains in every step of the walk."""
    count, times = len(configurations), len(study.prices.times)
    turnover = np.array([_turnover(one) for one in configurations])
    values = study.start / ONE * np.exp(np.linspace(0, 0.3, times))
    hold = study.start / ONE * np.exp(np.linspace(0, 0.2, times))
    flat = np.full(count, 0.1)
    skill = Deflated(sharpe=1.0, luck=0.8, probability=0.6, trials=count)
    return SweepResult(
        study=study,
        configurations=tuple(configurations),
        measures=Measures(
            final=flat * 10**6,
            fee=300 * turnover,
            impact=100 * turnover,
            gas=50 * turnover,
            trades=(10 * turnover).astype(np.int64),
            turnover=turnover,
            growth=flat - 0.001 * turnover,
            volatility=flat,
            sharpe=flat,
            ahead=flat,
            drawdown=flat,
            tracking=flat,
        ),
        choices=tuple(range(count)),
        best=0,
        values=values,
        hold=hold,
        years=(times - 1) / 365,
        fees=FEES,
        break_even=(BreakEven(0, (0.11, 0.10, 0.08), 0.004, None), BreakEven(1, (0.1, 0.1, 0.1), None, 0.0)),
        calendar=Configuration(None, None, Back.TARGET, 30 * 86_400, None, None),
        skill=skill,
        ahead=skill,
        walk=_walk(study, values, hold, ahead),
        left_out=("limits cut nothing here",),
    )


def _turnover(one: Configuration) -> float:
    if one.band is None:
        return 1.0 if one.every is not None else 0.0
    reach = {Back.TARGET: 1.0, Back.HALF: 0.6, Back.EDGE: 0.4}[one.back]
    return 0.05 * reach * ONE / one.band


def _walk(study: Study, values: np.ndarray, hold: np.ndarray, ahead: float) -> Walk:
    edges = np.linspace(0, len(values) - 1, STEPS + 2).astype(int).tolist()
    folds = tuple(
        Fold(0, edges[step], edges[step + 1], step, 0.3, 0.1 + ahead, 0.05, 0.1 if ahead else 0.1 + 0.01 * (-1) ** step)
        for step in range(1, STEPS + 1)
    )
    at = np.arange(edges[1], len(values))
    return Walk(folds, at, values[at], hold[at], 1.5, 0.12, 0.07, 0.9, 0.4, Deflated(0.9, 0.0, 0.8, 1))
