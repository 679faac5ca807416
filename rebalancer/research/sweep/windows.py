"""What a choice rests on, as people write it."""

from __future__ import annotations

from enum import StrEnum


class Windows(StrEnum):
    """All that came before it, or only the last parts of that."""

    ANCHORED = "anchored"
    ROLLING = "rolling"
