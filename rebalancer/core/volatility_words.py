"""A policy whose volatilities are known, and what was measured, in; a sentence that says which are which out."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.model import Measured, Policy, Volatility
from rebalancer.core.optimal_bands import LEAST_VOLATILITY
from rebalancer.core.render import duration, percent


def volatility_words(policy: Policy, measured: Measured, now: int) -> str:
    """`policy` as `optimal_bands.resolved` gives it; `now` in Unix seconds."""
    own = measured.volatilities
    given = [v for v in policy.tracking.volatilities if v not in own]
    parts = [f"given: {_listed(given)}"] if given else []
    if own:
        parts.append(
            f"measured from {measured.samples} days of the feeds' rounds, the newest {duration(now - measured.until)} "
            f"old: {_listed(own)}"
        )
    return f"volatility of a year, {'; '.join(parts)}"


def _listed(volatilities: Sequence[Volatility]) -> str:
    least = LEAST_VOLATILITY
    return ", ".join(
        f"{v.token} {percent(v.per_year)}" + (f" (counts as {percent(least)})" if v.per_year < least else "")
        for v in volatilities
    )
