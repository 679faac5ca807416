"""Plays the port `Targets` with weights that are estimated: from the rounds of the feeds, once in each period.

They are a function of the period, the feeds and the configuration, so that every keeper finds the same whatever block
it reads at, and whoever has lost the file finds them again: but for weights that were estimated so long ago that no
update asks for their days any more. Where the chain has no history, or no weights follow from it, those before hold;
where the node cannot be asked, those that were estimated last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebalancer.adapters.targets.daily import Failed
from rebalancer.adapters.targets.estimate_file import EstimateFile, KeptEstimate
from rebalancer.adapters.targets.midnights import DAY, Feeds, Rounds, midnights, read_samples
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NO_TRENDS, NOTHING_MEASURED, Block, Measured, Patience, Target, Trends
from rebalancer.core.model.estimation import Estimate, Estimation, Method
from rebalancer.core.periods import last_update, started, updates_until
from rebalancer.core.price import FeedPrice, PriceRule
from rebalancer.core.render import duration
from rebalancer.units import ONE, PPM, Ppm, Token, Weight

if TYPE_CHECKING:
    from rebalancer.adapters.targets.estimators import Closes

BELIEVED = 7
"""Days after an update that was due, in which the targets before serve where the node cannot be asked for it."""


class EstimatedTargets:
    """`rules` are the prices of all tokens, and each token whose target is estimated has feeds."""

    def __init__(self, estimation: Estimation, rules: Sequence[PriceRule], rounds: Rounds, file: EstimateFile) -> None:
        feeds = {rule.token.address: rule.feeds for rule in rules if isinstance(rule, FeedPrice)}
        self.estimation = estimation
        self._feeds: tuple[Feeds, ...] = tuple(
            () if bound.least == bound.most else feeds.get(bound.token.address, ()) for bound in estimation.bounds
        )
        self._rounds = rounds
        self._file = file
        self._basis = hashlib.sha256(f"{estimation!r} {self._feeds!r}".encode()).hexdigest()

    def read(self, block: Block) -> tuple[Target, ...]:
        """Asks the chain at the first tick of a period. Raises Unavailable, ConfigError."""
        weights = self.estimated(block).weights
        shares = zip(self.estimation.bounds, weights, strict=True)
        return tuple(Target(bound.token, Weight(weight * ONE // PPM)) for bound, weight in shares)

    def measured(self, tokens: Sequence[Token], held_to: Sequence[Target], block: Block) -> Measured:
        return NOTHING_MEASURED

    def trends(self, patience: Patience, tokens: Sequence[Token], block: Block) -> Trends:
        return NO_TRENDS

    def estimated(self, block: Block) -> Estimate:
        """The estimate that holds at the block. Raises Unavailable, ConfigError."""
        due = last_update(self.estimation.update, block.timestamp)
        if self.estimation.step is not None and due < self.estimation.step[1]:
            return started(self.estimation, block.timestamp)
        kept = self._file.read(self._basis, self.estimation.bounds)
        if kept is not None and self._serves(kept, due, block):
            return kept.estimate
        try:
            found = self._estimate(kept, block)
        except Unavailable as error:
            if kept is None:
                raise  # it may be over at the next tick
            if block.timestamp - due > BELIEVED * DAY:
                raise Unavailable(
                    f"targets: {error}; an update has been due for {duration(block.timestamp - due)}, and the targets "
                    f"before it serve for {BELIEVED} d: mend the node, or write `targets.method: fixed`"
                ) from None
            self._file.write(self._basis, KeptEstimate(kept.estimate, Failed(block.timestamp, str(error))))
            return kept.estimate
        # Of all that was asked for no weights follow, whoever asks again. Of less, another node may know more.
        whole = found.until == found.at and found.samples == self.estimation.lookback
        failed = None if found.why is None or whole else Failed(block.timestamp, found.why)
        self._file.write(self._basis, KeptEstimate(found, failed))
        return found

    def failed(self, block: Block) -> Failed | None:
        """Why the newest update is still to come, or is without figures; None: it is not."""
        self.estimated(block)
        kept = self._file.read(self._basis, self.estimation.bounds)
        return None if kept is None else kept.failed

    def _serves(self, kept: KeptEstimate, due: int, block: Block) -> bool:
        """Whether nothing is to be asked now."""
        if kept.failed is not None and kept.failed.at <= block.timestamp < kept.failed.again:
            return block.timestamp - due <= BELIEVED * DAY or kept.estimate.at == due
        return kept.failed is None and kept.estimate.at == due

    def _estimate(self, kept: KeptEstimate | None, block: Block) -> Estimate:
        from rebalancer.adapters.targets.estimators import followed  # late: numpy, and below it skfolio

        due, weights = self._begun(kept, updates_until(self.estimation, block.timestamp))
        closes = self._closes(due[0] - self.estimation.lookback * DAY, due[-1], block)
        return followed(self.estimation, weights, closes, due)

    def _begun(self, kept: KeptEstimate | None, due: list[int]) -> tuple[list[int], tuple[Ppm, ...]]:
        """The updates that are to be made now, and the weights before them. What is known is not read again."""
        if kept is None or kept.estimate.at > due[-1]:
            return due, self.estimation.start
        last = kept.estimate
        if self.estimation.step is None:
            # Where not one of the updates has figures, what was estimated last is nearer than what was written before.
            known = last.at if last.why is None else None
            return (due[due.index(known) + 1 :] if known in due[:-1] else due), last.weights
        if last.at == due[-1]:
            return due[-1:], last.before
        return (due[due.index(last.at) + 1 :], last.weights) if last.at in due else (due, self.estimation.start)

    def _closes(self, since: int, until: int, block: Block) -> Closes:
        """Of the tokens whose targets are estimated; of the others ones, which nobody looks at."""
        import numpy as np

        from rebalancer.adapters.targets.estimators import Closes

        places = [place for place, feeds in enumerate(self._feeds) if feeds]
        times = [] if self.estimation.method is Method.EQUAL else midnights(since, until)
        samples = read_samples([self._feeds[place] for place in places], times, self._rounds, block)
        usd = np.ones((len(samples), len(self._feeds)))
        for row, sample in enumerate(samples):
            usd[row, places] = sample.prices
        return Closes(np.array([sample.time for sample in samples], dtype=np.int64), usd)
