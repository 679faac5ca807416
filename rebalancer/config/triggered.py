"""Sections in, the trigger and the patience of a policy out."""

from __future__ import annotations

from typing import assert_never

from rebalancer.config.sections import Parts
from rebalancer.config.spans import DAY
from rebalancer.core.model import (
    Back,
    Bands,
    Calendar,
    Delay,
    Drawn,
    Hybrid,
    Optimal,
    Patience,
    RiskBudget,
    Threshold,
    Trigger,
    Width,
)
from rebalancer.units import Token


def trigger_of(parts: Parts, tokens: dict[str, Token]) -> Trigger:
    """With its bands, each token's own in place of the one for all."""
    trigger, bands = parts.trigger, _bands(parts, tokens)
    assert trigger is not None
    cadence = trigger.cadence() or 0  # a rule has seen that it is there
    match trigger.kind:
        case "threshold":
            return Threshold(bands)
        case "calendar":
            return Calendar(cadence)
        case "hybrid":
            return Hybrid(cadence, bands)
        case other:
            assert_never(other)


def patience_of(parts: Parts) -> Patience | None:
    """None: nothing ever waits."""
    patience = parts.patience
    assert patience is not None
    fall = patience.fall
    delay = None if patience.average is None else Delay(patience.average, patience.most)
    budget = None if fall is None else RiskBudget(fall.share, fall.seconds // DAY)
    return None if delay is None and budget is None else Patience(delay, budget)


def _bands(parts: Parts, tokens: dict[str, Token]) -> Bands:
    trigger = parts.trigger
    assert trigger is not None
    # Under `optimal` the band by default would be a limit that nobody asked for.
    of_all = trigger.band if trigger.return_to != "optimal" or "band" in trigger.model_fields_set else None
    found = ((symbol, token.band or of_all) for symbol, token in parts.tokens.items() if token.target is not None)
    widths = tuple(
        Width(tokens[symbol], band.absolute, band.relative, band.volatility)
        for symbol, band in found
        if band is not None
    )
    return Optimal(widths) if trigger.return_to == "optimal" else Drawn(widths, Back(trigger.return_to))
