"""Flags in, the trigger that they ask for out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.config import text
from rebalancer.config.schedule_text import schedule
from rebalancer.core.bands import edge_of
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import (
    Back,
    Bands,
    Cadence,
    Calendar,
    Drawn,
    Hybrid,
    Known,
    Optimal,
    Schedule,
    Target,
    Threshold,
    Trigger,
    Width,
    Window,
)
from rebalancer.core.render import duration, percent
from rebalancer.core.schedule import GRACE, moment_words, next_moment
from rebalancer.core.trigger import due_until, is_open, opening_words
from rebalancer.research.model import Times
from rebalancer.research.study.flags import Flags, parsed, trigger_of
from rebalancer.units import ONE, Token, Weight

ABSOLUTE, RELATIVE = Weight(5 * ONE // 100), Weight(25 * ONE // 100)
"""As the configuration has them by default: the nearer edge counts."""
USUAL_BANDS = tuple(Weight(share * ONE // 1_000) for share in (10, 20, 30, 50, 75, 100, 150))
"""In points: what is tried where nobody says which."""
_KINDS = ("threshold", "calendar", "hybrid")
_BACK = (*(back.value for back in Back), "optimal")


def asks_for_trigger(flags: Flags) -> bool:
    """Whether there is a word of it: else a configuration's own stands."""
    given = (flags.trigger, flags.band, flags.relative, flags.return_to, flags.every, flags.at)
    return any(flag is not None for flag in given)


def trigger_from(flags: Flags, assets: tuple[Token, ...]) -> Trigger:
    """Raises ConfigError, also for what a trigger of that kind has no use for: it would promise what is not done."""
    match kind := trigger_of(flags):
        case "threshold":
            _useless(kind, flags.every, "--every")
            _useless(kind, flags.at, "--at")
            return Threshold(_bands(flags, assets))
        case "calendar":
            for given, flag in (
                (flags.band, "--band"),
                (flags.relative, "--relative"),
                (flags.return_to, "--return-to"),
            ):
                _useless(kind, given, flag)
            return Calendar(_cadence(flags, kind))
        case "hybrid":
            return Hybrid(_cadence(flags, kind), _bands(flags, assets))
        case _:
            raise ConfigError(f"--trigger: saw {kind!r}, expected one of {', '.join(_KINDS)}")


def trigger_around(flags: Flags, targets: tuple[Target, ...]) -> Trigger:
    """The same, around these targets. ConfigError also for a band that the configuration would refuse
    (`band_rules.bands_are_inside`)."""
    trigger = trigger_from(flags, tuple(target.token for target in targets))
    if isinstance(trigger, Calendar) or isinstance(trigger.bands, Known) or not _widths(trigger.bands):
        return trigger
    width = _widths(trigger.bands)[0]
    held = never_left(targets, width.absolute, width.relative)
    if held is not None:
        given = [(flag, value) for flag, value in (("--band", flags.band), ("--relative", flags.relative)) if value]
        raise ConfigError(
            f"{', '.join(flag for flag, _ in given)}: saw {', '.join(repr(value.strip()) for _, value in given)}, "
            f"expected a band narrower than each target: that of {held.token} is {percent(held.weight)}, and no weight "
            "can fall below a band as wide as its target"
        )
    return trigger


def never_left(targets: Sequence[Target], absolute: Weight | None, relative: Weight | None) -> Target | None:
    """Of the targets whose weight a band of this width lets fall to nothing the smallest; None: it is inside of all.
    The nearer edge counts."""
    held = [target for target in targets if target.weight]
    edges = [edge_of((Width(each.token, absolute, relative),), each.token, each.weight) or 0 for each in held]
    found = [each for each, edge in zip(held, edges, strict=True) if edge >= each.weight]
    return min(found, key=lambda each: each.weight, default=None)


