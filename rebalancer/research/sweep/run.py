"""One study and a grid of configurations in, what became of every one of them, and of choosing among them, out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.research.kernel.outcomes import paths
from rebalancer.research.model import Configuration, Progress, Study
from rebalancer.research.sweep import scores, walk
from rebalancer.research.sweep.break_even import FEES, broken_even, reference
from rebalancer.research.sweep.crew import Cores, Crew, tables
from rebalancer.research.sweep.left_out import left_out, refuse_thin
from rebalancer.research.sweep.model import Measures, SweepResult
from rebalancer.research.sweep.windows import Windows


def run_sweep(
    study: Study,
    configurations: Sequence[Configuration],
    windows: Windows,
    crew: Crew | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """All configurations over all times, and the walk-forward. `crew`: who works it out; None: the cores here.

    Raises ConfigError for prices or a grid of which nothing can be said, and for targets that follow from prices.
    """
    if study.estimation is not None:
        raise ConfigError(
            f"targets.method: {study.estimation.method.value} finds the targets anew from prices, and a sweep keeps "
            "them: expected `method: fixed`, or none, which tries bands and cadences around the targets that are "
            "written down. `rebalancer backtest` plays those that follow from prices, one configuration at a time"
        )
    whole = 0, len(study.prices.times) - 1
    if whole[1] < 2 or not configurations:
        raise ConfigError(
            f"a sweep of {len(configurations)} configurations over {whole[1] + 1} times, expected one or more over "
            "three or more; give more prices"
        )
    refuse_thin(study, configurations)
    folds, choices = walk.folds_of(whole[1] + 1, windows), _choices(study, configurations)
    first, *rest = tables(crew or Cores(), study, configurations, [whole, *walk.spans_of(folds)], progress)
    measures = scores.measures_of(study, first, whole)
    best = choices[int(measures.growth[choices].argmax())]
    values, hold = paths(study, [configurations[best]], whole)[0][:, 0], scores.alone(study, whole)
    calendar = reference([configurations[at] for at in choices], measures.growth[choices])
    returns, years = scores.returns_of(values), scores.years_of(study, whole)
    above = None if returns is None or _holds(measures, best) else returns - np.diff(hold) / hold[:-1]
    return SweepResult(
        study=study,
        configurations=tuple(configurations),
        measures=measures,
        choices=tuple(choices),
        best=best,
        values=values,
        hold=hold,
        years=years,
        fees=FEES,
        break_even=broken_even(study, configurations, measures.growth, calendar),
        calendar=calendar,
        skill=scores.deflated(returns, measures.sharpe[choices], years),
        ahead=scores.deflated(above, measures.ahead[choices], years),
        walk=walk.walked(study, configurations, choices, (folds, rest)) if folds else None,
        left_out=left_out(study, configurations),
    )


def _holds(measures: Measures, place: int) -> bool:
    """Whether it is the portfolio left alone: what is left between the two is rounding, of which there is no ratio."""
    return bool(measures.trades[place] == 0 or measures.ahead[place] == 0)


def _choices(study: Study, configurations: Sequence[Configuration]) -> list[int]:
    """The places of those with the study's own costs; where none has them, all."""
    fee, depth = study.frictions.fee[0], study.frictions.depth[0]
    own = [at for at, one in enumerate(configurations) if one.fee in (None, fee) and one.depth in (None, depth)]
    return own or list(range(len(configurations)))
