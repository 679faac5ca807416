"""What was measured last: a small file beside the wallet's lock, so that a tick asks the chain for it once a day.

It is a copy of what the chain says of one day, and no more than that: whoever has lost it measures the same numbers
again. So it is no part of the ledger. What cannot be read, or is of other feeds or targets, is no memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Measured, Volatility
from rebalancer.units import Token, Weight

_LONGEST = 100_000
"""Bytes; ours is never so long."""
_DIGITS = 30
"""Most that a figure has."""


class MeasuredFile:
    """Of one wallet. `basis` is whatever the numbers rest on, as text: another one, another measurement."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, basis: str, tokens: Sequence[Token]) -> Measured | None:
        """None: nothing was measured on this basis, or nobody can read it."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_LONGEST))
        except (OSError, ValueError, RecursionError):
            return None
        return _measured(found, tokens) if isinstance(found, dict) and found.get("basis") == basis else None

    def write(self, basis: str, measured: Measured) -> None:
        """Whole, or not at all. Raises ConfigError where it cannot: each tick would measure again, and nobody know."""
        content = {
            "basis": basis,
            "since": measured.since,
            "until": measured.until,
            "samples": measured.samples,
            "per_year_e18": {v.token.address: str(v.per_year) for v in measured.volatilities},
        }
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


def _measured(found: dict[str, Any], tokens: Sequence[Token]) -> Measured | None:
    figures = [_figure(found.get(name)) for name in ("since", "until", "samples")]
    per_year = found.get("per_year_e18")
    texts = [per_year.get(token.address) for token in tokens] if isinstance(per_year, dict) else [None]
    numbers = [int(text) for text in texts if isinstance(text, str) and text.isdecimal() and len(text) <= _DIGITS]
    if None in figures or len(numbers) != len(tokens):
        return None
    since, until, samples = (figure or 0 for figure in figures)
    volatilities = (Volatility(token, Weight(number)) for token, number in zip(tokens, numbers, strict=True))
    return Measured(tuple(volatilities), since, until, samples)


def _figure(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 63 else None
