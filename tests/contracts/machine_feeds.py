"""Feeds that are not to be believed, as storage words, and what the rules on prices say of them, worked out here from
their description: of one feed after the other the answer, the time, the age; then of the price whether it is one, its
band and its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from machine_chain import Words
from machine_world import FEED_DECIMALS, HEARTBEAT, World
from policy_model import price_of

SEQUENCERS = ("sequencer", "grace", "grace over")
MOST_ANSWER = (1 << 96) - 1
FEEDS = {
    "answer 0": "answer",
    "answer -1": "answer",
    "answer too large": "answer",
    "answer too large and heartbeat": "answer",
    "answer 0 and heartbeat": "heartbeat",
    "answer 0 and future": "future",
    "future": "future",
    "heartbeat": "heartbeat",
    "heartbeat not yet": "",
    "price too large": "",
}
"""What is wrong with a feed, and the rule by which no price is made of it."""
BROKEN = (*FEEDS, *SEQUENCERS)


@dataclass(frozen=True, slots=True)
class Read:
    """One of a token's feeds, by its place among them, and what all of them answer."""

    token: int
    place: int
    answers: Sequence[int]


def broken_feed(world: World, broken: str, read: Read, now: int) -> tuple[int | str, Words]:
    """What becomes of the token's price, and the words."""
    feeds, answers = world.ground.feeds[read.token], list(read.answers)
    place = read.place % len(feeds)
    for said, answer in {"0": 0, "-1": -1, "answer too large": MOST_ANSWER + 1, "price too": MOST_ANSWER}.items():
        if said in broken:
            answers[place] = answer
    words = {world.slots.feed["answer"]: answers[place] % (1 << 256)}
    if "heartbeat" in broken:
        words |= world.dated(feeds[place], now - HEARTBEAT - ("not yet" not in broken))[feeds[place].address]
    if "future" in broken:
        words |= world.dated(feeds[place], now + 1)[feeds[place].address]
    price = price_of(*zip(answers, FEED_DECIMALS[read.token], strict=True))
    return FEEDS[broken] or price, {feeds[place].address: words}


def broken_sequencer(world: World, broken: str, grace: int, now: int) -> tuple[str, Words]:
    """The rule by which nothing is read, and the words. Only where there is a grace does the module ask."""
    slots, sequencer = world.slots.feed, world.ground.sequencer.address
    rule = broken if grace and broken != "grace over" else ""
    if broken == "sequencer":
        return rule, {sequencer: {slots["answer"]: 1}}
    return rule, {sequencer: {slots["started_at"]: now - grace - (broken == "grace over")}}
