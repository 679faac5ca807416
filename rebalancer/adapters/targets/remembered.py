"""What was measured last: a small file beside the wallet's lock, so that a tick asks the chain for it once a day.

It is a copy of what the chain says of one day, and no more than that: whoever has lost it measures the same numbers
again. So it is no part of the ledger. What cannot be read, or is of other feeds or targets, is no memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Measured, Volatility
from rebalancer.units import Token, Weight

_LONGEST = 100_000
"""Bytes; ours is never so long."""
_DIGITS = 30
"""Most that a figure has."""


@dataclass(frozen=True, slots=True)
class Failed:
    """When a measurement failed, in Unix seconds, and why."""

    at: int
    why: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was measured last, at which midnight in Unix seconds, and what has failed since.

    None: nothing was, or nobody can read it.
    """

    measured: Measured | None
    midnight: int
    failed: Failed | None = None


class MeasuredFile:
    """Of one wallet. `basis` is whatever the numbers rest on, as text: another one, another measurement."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, basis: str, tokens: Sequence[Token]) -> Kept | None:
        """None: nothing was measured on this basis, or nobody can read it."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_LONGEST))
        except (OSError, ValueError, RecursionError):
            return None
        return _kept(found, tokens) if isinstance(found, dict) and found.get("basis") == basis else None

    def write(self, basis: str, kept: Kept) -> None:
        """Whole, or not at all. Raises ConfigError where it cannot: each tick would measure again, and nobody know."""
        content: dict[str, Any] = {"basis": basis, "midnight": kept.midnight}
        if kept.measured is not None:
            content["measured"] = {
                "since": kept.measured.since,
                "until": kept.measured.until,
                "samples": kept.measured.samples,
                "per_year_e18": {v.token.address: str(v.per_year) for v in kept.measured.volatilities},
            }
        if kept.failed is not None:
            content["failed"] = {"at": kept.failed.at, "why": kept.failed.why}
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(json.dumps(content))
            draft.replace(self._path)
        except OSError as error:
            raise ConfigError(
                f"what was measured cannot be kept in {self._path} ({error.strerror}); its folder must be one that "
                "this account may write to, with room in it: set XDG_STATE_HOME to another, or give the volatilities"
            ) from None


def _kept(found: dict[str, Any], tokens: Sequence[Token]) -> Kept | None:
    midnight = _figure(found.get("midnight"))
    if midnight is None:
        return None
    return Kept(_measured(_mapping(found, "measured"), tokens), midnight, _failed(_mapping(found, "failed")))


def _failed(found: dict[str, Any]) -> Failed | None:
    at, why = _figure(found.get("at")), found.get("why")
    return Failed(at, why) if at is not None and isinstance(why, str) else None


def _measured(found: dict[str, Any], tokens: Sequence[Token]) -> Measured | None:
    figures = [_figure(found.get(name)) for name in ("since", "until", "samples")]
    per_year = _mapping(found, "per_year_e18")
    texts = [per_year.get(token.address) for token in tokens]
    numbers = [int(text) for text in texts if isinstance(text, str) and text.isdecimal() and len(text) <= _DIGITS]
    if None in figures or len(numbers) != len(tokens):
        return None
    since, until, samples = (figure or 0 for figure in figures)
    volatilities = (Volatility(token, Weight(number)) for token, number in zip(tokens, numbers, strict=True))
    return Measured(tuple(volatilities), since, until, samples)


def _mapping(found: dict[str, Any], name: str) -> dict[str, Any]:
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}


def _figure(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 63 else None
