"""The parts that a report is made of, as frozen values; and how words and numbers come into a picture.

Nothing in them is trusted: `page` escapes what is written, `words` what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """One plot. `caption`: what it shows, also for those who cannot see it.

    Every value of a key that ends in "color" is the name of a colour of the page ("ours", "hold"; see `style`),
    so that it follows the reader's light or dark.
    """

    name: str
    """Its id in the page."""
    title: str
    caption: str
    traces: tuple[Json, ...]
    layout: Json
    height: int = 380
    """Pixels."""
    group: str = ""
    """Those of one group stand two by two where there is room; none: by itself."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. The first column names the rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    how: tuple[str, ...] = ()
    """For each row, how its figures come about; none for any, or for all."""


@dataclass(frozen=True, slots=True)
class Points:
    """A heading, and sentences under it, each of which starts with a few words that stand out."""

    title: str
    lines: tuple[tuple[str, str], ...]
    loud: bool = False
    """What nobody may miss."""
    folded: bool = False


Part = Picture | Sheet | Points


def words(text: str) -> str:
    """Text for a picture: the library would read tags and entities in it."""
    return escape(text, quote=False)


def numbers(values: Iterable[float], digits: int = 6) -> list[float | None]:
    """As many digits as an eye can tell apart; what is no number is a gap."""
    return [None if value != value else float(f"{value:.{digits}g}") for value in map(float, values)]
