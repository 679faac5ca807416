"""What a look at a wallet finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was looked at, what was seen, and the next step where it is not well."""

    name: str
    words: str
    well: bool
