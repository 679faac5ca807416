"""The sections about when to act, and about what waits then. A part of `schema`, in a file of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rebalancer.config.schema import BandSection, Section
from rebalancer.config.spans import DAY
from rebalancer.config.values import AverageDays, Day, Fall, Hours, Moments, Seconds
from rebalancer.core.model import Schedule
from rebalancer.units import Weight


class WindowSection(Section):
    days: Annotated[list[Day], Field(min_length=1)] = list(range(7))
    hours: Hours = (0, 86_400)


class TriggerSection(Section):
    kind: Literal["calendar", "threshold", "hybrid"] = "threshold"
    every: Seconds | None = None
    at: Moments | None = None
    """In place of `every`: moments in UTC, each of which is due for a day (`core.schedule.GRACE`)."""
    apart: Seconds | None = None
    """The least time between two rebalances; None: the limits of `safety` alone. It defers no moment of `at`."""
    band: BandSection = BandSection.model_construct(absolute=Weight(5 * 10**16), relative=Weight(25 * 10**16))
    """5 points, or a quarter of a small target: the nearer counts. Under `optimal`: the widest, where it is given."""
    return_to: Literal["target", "half", "edge", "optimal"] = "target"
    """What everybody expects. `optimal` costs less, and rests on the figures of `drift`."""
    window: WindowSection | None = None

    def cadence(self) -> int | Schedule | None:
        """Whichever of the two is given."""
        return self.every if self.at is None else self.at


class PatienceSection(Section):
    """What a trigger calls for may wait for the market. Nothing does by default: that a trend goes on is a belief."""

    average: AverageDays | None = None
    """Days of the mean: what stands over it is not sold, what stands under it is not bought. None: no such wait."""
    most: Seconds = 7 * DAY
    """From when the trigger first calls. What is still off then is done: a trend may outlast any patience."""
    fall: Fall | None = None
    """What has fallen further, within that time, is not bought however long it lasts; None: whatever has fallen is."""
