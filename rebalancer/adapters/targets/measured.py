"""Plays the port `Targets` where volatilities are to be measured: weights from elsewhere, deviations from the rounds of
the tokens' own feeds.

What is measured is a function of a day, the feeds and the targets: prices at ninety midnights (UTC) before the newest.
So every keeper finds the same, whatever block of that day it reads at, and anybody can find it again later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from rebalancer.adapters.chain.rounds import Round
from rebalancer.adapters.targets.realized import Sample, deviations_down
from rebalancer.adapters.targets.remembered import MeasuredFile
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NOTHING_MEASURED, Block, Measured, Target, Volatility
from rebalancer.core.price import Feed, FeedPrice, PriceRule
from rebalancer.core.render import percent
from rebalancer.ports import Targets
from rebalancer.units import ONE, Address, Token, Weight

DAY = 86_400
"""Seconds between two prices: long against the hour that feeds may be silent, and one trading day of most research."""
DAYS = 90
"""Whose figure is known to a thirteenth (1/sqrt(2 * 90)); bands go with its two thirds power."""
LEAST_DAYS = 30
"""Known to an eighth. An error of a quarter, twice that, moves a band by a sixth (ADR 19)."""
BELIEVED = 7
"""Days that a measurement serves where a newer one cannot be had: a week changes a quarter of a year little."""
MOST = Weight(3 * ONE)
"""300 % a year: three times what lively tokens move by. Beyond it a feed, or a node, is likelier wrong."""


class Rounds(Protocol):
    """`adapters.chain.rounds.RoundReads`, or what stands for it."""

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]: ...


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
        """Asks the chain at the first tick of a day (UTC), and where nothing is remembered.

        Raises Unavailable where there is no history enough, or a figure that is not to be believed; ConfigError.
        """
        if not tokens:
            return NOTHING_MEASURED
        targets = self.read(block)
        basis, midnight = self._basis(targets), block.timestamp // DAY * DAY
        known = self._file.read(basis, [target.token for target in targets])
        if known is None or known.until != midnight:
            known = self._anew(targets, known, block, midnight)
            if known.until == midnight:
                self._file.write(basis, known)
        return _of(tokens, known)

    def _anew(self, targets: tuple[Target, ...], former: Measured | None, block: Block, midnight: int) -> Measured:
        try:
            return self._measure(targets, block, midnight)
        except Unavailable:
            if former is None or not 0 <= midnight - former.until <= BELIEVED * DAY:
                raise
            return former

    def _measure(self, targets: tuple[Target, ...], block: Block, midnight: int) -> Measured:
        times = [midnight - DAY * back for back in range(DAYS, -1, -1)]
        feeds = {feed.address: feed for target in targets for feed in self._feeds_of(target.token)}
        rounds = self._rounds.at(tuple(feeds), times, block)
        samples = [
            Sample(time, prices) for time in times if (prices := self._prices(targets, rounds, time)) is not None
        ]
        if len(samples) <= LEAST_DAYS:
            raise Unavailable(
                f"volatility: the feeds have prices of all assets on {len(samples)} of the last {DAYS + 1} midnights, "
                f"expected more than {LEAST_DAYS}; wait until there is history enough, or give the volatilities as "
                "`volatility` in the configuration"
            )
        deviations = deviations_down(samples, [target.weight for target in targets])
        volatilities = (Volatility(target.token, found) for target, found in zip(targets, deviations, strict=True))
        return Measured(tuple(volatilities), samples[0].time, midnight, len(samples) - 1)

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

    def _basis(self, targets: tuple[Target, ...]) -> str:
        """All that the figures depend on but the day."""
        parts = [f"{DAY} {DAYS} {LEAST_DAYS}"]
        for target in targets:
            feeds = (f"{f.address} {f.heartbeat + f.margin}" for f in self._feeds_of(target.token))
            parts.append(f"{target.token.address} {target.weight} {' '.join(feeds)}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _of(tokens: Sequence[Token], measured: Measured) -> Measured:
    asked = {token.address for token in tokens}
    found = tuple(v for v in measured.volatilities if v.token.address in asked)
    for one in found:
        if one.per_year > MOST:
            raise Unavailable(
                f"volatility: {one.token} moved by {percent(one.per_year)} a year against the rest, expected at most "
                f"{percent(MOST)}; look at its feed and at the node, or give it as `volatility` in the configuration"
            )
    return Measured(found, measured.since, measured.until, measured.samples)
