"""Sums over the last days, and how long all has gone well: rows in the order of time in, both at any moment out."""

from __future__ import annotations

from collections import deque

from rebalancer.core.counting import Counted


class Sums:
    """Of what has settled since some time, which only moves forward."""

    def __init__(self) -> None:
        self._rows: deque[tuple[int, Counted]] = deque()
        self._sum = Counted(0, 0, 0)

    @property
    def count(self) -> int:
        return len(self._rows)

    @property
    def first(self) -> int | None:
        """When the oldest of them settled."""
        return self._rows[0][0] if self._rows else None

    def add(self, at: int, counted: Counted) -> None:
        self._rows.append((at, counted))
        self._sum = _added(self._sum, counted, 1)

    def since(self, time: int) -> Counted:
        while self._rows and self._rows[0][0] < time:
            self._sum = _added(self._sum, self._rows.popleft()[1], -1)
        return self._sum

    def forget(self) -> None:
        """A person has looked at all of them."""
        self._rows.clear()
        self._sum = Counted(0, 0, 0)


class Stretch:
    """Since when nothing has halted, and the longest such time before: both from the first rebalance on."""

    def __init__(self) -> None:
        self.since: int | None = None
        self.longest = 0
        self._first: int | None = None

    def settled(self, at: int) -> None:
        if self.since is None:
            self.since = self._first = at

    def ended(self, at: int) -> None:
        if self.since is not None and self._first is not None and at > self._first:
            self.longest = max(self.longest, at - self.since)
            self.since = at


def _added(total: Counted, part: Counted, sign: int) -> Counted:
    return Counted(
        total.traded + sign * part.traded,
        total.cost + sign * part.cost,
        total.gas + sign * part.gas,
        total.traded_share + sign * part.traded_share,
        total.cost_share + sign * part.cost_share,
    )
