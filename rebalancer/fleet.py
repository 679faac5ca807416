"""Many portfolios by many workers: the socket of the queue that they are taken from, and how a portfolio's turn ended.

A round has each of its portfolios done once. A worker has a turn at a portfolio for as long as it lives or until it
says how the turn ended; what a dead worker had is taken by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

TRIES = 3
"""Workers that may die at one portfolio in one round, before it is left to the next."""
SEVERITY = (0, 3, 4, 2, 1, 5)
"""Exit codes, the worst last: passes by itself, limits, the file, a fault of the program, a person must look."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn ended: in the words of the ledger, and with the exit code that a run of its own would have had."""

    outcome: str
    detail: str
    code: int
    worker: str = ""
    """In words: who had the turn."""


class Turn(Protocol):
    """A portfolio that is ours."""

    @property
    def name(self) -> str: ...

    @property
    def tries(self) -> int:
        """1, and one more for each worker that died at it in this round."""
        ...

    def end(self, ended: Ended) -> None:
        """Done in this round. On record before another can take it. Raises Unavailable."""
        ...


class Queue(Protocol):
    """Where workers meet. Every method raises Unavailable, ConfigError, Halt."""

    def join(self, names: Sequence[str]) -> int:
        """The number of the round that these portfolios are to be done in: one that just began elsewhere, or a new
        one.
        """
        ...

    def take(self, number: int, names: Sequence[str]) -> AbstractContextManager[Turn | None]:
        """A turn at one that is not done in the round, and that nobody else has; None: there is none now."""
        ...

    def refuse(self, number: int, name: str, ended: Ended) -> None:
        """Keep on record that something could not even be taken."""
        ...

    def ended(self, number: int, names: Sequence[str]) -> Mapping[str, Ended]:
        """Those that were done in the round or since, and how."""
        ...

    def holders(self, number: int, names: Sequence[str]) -> Mapping[str, str]:
        """Those that somebody has a turn at now, and who."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def worst(codes: Iterable[int]) -> int:
    """The exit code that most wants a look. One that is not known wants it more than any."""
    order = {code: place for place, code in enumerate(SEVERITY)}
    return max(codes, key=lambda code: order.get(code, len(order)), default=0)
