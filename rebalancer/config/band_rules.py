"""What must hold between the keys about triggers, bands, drift and cash; a part of `rules`, in a file of its own."""

from __future__ import annotations

from collections.abc import Callable

from rebalancer.config.document import Key, Problems
from rebalancer.config.schema import BandSection, TwapSection
from rebalancer.config.sections import Parts
from rebalancer.config.text import show_percent
from rebalancer.units import ONE, Weight, mul_div_down


def trigger_keys_fit(parts: Parts) -> Problems:
    """A key that the kind of trigger does not read would promise what is not done."""
    trigger = parts.trigger
    if trigger is None:
        return
    if trigger.kind == "threshold" and trigger.every is not None:
        yield ("trigger", "every"), "expected none with `kind: threshold`; `hybrid` has both a time and a band"
    if trigger.kind != "threshold" and trigger.every is None:
        yield ("trigger", "every"), f"missing; expected a duration such as `7 d` with `kind: {trigger.kind}`"


def calendars_have_no_bands(parts: Parts) -> Problems:
    """Once the time has come, a calendar goes back to the target, however small the drift."""
    trigger = parts.trigger
    if trigger is None or trigger.kind != "calendar":
        return
    for name in ("band", "return_to"):
        if name in trigger.model_fields_set:
            yield ("trigger", name), "expected none with `kind: calendar`, which goes to the target; see `hybrid`"
    for symbol, token in parts.tokens.items():
        if token.band is not None:
            yield ("tokens", symbol, "band"), "expected none with `trigger.kind: calendar`, which has no bands"


def bands_are_inside(parts: Parts) -> Problems:
    """A band as wide as its target never triggers below it."""
    trigger = parts.trigger
    if trigger is None or trigger.kind == "calendar":
        return
    if trigger.band.absolute is None and trigger.band.relative is None:
        yield ("trigger", "band"), "missing; expected `absolute: 5 %`, `relative: 25 %`, or both"
        return
    for symbol, token in parts.tokens.items():
        key: Key = ("trigger", "band") if token.band is None else ("tokens", symbol, "band")
        band = token.band or trigger.band
        if band.absolute is None and band.relative is None:
            yield key, "missing; expected `absolute: 5 %`, `relative: 25 %`, or both"
        elif token.band is not None and token.target is None:
            yield key, f"expected none: {symbol} has no `target`"
        elif token.target and _edge(band, token.target) >= token.target:
            yield (
                key,
                (
                    f"expected a band narrower than the target of {symbol}, {show_percent(token.target)}, "
                    f"saw {show_percent(_edge(band, token.target))}"
                ),
            )


def volatilities_are_of_assets(parts: Parts) -> Problems:
    """What is not held does not drift."""
    for symbol, token in parts.tokens.items():
        if token.volatility is not None and token.target is None:
            yield ("tokens", symbol, "volatility"), f"expected none: {symbol} has no `target`"


def measured_volatilities_have_rounds(parts: Parts) -> Problems:
    """Each is measured against all the other assets, so every asset needs a feed that keeps its rounds."""
    of_tokens = [("tokens", symbol, "volatility") for symbol, t in parts.tokens.items() if t.volatility == "measured"]
    of_all = parts.drift is not None and parts.drift.volatility == "measured"
    measured: list[Key] = [*([("drift", "volatility")] if of_all else []), *of_tokens]
    without = [s for s, t in parts.tokens.items() if t.target is not None and isinstance(t.price, TwapSection)]
    for key in measured if without else ():
        yield key, f"expected a percentage such as `60 %`: the price of {without[0]} is a pool's, which keeps no rounds"


def contributions_have_cash(parts: Parts) -> Problems:
    """Without cash nothing is ever new, and nothing would ever be traded."""
    top = parts.top
    if top is not None and top.contributions == "only" and top.cash is None:
        yield ("contributions",), "expected `first` or `ignore` without `cash`: `only` trades what it has too much of"


def _edge(band: BandSection, target: Weight) -> Weight:
    """How far a weight may stand from `target`: the nearer edge counts."""
    edges = [] if band.absolute is None else [int(band.absolute)]
    if band.relative is not None:
        edges.append(mul_div_down(target, band.relative, ONE))
    return Weight(min(edges))


BAND_RULES: tuple[Callable[[Parts], Problems], ...] = (
    trigger_keys_fit,
    calendars_have_no_bands,
    bands_are_inside,
    volatilities_are_of_assets,
    measured_volatilities_have_rounds,
    contributions_have_cash,
)
