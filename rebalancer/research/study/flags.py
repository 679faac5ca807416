"""What people ask of a study as they write it: lists of it apart, each text parsed, errors that name the flag."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from rebalancer.core.errors import ConfigError

T = TypeVar("T")

_LISTED = ("trigger", "band", "relative", "return_to", "every", "at", "fee", "depth")
"""Those of which a sweep takes several."""
_BANDS = ("band", "relative", "return_to")


@dataclass(frozen=True, slots=True)
class Flags:
    """Each as it was typed; None: not given. A comma parts what a sweep is to try."""

    config: Path | None = None
    prices: tuple[Path, ...] = ()
    synthetic: int | None = None
    targets: str | None = None
    start: str = "100_000 USD"
    fee: str = "0.3 %"
    depth: str | None = None
    pools: Path | None = None
    gas: str | None = None
    gas_prices: Path | None = None
    trigger: str | None = None
    band: str | None = None
    relative: str | None = None
    return_to: str | None = None
    every: str | None = None
    at: str | None = None
    since: str | None = None
    until: str | None = None
    maps: tuple[str, ...] = ()
    fill: str | None = None


def parsed(flag: str, text: str, parse: Callable[[str], T]) -> T:
    """ConfigError that names the flag, what was seen and what was expected."""
    try:
        return parse(text.strip())
    except ValueError as error:
        raise ConfigError(f"{flag}: saw {text.strip()!r}, {error}") from None


def listed(text: str) -> tuple[str, ...]:
    """The parts between commas; a cron expression has commas of its own, and is one."""
    found = (text,) if "*" in text or re.match(r"\s*[0-9/]+[-,0-9/]*\s+[0-9*/]", text) else tuple(text.split(","))
    return tuple(part.strip() for part in found)


def variants(flags: Flags) -> tuple[Flags, ...]:
    """Every combination of what is listed, each once: what a trigger has no use for makes no difference."""
    given = [(name, listed(value)) for name in _LISTED if (value := getattr(flags, name)) is not None]
    names = [name for name, _ in given]
    combinations = product(*(values for _, values in given))
    found = (_plain(_with(flags, dict(zip(names, each, strict=True)))) for each in combinations)
    return tuple(dict.fromkeys(found))


def _with(flags: Flags, values: Mapping[str, Any]) -> Flags:
    return replace(flags, **values)


def trigger_of(flags: Flags) -> str:
    """As given; else by what is given for it: a cadence alone is a calendar, with a band it is hybrid."""
    if flags.trigger is not None:
        return flags.trigger.strip()
    cadence = flags.every is not None or flags.at is not None
    bands = flags.band is not None or flags.relative is not None
    return "threshold" if not cadence else "hybrid" if bands else "calendar"


def _plain(flags: Flags) -> Flags:
    kind = trigger_of(flags)
    unused: tuple[str, ...] = ()
    if kind == "calendar":
        unused = _BANDS
    elif kind == "threshold":
        unused = ("every", "at")
    return _with(flags, {"trigger": kind} | dict.fromkeys(unused))


def pairs(flag: str, text: str) -> Iterator[tuple[str, str]]:
    """`A=x,B=y` as (A, x), (B, y). ConfigError for another form, or a name that comes twice."""
    seen: set[str] = set()
    for part in text.split(","):
        name, found, value = (piece.strip() for piece in part.partition("="))
        if not found or not name or not value:
            raise ConfigError(f"{flag}: saw {part.strip()!r}, expected NAME=VALUE, several parted by commas")
        if name in seen:
            raise ConfigError(f"{flag}: {name} is given twice; give it once")
        seen.add(name)
        yield name, value
