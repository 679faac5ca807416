"""Costs in, words for people out: each part in dollars and as a share of what was traded, expected and measured."""

from __future__ import annotations

from rebalancer.core.model import Cost
from rebalancer.core.render import dollars
from rebalancer.units import BPS, Usd, mul_div_up

UNKNOWN = "not known"
"""Of a part: not every pool on the way is known."""


def cost_parts(cost: Cost) -> tuple[tuple[str, Usd | None], ...]:
    """The parts of a cost and their sum. None: a part that is not known; the sum always is."""
    known = cost.fee is not None and cost.impact is not None
    standing = Usd(cost.shortfall - (cost.fee or 0) - (cost.impact or 0)) if known else None
    return (
        ("pool fees", cost.fee),
        ("price impact", cost.impact),
        ("pools off the oracle", standing),
        ("gas", cost.gas),
        ("in all", Usd(cost.shortfall + cost.gas)),
    )


def differences(measured: Cost, expected: Cost) -> tuple[tuple[str, Usd | None], ...]:
    """Measured less expected, part by part; below 0 is cheaper. None: one of the two is not known."""
    both = zip(cost_parts(measured), cost_parts(expected), strict=True)
    return tuple(
        (label, None if paid is None or wanted is None else Usd(paid - wanted)) for (label, paid), (_, wanted) in both
    )


def cost_table(expected: Cost, measured: Cost | None = None) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """(column names, a row for each part and one for all), in dollars and in bps of what was traded.

    With what was `measured` beside it, and how much more that is.
    """
    if measured is None:
        alone = cost_parts(expected)
        return ("", "expected USD", "bps"), tuple((label, *_figures(value, expected.traded)) for label, value in alone)
    rows = zip(cost_parts(measured), cost_parts(expected), differences(measured, expected), strict=True)
    return ("", "paid USD", "bps", "expected USD", "bps", "more USD"), tuple(
        (label, *_figures(paid, measured.traded), *_figures(wanted, expected.traded), _dollars(more))
        for (label, paid), (_, wanted), (_, more) in rows
    )


def share_of(value: Usd, traded: Usd) -> str:
    """A part of a cost in basis points of the value traded, rounded up to a hundredth; "" where nothing was."""
    if not traded:
        return ""
    hundredths = mul_div_up(value, 100 * BPS, traded)
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole:,}.{rest:02d}"


def _figures(value: Usd | None, traded: Usd) -> tuple[str, str]:
    return (UNKNOWN, "") if value is None else (dollars(value), share_of(value, traded))


def _dollars(value: Usd | None) -> str:
    return UNKNOWN if value is None else dollars(value)
