"""One thing that a venue does wrong, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from given_bends import Bend, honest
from given_venue_stage import Stage
from given_venue_world import Found

REFUSED = "refused"
"""The property of a test's report that the table at the end is made of."""


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """One thing that a venue does. `refused`: a pattern of the words in which it is refused, by our rule or by the
    router's in the simulation. `route`: what becomes of the route that it trades on; `stage`: what else is done before
    the tick, on the chain or to the configuration. `weighs`: whether it wants to fill our memory.
    """

    venue: str
    refused: str
    bend: Bend = honest
    route: Callable[[Found], Found] = lambda found: found
    stage: Callable[[Stage], object] = lambda _: None
    weighs: bool = False


Misbehaviours = Mapping[str, Misbehaviour]
