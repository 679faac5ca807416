"""Plays the port `Targets` where trades wait for a trend: all else from elsewhere, trends from the rounds of the feeds
of the tokens.

Like volatilities, what is found is a function of a day and the feeds: prices at midnights (UTC) up to the last one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from rebalancer.adapters.targets.daily import BELIEVED, NoFigure, of_today
from rebalancer.adapters.targets.midnights import DAY, Rounds, midnights, read_samples
from rebalancer.adapters.targets.realized import Sample
from rebalancer.adapters.targets.remembered import TrendFile
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Block, Measured, Patience, Target, Trends
from rebalancer.core.patience import LEAST_KNOWN, days_of, trend_of
from rebalancer.core.price import Feed, FeedPrice, PriceRule
from rebalancer.core.render import duration
from rebalancer.ports import Targets
from rebalancer.units import ONE, Token, Usd, mul_div_down


class TrendTargets:
    """Weights and volatilities are `targets`'; `rules` are the prices of all tokens."""

    def __init__(self, targets: Targets, rules: Sequence[PriceRule], rounds: Rounds, file: TrendFile) -> None:
        self._targets = targets
        self._feeds = {rule.token.address: rule.feeds for rule in rules if isinstance(rule, FeedPrice)}
        self._rounds = rounds
        self._file = file

    def read(self, block: Block) -> tuple[Target, ...]:
        return self._targets.read(block)

    def measured(self, tokens: Sequence[Token], held_to: Sequence[Target], block: Block) -> Measured:
        return self._targets.measured(tokens, held_to, block)

    def trends(self, patience: Patience, tokens: Sequence[Token], block: Block) -> Trends:
        """Asks the chain once a day at most, and an hour after it failed.

        Raises Unavailable where there is no history enough, ConfigError.
        """
        basis = self._basis(patience, tokens)
        kept = self._file.read(basis, tokens)

        def find(today: int) -> Trends:
            return self._find(patience, tokens, block, today)

        return of_today(kept, lambda now: self._file.write(basis, now), block, find)

    def _find(self, patience: Patience, tokens: Sequence[Token], block: Block, today: int) -> Trends:
        feeds = [self._feeds_of(token) for token in tokens]
        times = midnights(today - (days_of(patience) - 1) * DAY, today)
        samples = {sample.time: sample for sample in read_samples(feeds, times, self._rounds, block)}
        seen = [samples.get(time) for time in times]
        found = [
            trend_of(token, [_usd_down(sample, place, feeds[place]) for sample in seen], patience)
            for place, token in enumerate(tokens)
        ]
        trends = tuple(trend for trend in found if trend is not None)
        if len(trends) < len(tokens):
            raise NoFigure(
                f"patience: the feeds have prices of all assets on {len(samples)} of the last {len(times)} midnights, "
                f"expected one in {LEAST_KNOWN} at least of the days of `average` and of `fall`; wait until there is "
                "history enough, or leave out `patience`"
            )
        newest = max(samples)
        if (age := today - newest) > BELIEVED * DAY:
            raise NoFigure(
                f"patience: the newest midnight on which the feeds have prices of all assets is {duration(age)} ago, "
                f"expected at most {BELIEVED} d; look at the feeds and at the node, or leave out `patience`"
            )
        return Trends(trends, min(samples), newest)

    def _feeds_of(self, token: Token) -> tuple[Feed, ...]:
        feeds = self._feeds.get(token.address)
        if feeds is None:
            raise Unavailable(f"patience: {token} has no feed whose rounds could be read; leave out `patience`")
        return feeds

    def _basis(self, patience: Patience, tokens: Sequence[Token]) -> str:
        """All that the figures depend on but the day."""
        average = None if patience.delay is None else patience.delay.average
        fall = None if patience.budget is None else patience.budget.days
        parts = [f"{DAY} {average} {fall}"]
        for token in tokens:
            feeds = (f"{f.address} {f.decimals} {f.heartbeat + f.margin}" for f in self._feeds_of(token))
            parts.append(f"{token.address} {' '.join(feeds)}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _usd_down(sample: Sample | None, place: int, feeds: Sequence[Feed]) -> Usd | None:
    """Dollars of one whole token, as `core.price` counts them."""
    if sample is None:
        return None
    return Usd(mul_div_down(ONE * sample.prices[place], 1, 10 ** sum(feed.decimals for feed in feeds)))
