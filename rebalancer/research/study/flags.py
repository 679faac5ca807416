"""What people ask of a study as they write it: lists of it apart, each text parsed, errors that name the flag."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from rebalancer.core.errors import ConfigError

T = TypeVar("T")

_LISTED = ("trigger", "band", "relative", "return_to", "every", "at", "fee", "depth")
"""Those of which a sweep takes several."""
_UNUSED = {"calendar": ("band", "relative", "return_to"), "threshold": ("every", "at")}
"""Of each kind of trigger, what it has no use for."""


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


def period(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """--from and --to in Unix seconds, both days included; None where one is not given. ConfigError."""
    from rebalancer.research.prices.times import DAY, unix_of  # late: numpy, which no tick needs

    start = None if since is None else parsed("--from", since, unix_of)[0]
    end = None if until is None else parsed("--to", until, unix_of)[0]
    last = end if end is None or end % DAY else end + DAY - 1
    if start is not None and last is not None and start > last:
        raise ConfigError(f"--from {since} comes after --to {until}: expected the first day, and then the last")
    return start, last


def listed(text: str) -> tuple[str, ...]:
    """The parts between commas; a cron expression has commas of its own, and is one."""
    found = (text,) if "*" in text or re.match(r"\s*[0-9/]+[-,0-9/]*\s+[0-9*/]", text) else tuple(text.split(","))
    return tuple(part.strip() for part in found)


def variants(flags: Flags) -> tuple[Flags, ...]:
    """Every combination of what is listed, each once: what a trigger has no use for makes no difference."""
    return tuple(
        _with(flags, dict(zip(lists, each, strict=True)))
        for lists in _lists(flags)
        for each in product(*lists.values())
    )


def variants_count(flags: Flags) -> int:
    """How many `variants` would make, before any of them is made."""
    return sum(prod(len(values) for values in lists.values()) for lists in _lists(flags))


def _lists(flags: Flags) -> Iterator[dict[str, tuple[str | None, ...]]]:
    """For each kind of trigger asked for, what there is of each flag, each once; nothing of those it has no use for."""
    given = {
        name: tuple(dict.fromkeys(listed(value))) for name in _LISTED if (value := getattr(flags, name)) is not None
    }
    for kind in given.pop("trigger", (trigger_of(flags),)):
        yield {"trigger": (kind,), **given, **dict.fromkeys(_UNUSED.get(kind, ()), (None,))}


def _with(flags: Flags, values: Mapping[str, Any]) -> Flags:
    return replace(flags, **values)


def trigger_of(flags: Flags) -> str:
    """As given; else by what is given for it: a cadence alone is a calendar, with a band it is hybrid."""
    if flags.trigger is not None:
        return flags.trigger.strip()
    cadence = flags.every is not None or flags.at is not None
    bands = flags.band is not None or flags.relative is not None
    return "threshold" if not cadence else "hybrid" if bands else "calendar"


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
