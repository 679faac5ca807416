"""Good rules in, the pool fee from which on each is worse than leaving things alone, or than a calendar, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rebalancer.core.model import Back
from rebalancer.research.kernel.outcomes import outcomes
from rebalancer.research.model import Configuration, Floats, Study
from rebalancer.research.sweep.model import BreakEven
from rebalancer.research.sweep.scores import alone, growth_of, net_growth, years_of
from rebalancer.units import PPM, Ppm

FEES = Ppm(500), Ppm(1_000), Ppm(2_500)
"""0.05, 0.1 and 0.25 %."""
_LADDER = tuple(Ppm(fee) for fee in range(0, 20_001, 500))
"""Up to 2 %; between two of them what is sought is on a line."""
_RULES = 10
MONTHLY = Configuration(None, None, Back.TARGET, 30 * 86_400, None, None)


def reference(configurations: Sequence[Configuration], growth: Floats) -> Configuration:
    """The calendar that others are held against."""
    order = (configurations[int(place)] for place in (-growth).argsort(kind="stable"))
    plain = (one for one in order if one.every is not None and one.band is None and one.relative is None)
    return next(plain, MONTHLY)


def broken_even(
    study: Study, configurations: Sequence[Configuration], growth: Floats, calendar: Configuration
) -> tuple[BreakEven, ...]:
    """Of the best rules that trade at all, the best first."""
    best: dict[Configuration, int] = {}
    for place in (-growth).argsort(kind="stable").tolist():
        rule = replace(configurations[place], fee=None)
        if (rule.band, rule.relative, rule.every) != (None, None, None):
            best.setdefault(rule, place)
    rules = list(best)[:_RULES]
    # Each against the calendar at its own depth: who trades in deeper pools is not the better rule for that.
    beside = {rule: replace(calendar, fee=None, depth=rule.depth) for rule in rules}
    asked = tuple(dict.fromkeys((*rules, *beside.values())))
    whole = 0, len(study.prices.times) - 1
    steps = [replace(rule, fee=fee) for rule in asked for fee in _LADDER]
    rows = net_growth(study, outcomes(study, steps, whole), whole).reshape(len(asked), len(_LADDER))
    grown = dict(zip(asked, rows, strict=True))
    left = alone(study, whole)
    hold = float(growth_of(left[-1:], float(left[0]), years_of(study, whole))[0])
    return tuple(
        BreakEven(
            configuration=best[rule],
            growth=tuple(float(grown[rule][_LADDER.index(fee)]) for fee in FEES),
            than_hold=worse_from(grown[rule] - hold),
            than_calendar=None if rule == beside[rule] else worse_from(grown[rule] - grown[beside[rule]]),
        )
        for rule in rules
    )


def worse_from(lead: Floats) -> float | None:
    """The fee beyond which a lead, at each of the ladder's fees, is below zero and stays there."""
    behind = len(lead) - 1
    if lead[-1] >= 0:
        return None
    while behind > 0 and lead[behind - 1] < 0:
        behind -= 1
    if behind == 0:
        return 0.0
    low, high = _LADDER[behind - 1], _LADDER[behind]
    share = float(lead[behind - 1] / (lead[behind - 1] - lead[behind]))
    return (low + (high - low) * share) / PPM
