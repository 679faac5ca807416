"""Feeds that are played: prices that walk, the rounds that a feed makes of them, and what a chain says of those."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import exp, sqrt

from rebalancer.adapters.chain.rounds import Round
from rebalancer.adapters.targets.realized import YEAR
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Block
from rebalancer.core.price import Feed, FeedPrice
from rebalancer.units import Address, Token, Wei

DAY = 86_400
MIDNIGHT = 20_000 * DAY
NOW = MIDNIGHT + 5_000
Rounds = Sequence[tuple[int, int]]
"""(Unix seconds, answer), in their order."""


def block_at(timestamp: int) -> Block:
    return Block(100, "0x64", timestamp, Wei(10**9))


def token_of(number: int) -> Token:
    return Token(f"T{number}", Address(f"0x{number:040x}"), 18)


def feed_of(number: int, heartbeat: int = 3_600) -> Feed:
    return Feed(Address(f"0x{number + 0xFEED0000:040x}"), 8, heartbeat, 300)


def rule_of(token: Token, *feeds: Feed) -> FeedPrice:
    return FeedPrice(token, feeds)


class KnownRounds:
    """Says what the rounds that it was given say; `refusal` in their place, where there is one."""

    def __init__(self, rounds: Mapping[Address, Rounds]) -> None:
        self.rounds = dict(rounds)
        self.refusal: Unavailable | None = None
        self.asked = 0

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]:
        self.asked += 1
        if self.refusal is not None:
            raise self.refusal
        return {feed: self._of(self.rounds[feed], times) for feed in feeds}

    @staticmethod
    def _of(rounds: Rounds, times: Sequence[int]) -> dict[int, Round]:
        found = {}
        for time in times:
            place = bisect_right(rounds, time, key=lambda one: one[0])
            if place:
                at, answer = rounds[place - 1]
                found[time] = Round(place, answer, at)
        return found


def walks(
    dice: random.Random, volatilities: Sequence[float], correlation: float, step: int, count: int
) -> list[list[float]]:
    """So many prices of each asset, `step` seconds apart, from 1 on: all pairs have the same correlation."""
    prices = [[1.0] for _ in volatilities]
    size = sqrt(step / YEAR)
    for _ in range(count - 1):
        shared = dice.gauss(0, 1)
        for path, volatility in zip(prices, volatilities, strict=True):
            z = sqrt(correlation) * shared + sqrt(1 - correlation) * dice.gauss(0, 1)
            path.append(path[-1] * exp(volatility * size * z - (volatility * size) ** 2 / 2))
    return prices


def rounds_of(
    path: Sequence[float], start: int, step: int, heartbeat: int = 3_600, threshold: float = 0.005
) -> list[tuple[int, int]]:
    """The rounds of a feed that writes where the price has moved by `threshold`, and after `heartbeat` seconds."""
    found: list[tuple[int, int]] = []
    for place, price in enumerate(path):
        at, answer = start + place * step, round(price * 10**8)
        moved = not found or abs(answer / found[-1][1] - 1) >= threshold
        if moved or at - found[-1][0] >= heartbeat:
            found.append((at, answer))
    return found


def against_rest(volatilities: Sequence[float], weights: Sequence[float], correlation: float, place: int) -> float:
    """The yearly deviation of an asset against the rest, from the covariances: sqrt(v' C v)."""
    rest = 1 - weights[place]
    v = [1.0 if j == place else -weight / rest for j, weight in enumerate(weights)]
    spans = range(len(weights))
    return sqrt(
        sum(
            v[i] * v[j] * volatilities[i] * volatilities[j] * (1 if i == j else correlation)
            for i in spans
            for j in spans
        )
    )
