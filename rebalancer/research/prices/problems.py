"""What is wrong with price files, gathered over all of them and told at once: file, line and column of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from rebalancer.core.errors import ConfigError

SHOWN = 20
"""Of all problems: who has read these knows what kind of file it is."""
_MOST = 10_000
"""That are kept; the others are counted."""


@dataclass(slots=True)
class Problems:
    """In the order of the files, and of the lines of each."""

    _found: list[tuple[int, int, int, str]] = field(default_factory=list)
    _count: int = 0
    rows_lost: bool = False
    """Whether rows have no time, or a wrong one: what is missing between the others follows from that."""

    def add(self, file: Place, line: int, column: int, text: str) -> None:
        """`line` and `column` from 1; a column of 0 is none in particular."""
        self._count += 1
        if len(self._found) < _MOST:
            self._found.append((file.number, line, column, f"{file.name}:{line}: {text}"))

    def add_row(self, file: Place, line: int, column: int, text: str) -> None:
        """Of a row that has no right place among the others."""
        self.rows_lost = True
        self.add(file, line, column, text)

    def __len__(self) -> int:
        return self._count

    def raise_all(self) -> None:
        """ConfigError with the first of them, and how many more there are."""
        if not self._count:
            return
        lines = [printable(text) for *_, text in sorted(self._found)[:SHOWN]]
        if self._count > len(lines):
            lines.append(f"and {self._count - len(lines):,} more")
        raise ConfigError("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Place:
    """One file among those that are read together."""

    number: int
    name: str


def printable(text: str) -> str:
    """A cell may hold what moves a terminal's cursor or turns its text around."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shown(text: str) -> str:
    """A cell, for a message."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
