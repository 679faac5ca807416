"""What is found once a day, when, and what has failed since, as a kept file has them: volatilities, and trends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rebalancer.adapters.targets.daily import Failed, Kept
from rebalancer.adapters.targets.kept import KeptFile, figure, mapping
from rebalancer.core.model import Measured, Trend, Trends, Volatility
from rebalancer.units import Token, Usd, Weight

T = TypeVar("T")
Json = dict[str, Any]

_DIGITS = 60
"""Most that a figure has: dollars at 1e18 of the dearest token have half as many."""


class MeasuredFile:
    """Of one wallet. `basis` is whatever the numbers rest on, as text: another one, another measurement."""

    def __init__(self, path: Path) -> None:
        self._file = KeptFile(path, "give the volatilities")

    def read(self, basis: str, tokens: Sequence[Token]) -> Kept[Measured] | None:
        """None: nothing was measured on this basis, or nobody can read it."""
        return _read(self._file.read(basis), "measured", lambda found: _measured(found, tokens))

    def write(self, basis: str, kept: Kept[Measured]) -> None:
        """Raises ConfigError where it cannot."""
        self._file.write(basis, _content(kept, "measured", _of_measured))


class TrendFile:
    """Of one wallet, likewise."""

    def __init__(self, path: Path) -> None:
        self._file = KeptFile(path, "leave out `patience`")

    def read(self, basis: str, tokens: Sequence[Token]) -> Kept[Trends] | None:
        """None: nothing was found on this basis, or nobody can read it."""
        return _read(self._file.read(basis), "trends", lambda found: _trends(found, tokens))

    def write(self, basis: str, kept: Kept[Trends]) -> None:
        """Raises ConfigError where it cannot."""
        self._file.write(basis, _content(kept, "trends", _of_trends))


def _read(found: Json | None, name: str, value: Callable[[Json], T | None]) -> Kept[T] | None:
    midnight = None if found is None else figure(found.get("midnight"))
    if found is None or midnight is None:
        return None
    return Kept(value(mapping(found, name)), midnight, _failed(mapping(found, "failed")))


def _content(kept: Kept[T], name: str, value: Callable[[T], Json]) -> Json:
    content: Json = {"midnight": kept.midnight}
    if kept.found is not None:
        content[name] = value(kept.found)
    if kept.failed is not None:
        content["failed"] = {"at": kept.failed.at, "why": kept.failed.why}
    return content


def _failed(found: Json) -> Failed | None:
    at, why = figure(found.get("at")), found.get("why")
    return Failed(at, why) if at is not None and isinstance(why, str) else None


def _of_measured(measured: Measured) -> Json:
    return {
        "since": measured.since,
        "until": measured.until,
        "samples": measured.samples,
        "per_year_e18": {v.token.address: str(v.per_year) for v in measured.volatilities},
    }


def _measured(found: Json, tokens: Sequence[Token]) -> Measured | None:
    figures = [figure(found.get(name)) for name in ("since", "until", "samples")]
    numbers = [_number(mapping(found, "per_year_e18").get(token.address)) for token in tokens]
    if None in figures or None in numbers:
        return None
    since, until, samples = (one or 0 for one in figures)
    volatilities = (Volatility(token, Weight(number or 0)) for token, number in zip(tokens, numbers, strict=True))
    return Measured(tuple(volatilities), since, until, samples)


def _of_trends(trends: Trends) -> Json:
    def text(usd: Usd | None) -> str | None:
        return None if usd is None else str(usd)

    found = {one.token.address: [text(one.average), text(one.highest)] for one in trends.trends}
    return {"since": trends.since, "until": trends.until, "usd_e18": found}


def _trends(found: Json, tokens: Sequence[Token]) -> Trends | None:
    """Of every token two figures, of which either may be none."""
    since, until = figure(found.get("since")), figure(found.get("until"))
    trends = []
    for token in tokens:
        both = mapping(found, "usd_e18").get(token.address)
        if not isinstance(both, list) or len(both) != 2 or any(t is not None and _number(t) is None for t in both):
            return None
        average, highest = (None if t is None else Usd(_number(t) or 0) for t in both)
        trends.append(Trend(token, average, highest))
    return None if since is None or until is None else Trends(tuple(trends), since, until)


def _number(text: object) -> int | None:
    """Of decimal text, such as a weight at 1e18."""
    known = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(text) if known and isinstance(text, str) else None
