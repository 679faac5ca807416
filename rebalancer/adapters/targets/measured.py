"""Plays the port `Targets` where volatilities are to be measured: weights from elsewhere, deviations from the rounds of
the tokens' own feeds.

What is measured is a function of a day, the feeds and the targets: prices at ninety midnights (UTC) before the newest.
So every keeper finds the same, whatever block of that day it reads at, and anybody can find it again later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from rebalancer.adapters.chain.rounds import Round
from rebalancer.adapters.targets.realized import Sample, deviations_down
from rebalancer.adapters.targets.remembered import Failed, Kept, MeasuredFile
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NOTHING_MEASURED, Block, Measured, Target, Volatility
from rebalancer.core.optimal_bands import MOST_VOLATILITY
from rebalancer.core.price import Feed, FeedPrice, PriceRule
from rebalancer.core.render import duration, percent
from rebalancer.ports import Targets
from rebalancer.units import Address, Token, Weight

DAY = 86_400
"""Seconds between two prices: long against the hour that feeds may be silent, and one trading day of most research."""
DAYS = 90
"""Whose figure is known to a thirteenth (1/sqrt(2 * 90)); bands go with its two thirds power."""
LEAST_DAYS = 30
"""Known to an eighth. An error of a quarter, twice that, moves a band by a sixth (ADR 19)."""
BELIEVED = 7
"""Days that a measurement serves where a newer one cannot be had, and days that its newest price may be old: a week
changes a quarter of a year little."""
AGAIN = 3_600
"""Seconds until the rounds are read again after a measurement has failed: one that was not to be believed may stay so
for weeks."""


class Rounds(Protocol):
    """`adapters.chain.rounds.RoundReads`, or what stands for it."""

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]: ...


class _NoFigure(Unavailable):
    """The rounds were read, and no volatility to be believed follows from them."""


class MeasuredTargets:
    """Weights are `targets`'; `rules` are the prices of all tokens, and each token with a weight has feeds."""

    def __init__(self, targets: Targets, rules: Sequence[PriceRule], rounds: Rounds, file: MeasuredFile) -> None:
        self._targets = targets
        self._feeds = {rule.token.address: rule.feeds for rule in rules if isinstance(rule, FeedPrice)}
        self._rounds = rounds
        self._file = file

    def read(self, block: Block) -> tuple[Target, ...]:
        return self._targets.read(block)

    def measured(self, tokens: Sequence[Token], block: Block) -> Measured:
        """Asks the chain at the first tick of a day (UTC), where nothing is remembered, and an hour after it failed.

        Raises Unavailable where there is no history enough, or a figure that is not to be believed; ConfigError.
        """
        if not tokens:
            return NOTHING_MEASURED
        basis, midnight = self._basis(tokens, self.read(block)), block.timestamp // DAY * DAY
        kept = self._file.read(basis, tokens) or Kept(None, 0)
        if kept.measured is not None and kept.midnight == midnight:
            return kept.measured
        former = kept if kept.measured is not None and 0 <= midnight - kept.midnight <= BELIEVED * DAY else None
        if kept.failed is not None and 0 <= block.timestamp - kept.failed.at < AGAIN:
            return _serving(former, kept.failed, block)
        try:
            found = self._measure(tokens, block, midnight)
        except Unavailable as error:
            if former is None and not isinstance(error, _NoFigure):
                raise  # a node's trouble may be over at the next tick, and without a figure nothing can be done
            failed = Failed(block.timestamp, str(error))
            self._file.write(basis, replace(former or Kept(None, midnight), failed=failed))
            return _serving(former, failed, block)
        self._file.write(basis, Kept(found, midnight))
        return found

    def _measure(self, tokens: Sequence[Token], block: Block, midnight: int) -> Measured:
        targets = self.read(block)
        times = [midnight - DAY * back for back in range(DAYS, -1, -1)]
        feeds = {feed.address: feed for target in targets for feed in self._feeds_of(target.token)}
        rounds = self._rounds.at(tuple(feeds), times, block)
        samples = [
            Sample(time, prices) for time in times if (prices := self._prices(targets, rounds, time)) is not None
        ]
        if len(samples) <= LEAST_DAYS:
            raise _NoFigure(
                f"volatility: the feeds have prices of all assets on {len(samples)} of the last {DAYS + 1} midnights, "
                f"expected more than {LEAST_DAYS}; wait until there is history enough, or give the volatilities as "
                "`volatility` in the configuration"
            )
        if (age := midnight - samples[-1].time) > BELIEVED * DAY:
            raise _NoFigure(
                f"volatility: the newest midnight on which the feeds have prices of all assets is {duration(age)} ago, "
                f"expected at most {BELIEVED} d; look at the feeds and at the node, or give the volatilities as "
                "`volatility` in the configuration"
            )
        deviations = deviations_down(samples, [target.weight for target in targets])
        moved = {target.token.address: found for target, found in zip(targets, deviations, strict=True)}
        volatilities = tuple(_believed(token, moved[token.address]) for token in tokens)
        return Measured(volatilities, samples[0].time, samples[-1].time, len(samples) - 1)

    def _prices(
        self, targets: tuple[Target, ...], rounds: dict[Address, dict[int, Round]], time: int
    ) -> tuple[int, ...] | None:
        """One for each target; None where one of them had no price then that a tick would have believed."""
        found = []
        for target in targets:
            price = 1
            for feed in self._feeds_of(target.token):
                stood = rounds[feed.address].get(time)
                if stood is None or stood.answer <= 0 or time - stood.updated_at > feed.heartbeat + feed.margin:
                    return None
                price *= stood.answer
            found.append(price)
        return tuple(found)

    def _feeds_of(self, token: Token) -> tuple[Feed, ...]:
        feeds = self._feeds.get(token.address)
        if feeds is None:
            raise Unavailable(
                f"volatility: {token} has no feed whose rounds could be read; give the volatilities as `volatility` in "
                "the configuration"
            )
        return feeds

    def _basis(self, tokens: Sequence[Token], targets: tuple[Target, ...]) -> str:
        """All that the figures depend on but the day."""
        parts = [f"{DAY} {DAYS} {LEAST_DAYS} {' '.join(token.address for token in tokens)}"]
        for target in targets:
            feeds = (f"{f.address} {f.heartbeat + f.margin}" for f in self._feeds_of(target.token))
            parts.append(f"{target.token.address} {target.weight} {' '.join(feeds)}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _believed(token: Token, per_year: Weight) -> Volatility:
    if per_year > MOST_VOLATILITY:
        raise _NoFigure(
            f"volatility: {token} moved by {percent(per_year)} a year against the rest, expected at most "
            f"{percent(MOST_VOLATILITY)}; look at its feed and at the node, or give it as `volatility` in the "
            "configuration"
        )
    return Volatility(token, per_year)


def _serving(former: Kept | None, failed: Failed, block: Block) -> Measured:
    """What serves until the rounds are read again. Raises Unavailable where nothing does."""
    if former is not None and former.measured is not None:
        return former.measured
    left = duration(max(failed.at + AGAIN - block.timestamp, 1))
    raise Unavailable(f"{failed.why} (the rounds are read again in {left})")
