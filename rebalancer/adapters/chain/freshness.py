"""Whether a head is the present: a block and our clock in, why it is not to be believed out."""

from __future__ import annotations

from typing import Protocol

from rebalancer.core.errors import Unavailable

MOST_AHEAD = 120
"""Seconds that a block may be ahead of our clock: proposers keep to their slots, clocks less so."""


class Head(Protocol):
    """The newest block of a node."""

    @property
    def number(self) -> int: ...

    @property
    def timestamp(self) -> int:
        """Unix seconds."""
        ...


def why_stale(host: str, head: Head, now: int, most_age: int) -> Unavailable | None:
    """Times are in Unix seconds, `most_age` is in seconds. None: `head` is the present."""
    age = now - head.timestamp
    if age > most_age:
        return Unavailable(
            f"{host}: its newest block {head.number} is {age} s old, expected at most {most_age} s; the node is "
            "behind, or this machine's clock ahead"
        )
    if age < -MOST_AHEAD:
        return Unavailable(
            f"{host}: its newest block {head.number} is {-age} s in the future, expected at most {MOST_AHEAD} s; this "
            "machine's clock is behind, or the node makes blocks up"
        )
    return None
