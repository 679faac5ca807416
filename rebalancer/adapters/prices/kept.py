"""What was read once, in a file of their own for each source: whoever is stopped in the middle goes on there.

It is a copy of what others say of times gone by, and no more than that: whoever has lost it asks again. What cannot be
read is no memory, and is written anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from rebalancer.core.errors import ConfigError

_HEAD = "time,value,written"


class KeptPrices:
    """Of one source: by time in Unix seconds the value in the source's own unit, and when it was written there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[int, tuple[Decimal, int]]:
        try:
            lines = self.path.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        if not lines or lines[0] != _HEAD:
            return {}
        try:
            return dict(_entry(line) for line in lines[1:])
        except (ValueError, InvalidOperation):
            return {}

    def set_aside(self) -> Path:
        """Out of the way, and where to. Raises ConfigError where it cannot."""
        aside = self.path.with_name(f"{self.path.name}.aside")
        try:
            self.path.replace(aside)
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be set aside ({error.strerror}); remove it") from None
        return aside

    def write(self, prices: Mapping[int, tuple[Decimal, int]]) -> None:
        """Whole, or not at all. Raises ConfigError where it cannot."""
        lines = [f"{time},{price:f},{at}" for time, (price, at) in sorted(prices.items())]
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text("\n".join((_HEAD, *lines, "")))
            draft.replace(self.path)
        except OSError as error:
            raise ConfigError(
                f"prices cannot be kept in {self.path} ({error.strerror}); its folder must be one that this account "
                "may write to, with room in it: set XDG_CACHE_HOME to another"
            ) from None


def _entry(line: str) -> tuple[int, tuple[Decimal, int]]:
    time, price, at = line.split(",")
    found = Decimal(price)
    if not found.is_finite() or found <= 0:
        raise ValueError(f"{price} is no price")
    return int(time), (found, int(at))
