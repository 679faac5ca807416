"""A portfolio as its file says it in; the same on paper, and which of its words a rehearsal is of, out."""

from __future__ import annotations

from dataclasses import replace

from rebalancer.config.settings import Settings
from rebalancer.market.addresses import keccak256
from rebalancer.units import Bps

ORDER_TAKERS = frozenset({"cow"})
"""Whether others fill an order nobody can play, and to ask them to is to tell them of it."""


def on_paper(settings: Settings) -> Settings:
    """Without relay and ramp, which limits what a mistake costs, without those who take orders, and without the dead
    man's switch: a tick on paper must not cover up a live one that does not come.
    """
    over_time = replace(settings.policy.over_time, ramp=Bps(0), ramp_days=0)
    return replace(
        settings,
        paper=True,
        live=False,
        relay_url=None,
        ping_url=None,
        outside=tuple(one for one in settings.outside if one.name not in ORDER_TAKERS),
        policy=replace(settings.policy, over_time=over_time),
    )


def rehearsed(settings: Settings) -> str:
    """What a tick on paper rehearses, by which another configuration is told from it: all that it decides on. Nodes,
    people, the place of the ledger, and what is never asked on paper are no part of it.
    """
    paper = on_paper(settings)
    venues = sorted(one.name for one in paper.outside)
    decides = (paper.targets, paper.estimation, paper.price_rules, paper.pools, venues, paper.policy, paper.module)
    return f"configuration {keccak256(repr(decides).encode()).hex()[:12]}"
