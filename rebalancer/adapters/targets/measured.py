"""Plays the port `Targets` where volatilities are to be measured: weights from elsewhere, deviations from the rounds of
the tokens' own feeds.

What is measured is a function of a day, the feeds and the targets: prices at ninety midnights (UTC) before the newest.
So every keeper finds the same, whatever block of that day it reads at, and anybody can find it again later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from rebalancer.adapters.targets.daily import BELIEVED, NoFigure, of_today
from rebalancer.adapters.targets.midnights import DAY, Rounds, midnights, read_samples
from rebalancer.adapters.targets.realized import deviations_down
from rebalancer.adapters.targets.remembered import MeasuredFile
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NOTHING_MEASURED, Block, Measured, Patience, Target, Trends, Volatility
from rebalancer.core.optimal_bands import MOST_VOLATILITY
from rebalancer.core.price import Feed, FeedPrice, PriceRule
from rebalancer.core.render import duration, percent
from rebalancer.ports import Targets
from rebalancer.units import Token, Weight

DAYS = 90
"""Whose figure is known to a thirteenth (1/sqrt(2 * 90)); bands go with its two thirds power."""
LEAST_DAYS = 30
"""Known to an eighth. An error of a quarter, twice that, moves a band by a sixth (ADR 19)."""


class MeasuredTargets:
    """Weights are `targets`'; `rules` are the prices of all tokens, and each token with a weight has feeds."""

    def __init__(self, targets: Targets, rules: Sequence[PriceRule], rounds: Rounds, file: MeasuredFile) -> None:
        self._targets = targets
        self._feeds = {rule.token.address: rule.feeds for rule in rules if isinstance(rule, FeedPrice)}
        self._rounds = rounds
        self._file = file

    def read(self, block: Block) -> tuple[Target, ...]:
        return self._targets.read(block)

    def trends(self, patience: Patience, tokens: Sequence[Token], block: Block) -> Trends:
        return self._targets.trends(patience, tokens, block)

    def measured(self, tokens: Sequence[Token], held_to: Sequence[Target], block: Block) -> Measured:
        """Asks the chain at the first tick of a day (UTC), where nothing is remembered, and an hour after it failed.

        Raises Unavailable where there is no history enough, or a figure that is not to be believed; ConfigError.
        """
        if not tokens:
            return NOTHING_MEASURED
        basis = self._basis(tokens, held_to)
        kept = self._file.read(basis, tokens)

        def measure(today: int) -> Measured:
            return self._measure(tokens, held_to, block, today)

        return of_today(kept, lambda now: self._file.write(basis, now), block, measure)

    def _measure(self, tokens: Sequence[Token], targets: Sequence[Target], block: Block, today: int) -> Measured:
        feeds = [self._feeds_of(target.token) for target in targets]
        samples = read_samples(feeds, midnights(today - DAYS * DAY, today), self._rounds, block)
        if len(samples) <= LEAST_DAYS:
            raise NoFigure(
                f"volatility: the feeds have prices of all assets on {len(samples)} of the last {DAYS + 1} midnights, "
                f"expected more than {LEAST_DAYS}; wait until there is history enough, or give the volatilities as "
                "`volatility` in the configuration"
            )
        if (age := today - samples[-1].time) > BELIEVED * DAY:
            raise NoFigure(
                f"volatility: the newest midnight on which the feeds have prices of all assets is {duration(age)} ago, "
                f"expected at most {BELIEVED} d; look at the feeds and at the node, or give the volatilities as "
                "`volatility` in the configuration"
            )
        deviations = deviations_down(samples, [target.weight for target in targets])
        moved = {target.token.address: found for target, found in zip(targets, deviations, strict=True)}
        volatilities = tuple(_believed(token, moved[token.address]) for token in tokens)
        return Measured(volatilities, samples[0].time, samples[-1].time, len(samples) - 1)

    def _feeds_of(self, token: Token) -> tuple[Feed, ...]:
        feeds = self._feeds.get(token.address)
        if feeds is None:
            raise Unavailable(
                f"volatility: {token} has no feed whose rounds could be read; give the volatilities as `volatility` in "
                "the configuration"
            )
        return feeds

    def _basis(self, tokens: Sequence[Token], targets: Sequence[Target]) -> str:
        """All that the figures depend on but the day."""
        parts = [f"{DAY} {DAYS} {LEAST_DAYS} {' '.join(token.address for token in tokens)}"]
        for target in targets:
            feeds = (f"{f.address} {f.heartbeat + f.margin}" for f in self._feeds_of(target.token))
            parts.append(f"{target.token.address} {target.weight} {' '.join(feeds)}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _believed(token: Token, per_year: Weight) -> Volatility:
    if per_year > MOST_VOLATILITY:
        raise NoFigure(
            f"volatility: {token} moved by {percent(per_year)} a year against the rest, expected at most "
            f"{percent(MOST_VOLATILITY)}; look at its feed and at the node, or give it as `volatility` in the "
            "configuration"
        )
    return Volatility(token, per_year)
