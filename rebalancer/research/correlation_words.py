"""Correlations in, what follows from them in sentences out: what to think about first, and what they do not show."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.research.correlations import LEAST_WORST, TENTH, TOGETHER, WORST, Correlations, Part
from rebalancer.research.prices.times import written


def suggestions(found: Correlations) -> tuple[str, ...]:
    """The most telling first. They are of the past, and about risk alone."""
    return (*_of_clusters(found), *_of_parts(found), *_of_candidates(found))


def caveats(found: Correlations) -> tuple[str, ...]:
    """What the figures do not show."""
    still = (f"{', '.join(found.still)} never moved: it dilutes risk, and is in none of these figures",)
    return (
        *(still if found.still else ()),
        f"{found.samples:,} daily returns from {written(found.since)} to {written(found.until)}: other years had "
        "other correlations",
        _of_crashes(found),
        "the intervals take days for independent and normal; they are neither, and the true ones are wider",
        "returns are not looked at: what moves by itself may well lose money",
    )


def _of_clusters(found: Correlations) -> list[str]:
    parts = {part.symbol: part for part in found.parts}
    said = []
    for cluster in found.clusters:
        held = [parts[symbol] for symbol in cluster if symbol in parts]
        weight, risk = sum(part.weight for part in held), sum(part.risk for part in held)
        whole = f", {_share(weight)} of the weights and {_share(risk)} of the risk"
        said.append(
            f"{_and(cluster)} move together (at {TOGETHER} or more, in the mean): count them as one bet"
            f"{whole if len(held) > 1 else ''}; fewer of them, or less of each, lose little diversification"
        )
    return said or [f"no assets move together at {TOGETHER} or more"]


def _of_parts(found: Correlations) -> list[str]:
    parts: Sequence[Part] = found.parts
    risky = max(parts, key=lambda part: part.risk - part.weight)
    said = [
        f"{risky.symbol} is {_share(risky.weight)} of the weights and {_share(risky.risk)} of the risk: "
        "`targets.method: equal_risk` would level that"
    ]
    by_ratio = sorted((part for part in parts if part.ratio_without is not None), key=lambda p: -(p.ratio_without or 0))
    if len(by_ratio) > 1:
        least, most = by_ratio[0], by_ratio[-1]
        said.append(
            f"{least.symbol} diversifies least: without it the ratio is {least.ratio_without:.3f} in place of "
            f"{found.ratio:.3f}; {most.symbol} the most: {most.ratio_without:.3f}"
        )
    return said


def _of_candidates(found: Correlations) -> list[str]:
    return [
        f"{_share(TENTH)} in {one.symbol}, from all others alike: the ratio is {one.ratio:.3f} in place of "
        f"{found.ratio:.3f}, the volatility of what moves {_share(one.volatility)} a year"
        for one in found.candidates
    ]


def _of_crashes(found: Correlations) -> str:
    known = [(p.correlation, p.worst, p.worst_normal) for p in found.pairs if p.worst is not None]
    if not known:
        return f"crashes: fewer than {LEAST_WORST} days are among the worst {_share(WORST)}; nothing is said of them"
    calm, worst, normal = (sum(each or 0.0 for each in column) / len(known) for column in zip(*known, strict=True))
    rises = "so they move together more just then" if worst > normal else "so here they did not move together more then"
    return (
        f"crashes: on the {found.worst_days} worst days, the mean correlation is {worst:.2f}; a normal law with the "
        f"{calm:.2f} of all days would show {normal:.2f} on them, {rises}"
    )


def _share(value: float) -> str:
    return f"{value:.0%}".replace("%", " %")


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
