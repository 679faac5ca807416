"""What people and programs write for a time in, Unix seconds out, and how it was meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum

import numpy as np

from rebalancer.research.model import Times

DAY = 86_400
EARLIEST, LATEST = 631_152_000, 4_102_444_800
"""1990 and 2100: what lies outside was written in another unit."""


class Kind(Enum):
    """How a time is written; the value is what it is called in messages."""

    DATE = "a date"
    NAIVE = "a time without a zone"
    ZONED = "a time with a zone"
    UNIX = "Unix seconds"


def unix_of(text: str) -> tuple[int, Kind]:
    """A date is its midnight in UTC, a time without a zone is in UTC; a part of a second counts as the whole.

    Raises ValueError with what was expected.
    """
    if text.isascii() and text.isdigit() and len(text) != 8:
        return _in_range(_seconds(text)), Kind.UNIX
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "is no time, expected one such as 2024-03-01, 2024-03-01T12:00:00Z or 1709294400 (Unix seconds)"
        ) from None
    kind = Kind.DATE if len(text) <= 10 else Kind.NAIVE if moment.tzinfo is None else Kind.ZONED
    whole = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    return _in_range(int(-(-whole // 1))), kind


def midnights_of(texts: Sequence[str]) -> Times | None:
    """The same of dates alone, all at once; None where one of them is none, or out of range."""
    if re.fullmatch(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2})+", "".join(texts)) is None or set(map(len, texts)) != {10}:
        return None
    try:
        found = np.array(texts, dtype="datetime64[s]").astype(np.int64)
    except ValueError:
        return None
    return found if found.min() >= EARLIEST and found.max() < LATEST else None


def _seconds(text: str) -> int:
    if len(text) == 13:
        raise ValueError("looks like milliseconds, expected Unix seconds: divide by 1,000")
    return int(text[:20])


def _in_range(seconds: int) -> int:
    if not EARLIEST <= seconds < LATEST:
        raise ValueError("is outside 1990 to 2100, expected a date such as 2024-03-01, or Unix seconds")
    return seconds


def written(seconds: int) -> str:
    """In UTC: a date where it is midnight."""
    return written_whole(seconds)[:10] if seconds % DAY == 0 else written_whole(seconds)


def written_whole(seconds: int) -> str:
    """In UTC, with the time of the day."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def zone_of(text: str) -> str:
    """Of a time with a zone, as it is written."""
    found = re.search(r"Z|[+-][0-9:]+$", text)
    return "" if found is None else found.group()
