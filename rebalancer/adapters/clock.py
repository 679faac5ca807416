"""Time from the machine."""

from __future__ import annotations

import time


class SystemClock:
    """Unix seconds of this machine."""

    def now(self) -> int:
        return int(time.time())


class FixedClock:
    """A clock that stands until it is moved: the fake."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at
