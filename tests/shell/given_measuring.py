"""Two assets whose volatilities are measured, the prices that their feeds said, and the port on them."""

from __future__ import annotations

from pathlib import Path

from given_rounds import (
    DAY,
    MIDNIGHT,
    KnownRounds,
    Rounds,
    feed_of,
    rule_of,
    token_of,
)

from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.targets.measured import DAYS, MeasuredTargets
from rebalancer.adapters.targets.remembered import MeasuredFile
from rebalancer.core.model import Measured, Target
from rebalancer.core.price import PriceRule
from rebalancer.units import ONE, Weight

A, B = token_of(1), token_of(2)
FEED_A, FEED_B, FEED_C = feed_of(1), feed_of(2), feed_of(3, DAY)
TARGETS = (Target(A, Weight(6 * ONE // 10)), Target(B, Weight(4 * ONE // 10)))
RULES: tuple[PriceRule, ...] = (rule_of(A, FEED_A), rule_of(B, FEED_B))
STEP = 1_800
WILD = [100 if day % 2 else 125 for day in range(DAYS + 1)]
"""Prices that no market makes: some 427 % a year."""


def daily(prices: list[int], late: int = 60) -> Rounds:
    """One round before each midnight up to the newest, `late` seconds old then."""
    first = MIDNIGHT - DAY * (len(prices) - 1)
    return [(first + DAY * place - late, price) for place, price in enumerate(prices)]


def zigzag(days: int = DAYS + 1, up: int = 103) -> list[int]:
    return [100 if day % 2 else up for day in range(days)]


def still(days: int = DAYS + 1) -> list[int]:
    return [1] * days


def rounds_with(a: Rounds, b: Rounds) -> KnownRounds:
    return KnownRounds({FEED_A.address: a, FEED_B.address: b})


def measuring(folder: Path, rounds: KnownRounds) -> MeasuredTargets:
    return MeasuredTargets(FixedTargets(TARGETS), RULES, rounds, MeasuredFile(folder / "wallet.volatility"))


def figures(measured: Measured) -> list[Weight]:
    return [v.per_year for v in measured.volatilities]


def a_day_later(prices: list[int]) -> Rounds:
    """The same, a day on."""
    return [(at + DAY, price) for at, price in daily(prices)]
