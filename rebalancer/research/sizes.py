"""A study in; what rebalancing would cost portfolios of several sizes at their cheapest bands, and from which size on
it is worth its gas, out.

The closed form of `core.optimal`, each asset looked at on its own against the rest: the deviation of its weight from
the prices of the study, gas at its median price over them, fee and depth as the study has them. What assets share in
one batch is not counted, so that gas comes out a little high. Each trade is taken to be from the trigger to the return
point, of a portfolio that has not grown: where prices jump past the trigger it is larger, and moves thin pools more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt

import numpy as np

from rebalancer.adapters.targets.realized import Sample, deviations_down
from rebalancer.core.bands import SHY_OF_EDGE
from rebalancer.core.model import Band
from rebalancer.core.optimal import Terms, Yearly, cheapest, yearly
from rebalancer.core.optimal_bands import deviation_of
from rebalancer.research.gas import gas_of_movers, wei_of_unit
from rebalancer.research.model import Study
from rebalancer.research.prices.reading import usd_of
from rebalancer.units import ONE, PPM, Bps, Usd, Weight, bps_of_up, mul_div_up

SIZES = tuple(Usd(dollars * ONE) for dollars in (1_000, 10_000, 100_000, 1_000_000))
SENSIBLE = Bps(25)
"""Of the portfolio: what gas may cost in a year. About what those ask who rebalance for others; whoever pays more for
gas alone is better off with wider bands than the cheapest, or with none."""
_PROBE = Weight(ONE // 100)
"""Of the portfolio: the trade that the tick takes for all, and the first guess here."""
_ROUNDS = 2
"""Of guessing the trade that the bands ask for, whose impact they rest on: what they trade changes little with it."""
SMALLEST, _LARGEST = Usd(100 * ONE), Usd(10**9 * ONE)


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
    """Dollars for one batch that moves every asset, at the median gas price, rounded up."""
    return _gas(study, max(sum(target.weight > 0 for target in study.targets), 2))


def sized(study: Study, size: Usd) -> Sized:
    """At the cheapest bands for that size."""
    return _sized(study, size, _volatilities(study))


def sizes(study: Study) -> tuple[Sized, ...]:
    """For SIZES and the study's own start, from small to large."""
    volatilities = _volatilities(study)
    return tuple(_sized(study, size, volatilities) for size in sorted({*SIZES, study.start}))


def least_sensible(study: Study) -> Usd | None:
    """The smallest size whose gas is within SENSIBLE a year, to a hundredth of it. 0: that of SMALLEST is, and less is
    not looked at; None: none up to a billion is."""
    volatilities, most = _volatilities(study), bps_of_up(ONE, SENSIBLE)
    low, high = int(SMALLEST), int(_LARGEST)
    if _sized(study, _LARGEST, volatilities).gas > most:
        return None
    if _sized(study, SMALLEST, volatilities).gas <= most:
        return Usd(0)
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
        for _ in range(_ROUNDS):
            terms = replace(terms, cost=_cost(study, place, size, Weight(trigger - back)))
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
    target = study.targets[place].weight
    return Terms(
        deviation=deviation_of(target, volatility),
        gas=Weight(mul_div_up(_gas(study, 2), ONE, size)),
        cost=_cost(study, place, size, _PROBE),
        penalty=study.policy.tracking.penalty,
        least=Weight(max(mul_div_up(study.policy.limits.min_trade, ONE, size), bps_of_up(ONE, SHY_OF_EDGE))),
        # Further out the weight no longer moves by the same deviation: `optimal_bands.widest_of`.
        widest=Weight(min(target, ONE - target) >> 1),
    )


def _cost(study: Study, place: int, size: Usd, trade: Weight) -> Weight:
    """Fee and impact of a trade of that share of the portfolio: of v dollars a constant product of `depth` dollars on
    either side keeps v/(depth + v)."""
    fee, depth = mul_div_up(study.frictions.fee[place], ONE, PPM), study.frictions.depth[place]
    if depth is None:
        return Weight(fee)
    value = mul_div_up(size, trade, ONE)
    return Weight(fee + mul_div_up(value, ONE, depth + value))


def _gas(study: Study, movers: int) -> Usd:
    """Dollars for a batch that moves so many assets, the hub among them where it is held."""
    hub = any(target.token.address == study.hub.address and target.weight > 0 for target in study.targets)
    wei = int(np.median(wei_of_unit(study))) * gas_of_movers(movers, hub)
    coin = int(float(np.median(study.frictions.coin)) * ONE)
    return Usd(mul_div_up(wei, coin, ONE))


def _volatilities(study: Study) -> tuple[Weight, ...]:
    """Of each asset against the rest, over all of the study: a look back at what the bands would have had to bear."""
    times = study.prices.times.tolist()
    samples = [Sample(at, tuple(row)) for at, row in zip(times, usd_of(study.prices), strict=True)]
    return deviations_down(samples, [target.weight for target in study.targets])
