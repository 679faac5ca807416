"""Correlations in, what follows from them in sentences out: what to think about first, and what they do not show."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.research.correlations import TENTH, TOGETHER, Correlations, Part
from rebalancer.research.crashes import LEAST_WORST, WORST, mean_of_pairs
from rebalancer.research.prices.times import written

LITTLE = 0.01
"""Of the diversification ratio: a loss that nobody would notice beside what other years do to it."""


def suggestions(found: Correlations) -> tuple[str, ...]:
    """The most telling first. They are of the past, and about risk alone."""
    return (*_of_clusters(found), *_of_parts(found), *_of_candidates(found))


def caveats(found: Correlations) -> tuple[str, ...]:
    """What the figures do not show."""
    still = ", ".join(found.still)
    return (
        *([f"{still} never moved: it dilutes the volatility of the whole, and is in no other figure"] if still else []),
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
        whole = f", {_share(weight)} of the weights and {_share(risk)} of the risk" if len(held) > 1 else ""
        said.append(
            f"{_and(cluster)} move together (at {TOGETHER} or more, in the mean): count them as one bet{whole}"
            f"{_of_the_least(held, found.ratio) if len(held) > 1 else ''}"
        )
    return said or [f"no assets move together at {TOGETHER} or more"]


def _of_the_least(held: Sequence[Part], ratio: float) -> str:
    """What it would cost to leave out the one of a cluster that is missed the least. Empty: nobody knows."""
    known = [(part.ratio_without, part.symbol) for part in held if part.ratio_without is not None]
    if not known:
        return ""
    without, symbol = max(known)
    little = "loses little" if without >= ratio * (1 - LITTLE) else "costs the least among them, and still something"
    return f"; to leave out {symbol} {little}: the ratio is {without:.3f} in place of {ratio:.3f}"


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
    crashes = found.crashes
    if crashes is None:
        return f"crashes: fewer than {LEAST_WORST} days are among the worst {_share(WORST)}; nothing is said of them"
    means = "so they move together more just then" if crashes.more else "no sign of another correlation in a fall"
    return (
        f"crashes: on the {crashes.days} worst days, the mean correlation is {crashes.mean:.2f}; were it the "
        f"{mean_of_pairs(found.matrix):.2f} of all days throughout, days as large as these would show "
        f"{crashes.mean_if_constant:.2f}, and by chance more than {crashes.most_if_constant:.2f} once in twenty times: "
        f"{means}"
    )


def _share(value: float) -> str:
    return f"{value:.0%}".replace("%", " %")


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
