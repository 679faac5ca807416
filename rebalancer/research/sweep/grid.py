"""Flags with lists in, every configuration that they ask for out, and the study that these are tried on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rebalancer.config.text import show_percent
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Back, Bands, Drawn, Hybrid, Target, Threshold, Trigger
from rebalancer.research.model import Configuration, Study
from rebalancer.research.study.flags import Flags, listed, variants, variants_count
from rebalancer.research.study.making import Market, make_study
from rebalancer.research.study.triggers import (
    USUAL_BANDS,
    bands_inside,
    bands_left_out,
    require_met,
    trigger_around,
)
from rebalancer.units import Weight

MOST = 1_000_000
"""Configurations: each takes a few dozen microseconds, and has to stand in memory."""
HOLD = Configuration(None, None, Back.TARGET, None, None, None)
_BANDS = ",".join(map(show_percent, USUAL_BANDS))
_RELATIVE = "10 %,25 %,50 %"
_BACK = "target,half,edge"
_EVERY = "1 d,7 d,30 d,90 d"
_TRIGGER = ("trigger", "band", "relative", "return_to", "every", "at")
_PLAIN: dict[str, Any] = {**dict.fromkeys(_TRIGGER), "every": "30 d"}
"""Any trigger, where it is replaced."""


def study_and_grid(flags: Flags, market: Market) -> tuple[Study, tuple[Configuration, ...]]:
    """The study has the dearest of all costs listed, in whatever order they are: what is chosen is chosen there. To
    leave the portfolio alone is always one of the grid.

    Raises ConfigError for what cannot be read, and for what the kernel cannot do.
    """
    kinds = tuple(_kinds(flags))
    if (count := sum(map(variants_count, kinds))) > MOST:
        raise ConfigError(f"the lists ask for {count:,} configurations, expected at most {MOST:,}; list fewer")
    asked = [one for kind in kinds for one in variants(kind)]
    study = make_study(replace(asked[0], **_PLAIN), market)
    asked = _inside(asked, flags, study.targets)
    many = {name for name in ("fee", "depth") if len(listed(getattr(flags, name) or "")) > 1}
    read = _Reader(study, market)
    found = (_read(one, many, read) for one in asked)
    dearest = max(map(read.costs, asked), key=_dear) if many else study
    return dearest, tuple(dict.fromkeys((*found, HOLD)))


def usual_left_out(flags: Flags, targets: Sequence[Target]) -> tuple[str, ...]:
    """The bands that a usual grid has and this one has not, for people to read."""
    return bands_left_out(targets) if any(kind.band == _BANDS for kind in _kinds(flags)) else ()


def _inside(asked: list[Flags], flags: Flags, targets: Sequence[Target]) -> list[Flags]:
    """Without usual bands that some weight could never fall below: nobody has asked for them."""
    if flags.band is not None:
        return asked
    inside = {None, *map(show_percent, bands_inside(targets))}
    return [one for one in asked if one.band in inside]


def _dear(study: Study) -> tuple[int, float]:
    """More where pools keep more, and where less of them is there."""
    depth = study.frictions.depth[0]
    return study.frictions.fee[0], -float("inf") if depth is None else -depth


def _kinds(flags: Flags) -> Iterator[Flags]:
    """Bands and cadences alone, and both together, where nobody says which; without a word of either, a usual grid."""
    bands = flags.band is not None or flags.relative is not None
    cadence = flags.every is not None or flags.at is not None
    if flags.trigger is not None:
        yield flags
        return
    if bands or not cadence:
        back = _BACK if flags.return_to is None else flags.return_to
        if bands:
            yield replace(flags, trigger="threshold", return_to=back)
        else:
            yield replace(flags, trigger="threshold", band=_BANDS, return_to=back)
            yield replace(flags, trigger="threshold", relative=_RELATIVE, return_to=back)
    if cadence and not bands and flags.return_to is not None:
        raise ConfigError("--return-to: a calendar has no use for it; leave it out, or give --band or --relative too")
    if cadence or not bands:
        yield replace(flags, trigger="calendar", every=flags.every if cadence else _EVERY)
    if bands and cadence:
        yield replace(flags, trigger="hybrid", return_to=_BACK if flags.return_to is None else flags.return_to)


class _Reader:
    """Each text is read once, by the same rules as for a backtest."""

    def __init__(self, study: Study, market: Market) -> None:
        self._study, self._market = study, market
        self._triggers: dict[tuple[object, ...], Trigger] = {}
        self._costs: dict[tuple[str, str | None], Study] = {}

    def trigger(self, flags: Flags) -> Trigger:
        key = tuple(getattr(flags, name) for name in _TRIGGER)
        if key not in self._triggers:
            found = trigger_around(flags, self._study.targets)
            require_met(found, self._study.policy.window, self._study.prices.times)
            self._triggers[key] = found
        return self._triggers[key]

    def costs(self, flags: Flags) -> Study:
        key = flags.fee, flags.depth
        if key not in self._costs:
            self._costs[key] = make_study(replace(flags, **_PLAIN), self._market)
        return self._costs[key]


def _read(flags: Flags, many: set[str], read: _Reader) -> Configuration:
    trigger = read.trigger(flags)
    costs = read.costs(flags).frictions if many else None
    bands = trigger.bands if isinstance(trigger, Threshold | Hybrid) else None
    band, relative, back = (None, None, Back.TARGET) if bands is None else _drawn(bands)
    return Configuration(
        band=band,
        relative=relative,
        back=back,
        every=None if isinstance(trigger, Threshold) else trigger.every,
        fee=costs.fee[0] if costs is not None and "fee" in many else None,
        depth=costs.depth[0] if costs is not None and "depth" in many else None,
    )


def _drawn(bands: Bands) -> tuple[Weight | None, Weight | None, Back]:
    if not isinstance(bands, Drawn):
        raise ConfigError(
            "--return-to optimal: these bands are computed anew from every tick's gas and pools, and a sweep has "
            "none of that; expected target, half or edge here. `rebalancer backtest --return-to optimal` plays it"
        )
    return bands.widths[0].absolute, bands.widths[0].relative, bands.back
