"""The thief's world: an account, what the feeds say, and what the market says. Random ones, and how they move.

True prices are `price * (ONE + off) // ONE`, where `off` of a token lies between 0 and the world's `most_off`. That
loses nothing: a mistake that all feeds share moves no share of the wallet.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "contracts"))

from policy_model import ONE, PPM, Account, Asset, Limits, Moved, Policy, div_up

DAY = 86_400
START = 1_700_000_000
# Digits beyond those of a dollar amount, so that true values are exact for any decimals.
EXACT = 27


@dataclass(frozen=True, slots=True)
class Act:
    """One rebalance of the thief's. `taken` and `worth` at true prices, in the same unit; `off`: the worst relative
    mispricing of a pair of the listed tokens at that moment, at 1e18, rounded up."""

    at: int
    taken: int
    worth: int
    off: int
    moved: Moved
    unseen: int
    """What rounding the value of each token may hide."""


@dataclass(slots=True)
class World:
    account: Account
    prices: tuple[int, ...]
    most_off: int
    now: int = START
    offs: tuple[int, ...] = ()
    home: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.home = self.prices
        self.offs = (0,) * len(self.prices)

    @property
    def limits(self) -> Limits:
        return self.account.policy.limits

    @property
    def units(self) -> tuple[int, ...]:
        return self.account.units

    def values(self) -> tuple[int, ...]:
        return self.account.values(self.account.balances, self.prices)

    def true_prices(self) -> tuple[int, ...]:
        return tuple(price * (ONE + off) // ONE for price, off in zip(self.prices, self.offs, strict=True))

    def true_worth(self) -> int:
        scaled = zip(self.account.balances, self.true_prices(), self.units, strict=True)
        return sum(balance * price * (10**EXACT // unit) for balance, price, unit in scaled)

    def mispricing(self) -> int:
        """max over pairs (i, j) of (true_i / true_j) / (price_i / price_j) - 1, at 1e18, rounded up."""
        ratios = [(true, price) for true, price in zip(self.true_prices(), self.prices, strict=True)]
        highest = max(ratios, key=lambda r: r[0] * ONE // r[1])
        lowest = min(ratios, key=lambda r: r[0] * ONE // r[1])
        return div_up(highest[0] * lowest[1] * ONE, highest[1] * lowest[0]) - ONE

    def misprice(self, wanted: bool) -> None:
        """The market pays more for what the wallet may sell than the feeds say, by all that they may be off."""
        if not wanted:
            self.offs = (0,) * len(self.prices)
            return
        values = self.values()
        goals = [sum(values) * target // PPM for target in self.account.targets]
        self.offs = tuple(self.most_off if v > g else 0 for v, g in zip(values, goals, strict=True))

    def shake(self, dice: random.Random) -> None:
        """Feeds jump anywhere between 5/8 and 8/5 of where they started: drift, to the thief's liking."""
        self.prices = tuple(max(1, price * dice.randint(625, 1600) // 1000) for price in self.home)

    def pairs(self, values: list[int], goals: list[int], dice: random.Random) -> list[tuple[int, int]]:
        """Whom to sell for whom: the largest surplus and the largest gap first, or any order."""
        gaps = [value - goal for value, goal in zip(values, goals, strict=True)]
        order = sorted(range(len(gaps)), key=lambda k: -gaps[k])
        if dice.random() < 0.2:
            dice.shuffle(order)
        over, under = [k for k in order if gaps[k] > 0], [k for k in reversed(order) if gaps[k] < 0]
        return [(i, j) for i in over for j in under]

    def cheapest(self) -> list[int]:
        """The tokens for which the market pays least, by what the feeds say."""
        least = min(self.offs)
        return [token for token, off in enumerate(self.offs) if off == least]

    def give(self, token: int, amount: int) -> None:
        balances = list(self.account.balances)
        balances[token] += amount
        self.account.balances = tuple(balances)


def random_world(dice: random.Random, targets_move: bool) -> World:
    """Any policy that the contract can be deployed with, and any wallet."""
    count = dice.randint(2, 12)
    targets = shares(dice, count)
    limits = random_limits(dice, targets_move)
    prices = [int(ONE * 10 ** dice.uniform(-4, 5)) for _ in range(count)]
    worth = int(ONE * 10 ** dice.uniform(3.5, 9))
    held = shares(dice, count) if dice.random() < 0.7 else targets
    # One base unit is worth little beside the wallet, or nothing can be traded at all.
    fine = [next(d for d in range(28) if 10**d * worth > 10**7 * price) for price in prices]
    # And a balance is a number of 128 bits, gifts included.
    coarse = [max(d for d in range(28) if 10**d * worth < price << 124) for price in prices]
    wide = dice.choice((PPM, dice.randint(0, 300_000)))
    assets = tuple(
        Asset(dice.randint(max(2, least), most), max(0, target - wide), min(PPM, target + wide))
        for least, most, target in zip(fine, coarse, targets, strict=True)
    )
    balances = tuple(
        worth * share * 10**asset.decimals // (PPM * price)
        for share, asset, price in zip(held, assets, prices, strict=True)
    )
    off = dice.choice((0, int(ONE * 10 ** dice.uniform(-4, -1.4))))
    return World(Account(Policy(assets, limits), targets, balances), tuple(prices), off)


def random_limits(dice: random.Random, targets_move: bool) -> Limits:
    window = dice.choice((3_600, DAY, DAY, 7 * DAY, dice.randint(3_600, 90 * DAY)))
    return Limits(
        window=window,
        max_turnover=dice.randint(10_000, 1_000_000),
        max_loss=ppm(dice, 100, 100_000),
        max_shortfall=ppm(dice, 100, 50_000),
        min_trade=dice.choice((1, int(ONE * 10 ** dice.uniform(-6, 2)))),
        max_trade=dice.randint(20_000, 1_000_000),
        tolerance=dice.choice((1, 2_500, dice.randint(1, 20_000))),
        cooldown=dice.choice((0, 600, window // 100, window // 10)),
        target_step=dice.randint(0, 200_000) if targets_move else 0,
    )


def ppm(dice: random.Random, low: int, high: int) -> int:
    """Of any magnitude between the two."""
    return int(low * (high / low) ** dice.random())


def shares(dice: random.Random, count: int) -> tuple[int, ...]:
    """Weights that sum to PPM, some of them next to nothing."""
    raw = [dice.random() ** 2 for _ in range(count)]
    parts = [int(PPM * weight / sum(raw)) for weight in raw]
    return (parts[0] + PPM - sum(parts), *parts[1:])
