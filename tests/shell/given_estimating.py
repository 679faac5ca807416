"""Three assets whose targets are estimated from what their feeds said, and the port on them."""

from __future__ import annotations

import random
from pathlib import Path

from given_rounds import DAY, KnownRounds, Rounds, feed_of, rule_of, token_of

from rebalancer.adapters.targets.estimate_file import EstimateFile
from rebalancer.adapters.targets.estimated import EstimatedTargets
from rebalancer.core.model.estimation import Bounds, Estimation, EveryMonths, Method
from rebalancer.core.price import PriceRule
from rebalancer.units import PPM, Ppm

TOKENS = (token_of(1), token_of(2), token_of(3))
CALM, WILD, CASH = TOKENS
FEEDS = (feed_of(1), feed_of(2), feed_of(3, DAY))
RULES: tuple[PriceRule, ...] = tuple(rule_of(token, feed) for token, feed in zip(TOKENS, FEEDS, strict=True))
JANUARY = 20_454 * DAY
"""2026-01-01."""
FEBRUARY, MARCH, APRIL = JANUARY + 31 * DAY, JANUARY + 59 * DAY, JANUARY + 90 * DAY
START = (Ppm(400_000), Ppm(400_000), Ppm(200_000))
BOUNDS = (Bounds(CALM, Ppm(0), Ppm(PPM)), Bounds(WILD, Ppm(0), Ppm(PPM)), Bounds(CASH, Ppm(200_000), Ppm(200_000)))


def estimation(step: int | None = None, since: int = JANUARY, method: Method = Method.INVERSE_VOLATILITY) -> Estimation:
    """Cash stays at a fifth, of 60 days before each month."""
    of_step = None if step is None else (Ppm(step), since)
    return Estimation(method, 60, EveryMonths(1), of_step, START, BOUNDS)


def walk(volatility: float, days: int, seed: int, since: int = JANUARY - 60 * DAY) -> Rounds:
    """A round a minute before each midnight."""
    dice, price, found = random.Random(seed), 10.0, []
    for day in range(days):
        found.append((since + day * DAY - 60, round(price * 10**8)))
        price *= 1 + volatility * dice.choice((-1, 1)) * (1 + dice.random() / 10)
    return found


def told(days: int = 400) -> KnownRounds:
    """The first is half as wild as the second. Of cash nobody has ever said anything."""
    return KnownRounds({FEEDS[0].address: walk(0.01, days, 1), FEEDS[1].address: walk(0.02, days, 2)})


def estimating(folder: Path, rounds: KnownRounds, of: Estimation | None = None) -> EstimatedTargets:
    return EstimatedTargets(of or estimation(), RULES, rounds, EstimateFile(folder / "wallet.targets"))