def bands_inside(targets: Sequence[Target]) -> tuple[Weight, ...]:
    """Those of the usual ones that every weight can leave on either side."""
    return tuple(band for band in USUAL_BANDS if never_left(targets, band, None) is None)


def bands_left_out(targets: Sequence[Target]) -> tuple[str, ...]:
    """The others, for people to read."""
    inside = bands_inside(targets)
    wide = [text.show_percent(band) for band in USUAL_BANDS if band not in inside]
    held = never_left(targets, USUAL_BANDS[-1], None)
    if held is None:
        return ()
    return (
        f"bands of {', '.join(wide)} are not tried: the target of {held.token} is {percent(held.weight)}, and no "
        "weight can fall below a band as wide as its target",
    )


def require_met(trigger: Trigger, window: Window | None, times: Times) -> None:
    """Raises ConfigError where a schedule is due, and over, between two prices: a keeper would have met it. And where
    no price is of a time at which the window is open: a keeper would have traded."""
    if window is not None:
        _require_open(window, times)
    if isinstance(trigger, Threshold) or not isinstance(trigger.every, Schedule):
        return
    for place in np.flatnonzero(np.diff(times) > GRACE).tolist():
        before, after = int(times[place]), int(times[place + 1])
        moment = next_moment(trigger.every, before)
        if moment is not None and due_until(moment, window) <= after:
            raise ConfigError(
                f"at {trigger.every.text!r}: {moment_words(moment)} is due for {duration(GRACE)}, and there is no "
                f"price between {moment_words(before)} and {moment_words(after)}; expected one in that time. Give "
                "closer prices, a schedule whose moments have prices, or a time such as --every '7 d'"
            )


def _require_open(window: Window, times: Times) -> None:
    if any(is_open(window, at) for at in times.tolist()):
        return
    raise ConfigError(
        f"trigger.window: it is open {opening_words(window)}, and no price is of such a time, the first of "
        f"{moment_words(int(times[0]))}: nothing would ever be traded. Give prices by the hour, or a configuration "
        "without the window"
    )


def _widths(bands: Bands) -> tuple[Width, ...]:
    match bands:
        case Drawn(widths) | Optimal(widths):
            return widths
        case _:
            return ()


def _useless(kind: str, given: str | None, flag: str) -> None:
    if given is not None:
        raise ConfigError(f"{flag}: a {kind} has no use for it; leave it out, or give another --trigger")


def _cadence(flags: Flags, kind: str) -> Cadence:
    if flags.every is not None and flags.at is not None:
        raise ConfigError("--every and --at are both given: take one of them")
    if flags.at is not None:
        return parsed("--at", flags.at, schedule)
    if flags.every is None:
        raise ConfigError(f"--trigger {kind}: expected a time too, such as --every '30 d' or --at monthly")
    return parsed("--every", flags.every, _some_seconds)


def _some_seconds(given: str) -> int:
    found = text.seconds(given)
    if found == 0:
        raise ValueError("expected more than none")
    return found


def _bands(flags: Flags, assets: tuple[Token, ...]) -> Bands:
    absolute = None if flags.band is None else _width("--band", flags.band)
    relative = None if flags.relative is None else _width("--relative", flags.relative)
    back = Back.TARGET.value if flags.return_to is None else flags.return_to.strip()
    if back not in _BACK:
        raise ConfigError(f"--return-to: saw {back!r}, expected one of {', '.join(_BACK)}")
    drawn = absolute is not None or relative is not None
    if back == "optimal":
        return Optimal(tuple(Width(token, absolute, relative) for token in assets) if drawn else ())
    if not drawn:
        absolute, relative = ABSOLUTE, RELATIVE
    return Drawn(tuple(Width(token, absolute, relative) for token in assets), Back(back))


def _width(flag: str, given: str) -> Weight:
    found = parsed(flag, given, text.weight)
    if found == 0:
        raise ConfigError(f"{flag}: saw {given!r}, expected more than nothing")
    return found
