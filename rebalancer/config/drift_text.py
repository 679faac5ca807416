"""What people write about drift, as integers: how fast it comes, "60 %"; what it costs, "0.1 % a year at 5 points"."""

from __future__ import annotations

import re

from rebalancer.config import text as plain
from rebalancer.core.optimal_bands import LEAST_VOLATILITY, MOST_VOLATILITY
from rebalancer.units import ONE, Weight, mul_div_down, mul_div_up

LEAST_PENALTY = ONE // 100
MOST_PENALTY = 25 * ONE
"""0.0025 % and 6.25 % a year at 5 points, a fortieth and some sixty times the default. Half of an owner's risk aversion
times the variance of a token lies between them: an aversion of a tenth at 45 % of volatility, of ten at 220 %."""
_NUMBER = r"[0-9](?:_?[0-9]){0,29}(?:\.[0-9]{1,30})?"


def volatility(text: str) -> Weight:
    """A standard deviation in a year, where 1e18 is 100 %: "60 %". As bounded as one that is measured."""
    found = plain.share(text, MOST_VOLATILITY)
    if found < LEAST_VOLATILITY:
        raise ValueError(f"expected at least {plain.show_percent(LEAST_VOLATILITY)}")
    return found


def penalty(text: str) -> int:
    """What drift costs, as the factor of its square at 1e18, rounded up: "0.1 % a year at 5 points"."""
    found = re.fullmatch(rf"(?P<cost>{_NUMBER}\s*%)\s+a\s+year\s+at\s+(?P<drift>{_NUMBER})\s+points?", text)
    if found is None:
        raise ValueError("expected what a drift costs in a year, such as `0.1 % a year at 5 points`")
    cost, drift = plain.weight(found["cost"]), plain.weight(f"{found['drift']} %")
    if not cost or not drift:
        raise ValueError("expected more than zero on both sides")
    factor = mul_div_up(cost, ONE**2, drift**2)
    if not LEAST_PENALTY <= factor <= MOST_PENALTY:
        least, most = (Weight(mul_div_down(bound, drift**2, ONE**2)) for bound in (LEAST_PENALTY, MOST_PENALTY))
        raise ValueError(
            f"expected {plain.show_percent(least)} to {plain.show_percent(most)} a year at {found['drift']} points "
            "(are the two figures the wrong way round?)"
        )
    return factor
