"""A lease without a lock, for tests of the keeper and for replays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class FakeLease:
    """Free, unless `holder` is set. `held` says whether it is ours now, `times` how often it was."""

    def __init__(self, holder: str | None = None) -> None:
        self.holder = holder
        self.held = False
        self.times = 0

    @contextmanager
    def hold(self) -> Iterator[str | None]:
        if self.holder is not None:
            yield self.holder
            return
        self.held, self.times = True, self.times + 1
        try:
            yield None
        finally:
            self.held = False
