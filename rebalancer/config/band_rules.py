"""What must hold between the keys about triggers, bands, patience, drift and cash; a part of `rules`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rebalancer.config.document import Key, Problems
from rebalancer.config.schema import BandSection, TwapSection
from rebalancer.config.sections import Parts
from rebalancer.config.text import show_percent
from rebalancer.core.optimal_bands import MOST_FACTOR
from rebalancer.units import ONE, Weight, mul_div_down, mul_div_up

_AT_ITS_WIDEST = ", twice what is drawn: so wide it becomes with its `volatility`"
_HUNDREDTH = ONE // 10_000
"""0.01 %"""


def trigger_keys_fit(parts: Parts) -> Problems:
    """A key that the kind of trigger does not read would promise what is not done."""
    trigger = parts.trigger
    if trigger is None:
        return
    if trigger.kind == "threshold":
        for name in ("every", "at"):
            if getattr(trigger, name) is not None:
                yield ("trigger", name), "expected none with `kind: threshold`; `hybrid` has both a time and a band"
    elif trigger.every is not None and trigger.at is not None:
        yield ("trigger", "at"), "expected `every` or `at`, saw both"
    elif trigger.cadence() is None:
        yield (
            ("trigger", "every"),
            (
                f"missing; expected a duration such as `7 d` with `kind: {trigger.kind}`, or moments such as "
                "`at: weekly Monday 14:00`"
            ),
        )


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
        elif band.volatility is not None and trigger.return_to == "optimal":
            yield (*key, "volatility"), "expected none with `return_to: optimal`, whose bands follow it by themselves"
        elif token.target and _edge(band, token.target) >= token.target:
            yield (
                key,
                (
                    f"expected a band narrower than the target of {symbol}, {show_percent(token.target)}, "
                    f"saw {show_percent(_edge(band, token.target))}{_AT_ITS_WIDEST if band.volatility else ''}"
                ),
            )


def volatilities_are_of_assets(parts: Parts) -> Problems:
    """What is not held does not drift."""
    for symbol, token in parts.tokens.items():
        if token.volatility is None:
            continue
        key = ("tokens", symbol, "volatility")
        if token.target is None:
            yield key, f"expected none: {symbol} has no `target`"
        elif parts.top is not None and symbol == parts.top.cash and token.volatility != "measured":
            yield (
                key,
                (
                    f"expected none, or `measured`: {symbol} is the cash, which moves against the rest of the "
                    "portfolio as the others move; `drift.volatility` counts"
                ),
            )


def volatilities_go_together(parts: Parts) -> Problems:
    """Weights sum to one, so that each moves by what the others move by together: of s = w (1 - w) vol, which is what a
    weight moves by, none is more than the sum of the others' (Minkowski). With one volatility for all it always holds.
    """
    of_all = None if parts.drift is None else parts.drift.volatility
    held = {s: (t.target, t.volatility or of_all) for s, t in parts.tokens.items() if t.target}
    given = {s: (w * (ONE - w), int(vol)) for s, (w, vol) in held.items() if vol is not None and vol != "measured"}
    own = [symbol for symbol in given if parts.tokens[symbol].volatility is not None]
    if not own or len(given) < len(held) or sum(w for w, _ in held.values()) != ONE:
        return
    moves = {symbol: share * vol for symbol, (share, vol) in given.items()}
    widest = max(moves, key=lambda symbol: moves[symbol])
    beyond = 2 * moves[widest] - sum(moves.values())
    if beyond <= 0:
        return
    symbol = widest if widest in own else min(own, key=lambda s: given[s][1])
    share, seen = given[symbol]
    if symbol == widest:
        bound = f"at most {_percent(moves[symbol] - beyond, share, up=False)}"
    else:
        bound = f"at least {_percent(moves[symbol] + beyond, share, up=True)}"
    yield (
        ("tokens", symbol, "volatility"),
        (
            f"expected {bound}, saw {show_percent(Weight(seen))}: it is of {symbol} against the rest of the portfolio, "
            f"not against the dollar, and the weight of {widest} moves no more than the others' together; or write "
            "another `drift.volatility`, which is for all"
        ),
    )


def measured_figures_have_rounds(parts: Parts) -> Problems:
    """Each is measured against all the other assets, or read of each, so every asset needs a feed that keeps its
    rounds."""
    without = [s for s, t in parts.tokens.items() if t.target is not None and isinstance(t.price, TwapSection)]
    for key, instead in _measured(parts) if without else ():
        yield key, f"expected {instead}: the price of {without[0]} is a pool's, which keeps no rounds"


def _measured(parts: Parts) -> Iterator[tuple[Key, str]]:
    """Every key that asks for a history, and what may stand there without one."""
    figure = "a percentage such as `60 %`"
    if parts.drift is not None and parts.drift.volatility == "measured":
        yield ("drift", "volatility"), figure
    for symbol, token in parts.tokens.items():
        if token.volatility == "measured":
            yield ("tokens", symbol, "volatility"), figure
    bands: dict[Key, BandSection | None] = {("tokens", s, "band"): token.band for s, token in parts.tokens.items()}
    bands[("trigger", "band")] = None if parts.trigger is None else parts.trigger.band
    yield from (((*key, "volatility"), "none") for key, band in bands.items() if band is not None and band.volatility)
    if parts.patience is not None:
        asked = [name for name in ("average", "fall") if getattr(parts.patience, name) is not None]
        yield from ((("patience", name), "none") for name in asked)


def patience_has_a_mean(parts: Parts) -> Problems:
    """`most` is how long the trend is waited for."""
    patience = parts.patience
    if patience is not None and "most" in patience.model_fields_set and patience.average is None:
        yield ("patience", "most"), "expected none without `average`: a `fall` is waited for however long it lasts"


def contributions_have_cash(parts: Parts) -> Problems:
    """Without cash nothing is ever new, and nothing would ever be traded."""
    top = parts.top
    if top is not None and top.contributions == "only" and top.cash is None:
        yield ("contributions",), "expected `first` or `ignore` without `cash`: `only` trades what it has too much of"


def _percent(moves: int, share: int, *, up: bool) -> str:
    """The volatility at which a weight moves so much: to a hundredth, or as it is where that is a whole number."""
    step = 1 if moves % share == 0 else _HUNDREDTH
    return show_percent(Weight((mul_div_up if up else mul_div_down)(moves, 1, share * step) * step))


def _edge(band: BandSection, target: Weight) -> Weight:
    """How far a weight may stand from `target`, at its widest: the nearer edge counts."""
    edges = [] if band.absolute is None else [int(band.absolute)]
    if band.relative is not None:
        edges.append(mul_div_down(target, band.relative, ONE))
    return Weight(min(edges) * (1 if band.volatility is None else MOST_FACTOR))


BAND_RULES: tuple[Callable[[Parts], Problems], ...] = (
    trigger_keys_fit,
    calendars_have_no_bands,
    bands_are_inside,
    volatilities_are_of_assets,
    volatilities_go_together,
    measured_figures_have_rounds,
    patience_has_a_mean,
    contributions_have_cash,
)
