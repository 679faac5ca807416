"""Plays the port `Targets` in a replay: the live ones themselves, over rounds that are made of known prices.

A token's feed has written a round at every time that there is a price of it. What a tick asks is answered with rounds
by then, and none that came later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from rebalancer.adapters.chain.rounds import Round
from rebalancer.adapters.targets.daily import Kept
from rebalancer.adapters.targets.estimate_file import EstimateFile, KeptEstimate
from rebalancer.adapters.targets.estimated import EstimatedTargets
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.targets.measured import MeasuredTargets
from rebalancer.adapters.targets.midnights import DAY
from rebalancer.adapters.targets.remembered import MeasuredFile, TrendFile
from rebalancer.adapters.targets.trending import TrendTargets
from rebalancer.core.model import Block, Measured, Target, Trends
from rebalancer.core.model.estimation import Bounds, Estimation
from rebalancer.core.price import Feed, FeedPrice
from rebalancer.ports import Targets
from rebalancer.units import Address, Token, Usd

_DECIMALS = 18


class PriceRounds:
    """Plays `Rounds`. `usd`: of each of `tokens` at each of `times`, which rise. A token's address is its feed's."""

    def __init__(self, tokens: Sequence[Token], times: Sequence[int], usd: Sequence[Sequence[Usd]]) -> None:
        self._places = {token.address: place for place, token in enumerate(tokens)}
        self._times = times
        self._usd = usd

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]:
        return {feed: dict(self._known(self._places[feed], times, block)) for feed in feeds}

    def _known(self, place: int, times: Sequence[int], block: Block) -> list[tuple[int, Round]]:
        rows = ((time, bisect_right(self._times, min(time, block.timestamp))) for time in times)
        return [(time, Round(row, self._usd[row - 1][place], self._times[row - 1])) for time, row in rows if row]


def history_targets(targets: tuple[Target, ...], estimation: Estimation | None, rounds: PriceRounds) -> Targets:
    """Weights that stay, or are estimated; what is measured once a day, and trends, where they are asked for.

    A price is believed for a day: what is older was no close.
    """
    rules = [FeedPrice(t.token, (Feed(t.token.address, _DECIMALS, DAY - 1, 0),)) for t in targets]
    weights: Targets = FixedTargets(targets)
    if estimation is not None:
        weights = EstimatedTargets(estimation, rules, rounds, _Estimates())
    measured = MeasuredTargets(weights, rules, rounds, _Volatilities())
    return TrendTargets(measured, rules, rounds, _Trends())


class _Volatilities(MeasuredFile):
    """Nothing on disk."""

    def __init__(self) -> None:
        self._kept: tuple[str, Kept[Measured]] | None = None

    def read(self, basis: str, tokens: Sequence[Token]) -> Kept[Measured] | None:
        return self._kept[1] if self._kept is not None and self._kept[0] == basis else None

    def write(self, basis: str, kept: Kept[Measured]) -> None:
        self._kept = basis, kept


class _Trends(TrendFile):
    """Nothing on disk."""

    def __init__(self) -> None:
        self._kept: tuple[str, Kept[Trends]] | None = None

    def read(self, basis: str, tokens: Sequence[Token]) -> Kept[Trends] | None:
        return self._kept[1] if self._kept is not None and self._kept[0] == basis else None

    def write(self, basis: str, kept: Kept[Trends]) -> None:
        self._kept = basis, kept


class _Estimates(EstimateFile):
    """Nothing on disk."""

    def __init__(self) -> None:
        self._kept: tuple[str, KeptEstimate] | None = None

    def read(self, basis: str, bounds: Sequence[Bounds]) -> KeptEstimate | None:
        return self._kept[1] if self._kept is not None and self._kept[0] == basis else None

    def write(self, basis: str, kept: KeptEstimate) -> None:
        self._kept = basis, kept
