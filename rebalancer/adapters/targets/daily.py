"""A figure that is found once a day: what was kept, and a way to find it, in; the figure that serves now out.

It is found at the first tick of a day (UTC), where nothing is kept, and an hour after it could not be had; what was
found before serves for a week meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from rebalancer.adapters.targets.midnights import DAY, midnight
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Block
from rebalancer.core.render import duration

T = TypeVar("T")

BELIEVED = 7
"""Days that a figure serves where a newer one cannot be had, and days that its newest price may be old: a week changes
a quarter of a year little."""
AGAIN = 3_600
"""Seconds until the rounds are read again after a failure: what was not to be believed may stay so for weeks."""


class NoFigure(Unavailable):
    """The rounds were read, and no figure to be believed follows from them."""


@dataclass(frozen=True, slots=True)
class Failed:
    """When it could not be had, in Unix seconds, and why."""

    at: int
    why: str

    @property
    def again(self) -> int:
        """When the rounds are read again."""
        return self.at + AGAIN


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """What was found last, at which midnight in Unix seconds, and what has failed since.

    None: nothing was, or nobody can read it.
    """

    found: T | None
    midnight: int
    failed: Failed | None = None


def of_today(kept: Kept[T] | None, keep: Callable[[Kept[T]], None], block: Block, find: Callable[[int], T]) -> T:
    """`find` is given the last midnight. Raises Unavailable where nothing serves, ConfigError."""
    kept, today = kept or Kept(None, 0), midnight(block.timestamp)
    if kept.found is not None and kept.midnight == today:
        return kept.found
    former = kept if kept.found is not None and 0 <= today - kept.midnight <= BELIEVED * DAY else None
    if kept.failed is not None and kept.failed.at <= block.timestamp < kept.failed.again:
        return _serving(former, kept.failed, block)
    try:
        found = find(today)
    except Unavailable as error:
        if former is None and not isinstance(error, NoFigure):
            raise  # a node's trouble may be over at the next tick, and without a figure nothing can be done
        failed = Failed(block.timestamp, str(error))
        keep(replace(former or Kept(None, today), failed=failed))
        return _serving(former, failed, block)
    keep(Kept(found, today))
    return found


def _serving(former: Kept[T] | None, failed: Failed, block: Block) -> T:
    """What serves until the rounds are read again. Raises Unavailable where nothing does."""
    if former is not None and former.found is not None:
        return former.found
    left = duration(max(failed.again - block.timestamp, 1))
    raise Unavailable(f"{failed.why} (the rounds are read again in {left})")
