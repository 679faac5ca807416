"""What stands around the figures of a study in, the last sections of its report out."""

from __future__ import annotations

from rebalancer.research.asked import Told
from rebalancer.research.report.page import written
from rebalancer.research.report.parts import Part, Points


def about_parts(told: Told, further: tuple[str, ...] = ()) -> tuple[Part, ...]:
    """`further`: what else was taken for what, or was not done."""
    return (
        Points("What was asked", told.asked, folded=True),
        Points("What was taken for what", written((*told.said, *further)), folded=True),
    )
