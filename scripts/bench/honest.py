"""How often a policy's limits refuse an honest rebalance, replayed on the rounds of real feeds.

An honest keeper looks at the first ten-minute tick after each round, and where a weight is outside its band trades
back to the targets at the market's price less fees and impact. Two markets: `next_round`, where the market already
stands where the feeds will be at their next rounds (pessimistic: it has all of the move behind it), and
`on_the_way`, where it goes from round to round in a straight line. The feeds are read from a folder that is not part
of the project.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lucky_world import DAY
from policy_model import ONE, PPM, Account, Asset, Block, Fill, Limits, Order, Policy, Refused, Swap, div_up, full

FILES = ("chainlink_eth_usd_rounds.csv", "chainlink_btc_usd_rounds.csv")
CADENCE = 600
COSTS = (10, 30)
"""Fee of the pool and impact, in basis points of a swap: from, to."""
WORTH = 1_000_000 * ONE
PORTFOLIOS = (
    (500_000, 0, 500_000),
    (400_000, 400_000, 200_000),
    (600_000, 400_000, 0),
)
"""ETH, BTC, USDC."""
BANDS = ((50_000, 250_000), (20_000, 100_000))
"""Out where a weight is further off than the first, or than the second part of its target, in PPM."""
STARTS = 5
ASSETS = (Asset(18), Asset(8), Asset(6))
Prices = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Tick:
    """What the feeds say at one moment, where they go next, and how far the market has gone there."""

    now: int
    feeds: Prices
    next_round: Prices
    on_the_way: Prices


@dataclass(slots=True)
class Tally:
    wanted: int = 0
    refused_at_first: int = 0
    a_day_late: int = 0
    rules: Counter[str] | None = None

    def add(self, other: Tally) -> None:
        self.wanted += other.wanted
        self.refused_at_first += other.refused_at_first
        self.a_day_late += other.a_day_late
        self.rules = (self.rules or Counter()) + (other.rules or Counter())


def missing(folder: Path) -> list[str]:
    return [name for name in FILES if not (folder / name).is_file()]


def read_rounds(folder: Path) -> list[list[tuple[int, int]]]:
    """Per feed: (time, price at 1e18), oldest first."""
    rounds = []
    for name in FILES:
        with (folder / name).open() as file:
            rounds.append([(int(r["updated_at"]), int(r["answer_1e8"]) * 10**10) for r in csv.DictReader(file)])
    return rounds


def read_ticks(rounds: Sequence[Sequence[tuple[int, int]]]) -> list[Tick]:
    """The first tick after each round of any feed."""
    first = max(feed[0][0] for feed in rounds)
    last = min(feed[-1][0] for feed in rounds)
    moments = sorted({-(-at // CADENCE) * CADENCE for feed in rounds for at, _ in feed})
    places, ticks = [0] * len(rounds), []
    for now in (moment for moment in moments if first <= moment < last):
        seen, coming, between = [], [], []
        for feed, rows in enumerate(rounds):
            while rows[places[feed] + 1][0] <= now:
                places[feed] += 1
            (since, price), (until, following) = rows[places[feed]], rows[places[feed] + 1]
            seen.append(price)
            coming.append(following)
            between.append(price + (following - price) * (now - since) // (until - since))
        ticks.append(Tick(now, (seen[0], seen[1], ONE), (coming[0], coming[1], ONE), (between[0], between[1], ONE)))
    return ticks


def replay(ticks: Sequence[Tick], limits: Limits, market: str, seed: int) -> Tally:
    """All portfolios, bands and starts. `market`: the field of Tick at whose prices trades are made."""
    total = Tally()
    for portfolio in PORTFOLIOS:
        for band in BANDS:
            for start in range(STARTS):
                part = ticks[start * len(ticks) // (2 * STARTS) :]
                keeper = Keeper.funded(portfolio, band, limits, part[0].feeds)
                total.add(keeper.run(part, market, random.Random(f"{seed} {portfolio} {band} {start}")))
    return total


@dataclass(slots=True)
class Keeper:
    account: Account
    edges: tuple[int, ...]

    @classmethod
    def funded(cls, targets: Prices, band: tuple[int, int], limits: Limits, prices: Prices) -> Keeper:
        held = zip(targets, prices, ASSETS, strict=True)
        balances = tuple(WORTH * target * 10**asset.decimals // (PPM * price) for target, price, asset in held)
        edges = tuple(min(band[0], band[1] * target // PPM) for target in targets)
        return cls(Account(Policy(ASSETS, limits), targets, balances), edges)

    def run(self, ticks: Sequence[Tick], market: str, dice: random.Random) -> Tally:
        tally, since = Tally(rules=Counter()), 0
        for tick in ticks:
            if not self.outside(tick.feeds):
                since = 0
                continue
            first = since == 0
            since = since or tick.now
            refused = self.rebalance(tick, getattr(tick, market), dice.randint(*COSTS))
            tally.wanted += first
            tally.refused_at_first += first and refused is not None
            if refused is None:
                tally.a_day_late += tick.now - since > DAY
                since = 0
            elif tally.rules is not None:
                tally.rules[refused] += 1
        return tally

    def outside(self, prices: Prices) -> bool:
        values = self.account.values(self.account.balances, prices)
        nav = sum(values)
        held = zip(values, self.account.targets, self.edges, strict=True)
        return any(abs(value * PPM - nav * target) > nav * edge for value, target, edge in held if target)

    def rebalance(self, tick: Tick, market: Prices, cost: int) -> str | None:
        """The rule that refuses it, if any does."""
        swaps, fills = self.plan(tick.feeds, market, cost)
        order = Order("operator", tuple(swaps), tick.now, self.account.nonce)
        try:
            self.account.rebalance(Block(tick.now, tick.feeds), order, fills)
        except Refused as refused:
            return refused.rule
        return None

    def plan(self, feeds: Prices, market: Prices, cost: int) -> tuple[list[Swap], list[Fill]]:
        """Back to the targets, surplus against gap, each swap with the module's floor as its minimum. Where the
        market pays less than that, too little arrives, and the rule on `balances` refuses it."""
        account = self.account
        values = account.values(account.balances, feeds)
        nav = sum(values)
        gaps = [value - nav * target // PPM for value, target in zip(values, account.targets, strict=True)]
        swaps, fills = [], []
        for i in (k for k in range(len(gaps)) if gaps[k] > 0):
            for j in (k for k in range(len(gaps)) if gaps[k] < 0):
                value = min(gaps[i], -gaps[j])
                if value < account.policy.limits.min_trade:
                    continue
                gaps[i], gaps[j] = gaps[i] - value, gaps[j] + value
                amount = value * account.units[i] // feeds[i]
                paid = amount * market[i] * account.units[j] // (account.units[i] * market[j])
                floor = account.floor(j, account.value_up(i, amount, feeds[i]), feeds[j])
                swaps.append(Swap(i, j, amount, floor))
                fills.append(Fill(amount, paid * (10_000 - cost) // 10_000))
        return swaps, fills


def late_share(ticks: Sequence[Tick], limits: Limits, seed: int) -> float:
    """Of plans that would be accepted, how many a round that lands before them makes fail by the rules on direction
    (and those only: the market pays the new oracle price)."""
    dice, tried, refused = random.Random(seed), 0, 0
    for before, after in zip(ticks, ticks[1:], strict=False):
        keeper = Keeper.funded((400_000, 400_000, 200_000), BANDS[0], replace(limits, cooldown=0), before.feeds)
        eth, btc, usdc = keeper.account.balances
        drift = dice.choice((80, 88, 112, 120))
        keeper.account.balances = (eth * drift // 100, btc, usdc)
        swaps, _ = keeper.plan(before.feeds, before.feeds, 0)
        fresh = [fair(keeper.account, swap, after.feeds) for swap in swaps]
        order = Order("operator", tuple(swap for swap, _ in fresh), after.now, 0)
        tried += 1
        try:
            keeper.account.rebalance(Block(after.now, after.feeds), order, [fill for _, fill in fresh])
        except Refused:
            refused += 1
    return refused / tried


def fair(account: Account, swap: Swap, prices: Prices) -> tuple[Swap, Fill]:
    """The same swap where its minimum and what it brings are the oracle's own."""
    value = account.value_up(swap.token_in, swap.amount_in, prices[swap.token_in])
    out = div_up(value * account.units[swap.token_out], prices[swap.token_out])
    return replace(swap, min_out=out), Fill(swap.amount_in, out)


