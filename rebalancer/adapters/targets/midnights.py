"""Feeds and times in; the prices of all tokens at each time at which a tick would have believed every one of them out.

Times are midnights (UTC), so that every keeper finds the same whatever block of a day it reads at, and anybody can find
it again later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rebalancer.adapters.chain.rounds import Round
from rebalancer.adapters.targets.realized import Sample
from rebalancer.core.model import Block
from rebalancer.core.price import Feed
from rebalancer.units import Address

DAY = 86_400
"""Seconds between two prices: long against the hour that feeds may be silent, and one trading day of most research."""
AT_ONCE = 120
"""Midnights in one search: what is found is read once more in one call, and a node allows so much gas for that."""

Feeds = tuple[Feed, ...]
"""Of one token: its price is their product."""


class Rounds(Protocol):
    """`adapters.chain.rounds.RoundReads`, or what stands for it."""

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]: ...


def midnight(at: int) -> int:
    """The last one by then, in Unix seconds."""
    return at // DAY * DAY


def midnights(since: int, until: int) -> list[int]:
    """From the first to the last, both included; both are midnights."""
    return list(range(since, until + 1, DAY))


def read_samples(of: Sequence[Feeds], times: Sequence[int], rounds: Rounds, block: Block) -> list[Sample]:
    """In the order of `times`, those left out at which a token had no price to be believed. Raises Unavailable,
    ConfigError.
    """
    feeds = tuple(dict.fromkeys(feed.address for each in of for feed in each))
    found: list[Sample] = []
    for first in range(0, len(times), AT_ONCE):
        asked = times[first : first + AT_ONCE]
        stood = rounds.at(feeds, asked, block)
        found += [Sample(time, prices) for time in asked if (prices := _prices(of, stood, time)) is not None]
    return found


def _prices(of: Sequence[Feeds], stood: Mapping[Address, Mapping[int, Round]], time: int) -> tuple[int, ...] | None:
    """One for each token; None where one of them had no price then that a tick would have believed."""
    found = []
    for feeds in of:
        price = 1
        for feed in feeds:
            said = stood[feed.address].get(time)
            if said is None or said.answer <= 0 or time - said.updated_at > feed.heartbeat + feed.margin:
                return None
            price *= said.answer
        found.append(price)
    return tuple(found)
