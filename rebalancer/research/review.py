"""A study in, everything that is told of it out: what came of it, what it is held against, and what neither shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from rebalancer.core.model import Calendar
from rebalancer.research.asked import Told
from rebalancer.research.benchmarks import EVERY, by_calendar, dca, hold
from rebalancer.research.caveats import Caveat, caveats
from rebalancer.research.edges import edges_of
from rebalancer.research.lots import TaxRule
from rebalancer.research.measures import Measures, measure
from rebalancer.research.model import Backtest, Floats, Study
from rebalancer.research.regimes import Spell, spells
from rebalancer.research.taken import taken
from rebalancer.research.taxes import Taxes, taxes_of

OURS = "this policy"


@dataclass(frozen=True, slots=True)
class Judged:
    """A backtest with its figures."""

    backtest: Backtest
    measures: Measures
    taxes: Taxes


@dataclass(frozen=True, slots=True)
class Review:
    """Of one study."""

    study: Study
    ours: Judged
    others: tuple[Judged, ...]
    """Hold first."""
    spells: tuple[Spell, ...]
    """Ours against hold; none where the history is too short."""
    edges: Floats
    """Of the shape of the targets: how far each weight may stand from its own; NaN without a band."""
    told: Told
    caveats: tuple[Caveat, ...]

    @property
    def all(self) -> tuple[Judged, ...]:
        return (self.ours, *self.others)


@dataclass(frozen=True, slots=True)
class Given:
    """What a review rests on beside the study."""

    run: Callable[[Study], Backtest]
    tax: TaxRule
    synthetic: bool = False
    told: Told = field(default_factory=Told)


def review(study: Study, given: Given) -> Review:
    """Runs the study, and the same weights by the calendar. Raises what `given.run` does."""
    ours, left_alone = replace(given.run(study), name=OURS), hold(study)
    edges = edges_of(study.policy, ours.targets)
    judged = _judged(ours, left_alone, given.tax, edges)
    others = [_judged(left_alone, None, given.tax, edges), _judged(dca(study), left_alone, given.tax, None)]
    if study.policy.trigger != Calendar(EVERY):
        others.append(_judged(by_calendar(study, given.run), left_alone, given.tax, edges))
    return Review(
        study=study,
        ours=judged,
        others=tuple(others),
        spells=spells(ours, left_alone),
        edges=edges,
        told=replace(given.told, said=(*given.told.said, *taken(study, ours.targets))),
        caveats=caveats(study, judged.measures, given.synthetic),
    )


def _judged(backtest: Backtest, against: Backtest | None, rule: TaxRule, edges: Floats | None) -> Judged:
    # A portfolio that comes into its weights over a year has no bands to be outside of.
    drawn = None if edges is None or bool(np.isnan(edges).all()) else edges
    return Judged(backtest, measure(backtest, against, drawn), taxes_of(backtest, rule))