def round_moves(rounds: Sequence[Sequence[tuple[int, int]]], ticks: Sequence[Tick]) -> dict[str, Any]:
    """By how much feeds are off right before a round: what b is made of. In basis points."""
    moves = {
        name: [abs(b - a) / a * 1e4 for (_, a), (_, b) in zip(feed, feed[1:], strict=False)]
        for name, feed in zip(("eth_usd", "btc_usd"), rounds, strict=True)
    }
    moves["eth_btc_both_feeds"] = [
        abs(t.next_round[0] * t.feeds[1] / (t.feeds[0] * t.next_round[1]) - 1) * 1e4 for t in ticks
    ]
    return {name: spread(sizes) for name, sizes in moves.items()}


def spread(sizes: Sequence[float]) -> dict[str, float]:
    return {
        "moves": len(sizes),
        "share_over_50_bp": round(sum(size > 50 for size in sizes) / len(sizes), 4),
        "share_over_75_bp": round(sum(size > 75 for size in sizes) / len(sizes), 4),
        "largest_bp": round(max(sizes), 1),
    }


def report(tally: Tally) -> dict[str, Any]:
    rules = tally.rules or Counter()
    return {
        "rebalances": tally.wanted,
        "refused_at_first_share": round(tally.refused_at_first / max(tally.wanted, 1), 4),
        "a_day_late_share": round(tally.a_day_late / max(tally.wanted, 1), 4),
        "refusals": dict(rules.most_common()),
    }


def bound(limits: Limits, off: int) -> int:
    """What can be stolen per window, at 1e18 of the wallet, where feeds are `off` the market (at 1e18)."""
    at_oracle = min(full(limits.max_loss), limits.max_shortfall * limits.max_turnover * ONE // PPM**2)
    return at_oracle + off * limits.max_turnover // PPM
