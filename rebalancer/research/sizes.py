"""A study in; what rebalancing would cost portfolios of several sizes at their cheapest bands, and from which size on
it is worth its gas, out.

The closed form of `core.optimal`, each asset looked at on its own against the rest: the deviation of its weight from
the prices of the study, gas at its median price over them, fee and depth as the study has them. What assets share in
one batch is not counted, so that gas comes out a little high.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

from rebalancer.adapters.targets.realized import Sample, deviations_down
from rebalancer.core.bands import SHY_OF_EDGE
from rebalancer.core.model import Band
from rebalancer.core.optimal import Terms, Yearly, cheapest, yearly
from rebalancer.core.optimal_bands import BATCH_GAS, deviation_of
from rebalancer.market.routing import SWAP_GAS, V3_HOP_GAS
from rebalancer.research.model import Study
from rebalancer.research.prices.reading import usd_of
from rebalancer.units import BPS, ONE, PPM, Bps, Usd, Weight, bps_of_up, mul_div_up

SIZES = tuple(Usd(dollars * ONE) for dollars in (1_000, 10_000, 100_000, 1_000_000))
SENSIBLE = Bps(25)
"""Of the portfolio: what gas may cost in a year. About what those ask who rebalance for others; whoever pays more for
gas alone is better off with wider bands than the cheapest, or with none."""
_PROBE = Bps(100)
"""Of the portfolio: the trade whose impact is taken for all."""
_SMALLEST, _LARGEST = Usd(100 * ONE), Usd(10**9 * ONE)


@dataclass(frozen=True, slots=True)
class Sized:
    """What a year costs a portfolio of this size, at the bands that are cheapest for it."""

    size: Usd
    bands: tuple[Band, ...]
    """Of the assets that are traded."""
    tracking: Weight
    trading: Weight
    gas: Weight
    rebalances: int
    """A year, at 1e18; each asset's own."""

    @property
    def costs(self) -> Weight:
        """Paid: tracking is not."""
        return Weight(self.trading + self.gas)


def gas_of_rebalance(study: Study) -> Usd:
    """Dollars for one batch that trades every asset but the hub, at the median gas price, rounded up."""
    swaps = sum(token.address != study.hub.address for token in study.policy.assets)
    return _gas(study, swaps)


def sized(study: Study, size: Usd) -> Sized:
    """At the cheapest bands for that size."""
    return _sized(study, size, _volatilities(study))


def sizes(study: Study) -> tuple[Sized, ...]:
    """For SIZES and the study's own start, from small to large."""
    volatilities = _volatilities(study)
    return tuple(_sized(study, size, volatilities) for size in sorted({*SIZES, study.start}))


def least_sensible(study: Study) -> Usd | None:
    """The smallest size whose gas is within SENSIBLE a year, to a hundredth of it; None: none up to a billion is."""
    volatilities, most = _volatilities(study), bps_of_up(ONE, SENSIBLE)
    low, high = int(_SMALLEST), int(_LARGEST)
    if _sized(study, _LARGEST, volatilities).gas > most:
        return None
    while high * 100 > low * 101:
        middle = isqrt(low * high)
        if _sized(study, Usd(middle), volatilities).gas > most:
            low = middle
        else:
            high = middle
    return Usd(high)


def _sized(study: Study, size: Usd, volatilities: tuple[Weight, ...]) -> Sized:
    bands, costs = [], []
    for place, target in enumerate(study.targets):
        if target.token.address == study.hub.address or not 0 < target.weight < ONE:
            continue
        terms = _terms(study, place, size, volatilities[place])
        trigger, back = cheapest(terms)
        bands.append(Band(target.token, trigger, back))
        costs.append(yearly(terms, trigger, back))
    return _summed(size, tuple(bands), costs)


def _summed(size: Usd, bands: tuple[Band, ...], costs: list[Yearly]) -> Sized:
    return Sized(
        size=size,
        bands=bands,
        tracking=Weight(sum(one.tracking for one in costs)),
        trading=Weight(sum(one.trading for one in costs)),
        gas=Weight(sum(one.gas for one in costs)),
        rebalances=sum(one.trades for one in costs),
    )


def _terms(study: Study, place: int, size: Usd, volatility: Weight) -> Terms:
    target, depth = study.targets[place].weight, study.frictions.depth[place]
    impact = 0 if depth is None else mul_div_up(mul_div_up(size, _PROBE, BPS), ONE, depth)
    return Terms(
        deviation=deviation_of(target, volatility),
        gas=Weight(mul_div_up(_gas(study, 1), ONE, size)),
        cost=Weight(mul_div_up(study.frictions.fee[place], ONE, PPM) + impact),
        penalty=study.policy.tracking.penalty,
        least=Weight(max(mul_div_up(study.policy.limits.min_trade, ONE, size), bps_of_up(ONE, SHY_OF_EDGE))),
        # Further out the weight no longer moves by the same deviation: `optimal_bands.widest_of`.
        widest=Weight(min(target, ONE - target) >> 1),
    )


def _gas(study: Study, swaps: int) -> Usd:
    wei = int(np.median(study.frictions.gas_price)) * (BATCH_GAS + swaps * (SWAP_GAS + V3_HOP_GAS))
    coin = int(float(np.median(study.frictions.coin)) * ONE)
    return Usd(mul_div_up(wei, coin, ONE))


def _volatilities(study: Study) -> tuple[Weight, ...]:
    """Of each asset against the rest, over all of the study: a look back at what the bands would have had to bear."""
    times = study.prices.times.tolist()
    samples = [Sample(at, tuple(row)) for at, row in zip(times, usd_of(study.prices), strict=True)]
    return deviations_down(samples, [target.weight for target in study.targets])
