"""A trigger in, a few words for it out: when it acts, and how far it goes back."""

from __future__ import annotations

from typing import assert_never

from rebalancer.config.text import show_percent
from rebalancer.core.model import Bands, Calendar, Drawn, Hybrid, Known, Optimal, Threshold, Trigger, Width
from rebalancer.research.sweep.words import back_words, cadence_words


def trigger_words(trigger: Trigger) -> str:
    """ "5 % or 25 % of the target to half, looks every 7 d"."""
    match trigger:
        case Calendar(every):
            return f"{cadence_words(every)} to the target"
        case Threshold(bands):
            return _bands(bands)
        case Hybrid(every, bands):
            return f"{_bands(bands)}, looks {cadence_words(every)}"
        case other:
            assert_never(other)


def _bands(bands: Bands) -> str:
    match bands:
        case Drawn(widths, back):
            return f"{_widths(widths)} {back_words(back)}"
        case Optimal(widest):
            most = f", at most {_widths(widest)}" if widest else ""
            return f"the cheapest bands of each tick (return_to: optimal){most}"
        case Known():
            return "the bands of one tick"
        case other:
            assert_never(other)


def _widths(widths: tuple[Width, ...]) -> str:
    """Those of several tokens once where they are alike."""
    alike: dict[str, list[str]] = {}
    for width in widths:
        alike.setdefault(_width(width), []).append(width.token.symbol)
    if len(alike) == 1:
        return next(iter(alike))
    return ", ".join(f"{' and '.join(symbols)} {words}" for words, symbols in alike.items())


def _width(width: Width) -> str:
    edges = [] if width.absolute is None else [show_percent(width.absolute)]
    edges += [] if width.relative is None else [f"{show_percent(width.relative)} of the target"]
    drawn = "" if width.drawn_at is None else f" at a volatility of {show_percent(width.drawn_at)}"
    return " or ".join(edges) + drawn
