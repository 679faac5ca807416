"""A study in, the ports of its tick out, all of them played by history."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from rebalancer.adapters.targets.history import PriceRounds, history_targets
from rebalancer.core.errors import ConfigError
from rebalancer.core.model.snapshot import SLOT
from rebalancer.ports import Ports
from rebalancer.research.model import LEAST_FEE, Study
from rebalancer.research.ports.chain import HistoryChain, Timeline
from rebalancer.research.ports.ledger import HistoryLedger
from rebalancer.research.ports.nobody import NobodyElse, NobodyOutside, NobodyTold
from rebalancer.research.ports.pools import places_of
from rebalancer.research.ports.venue import HistoryVenue
from rebalancer.research.ports.wallet import HistoryWallet
from rebalancer.research.prices.reading import usd_of
from rebalancer.units import ONE, Ppm, Usd, mul_div_down

DEEP = 10**7
"""No pool is deeper than so many times what the study starts with. All of that traded at once loses a ten-millionth to
its own size; and the planner's doubles still tell dollars in it apart: it finds weights to a ten-millionth."""
_CHEAP = Ppm(100)
DEEP_AND_CHEAP = 10**5
"""The same where a pool keeps less than _CHEAP: to trade in circles must cost more than doubles can see, or no plan is
the best one."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The ports, and those of them by their own names that the replay moves on itself."""

    ports: Ports
    chain: HistoryChain
    ledger: HistoryLedger


def scene_of(study: Study) -> Scene:
    """Raises ConfigError where the parts of a study do not fit together."""
    _check(study)
    timeline = timeline_of(study)
    weights = {target.token.address: target.weight for target in study.targets}
    held = [
        mul_div_down(study.start * weights.get(token.address, 0), 10**token.decimals, ONE * usd)
        for token, usd in zip(timeline.tokens, timeline.usd[0], strict=True)
    ]
    chain, ledger = HistoryChain(timeline, held), HistoryLedger()
    rounds = PriceRounds(timeline.tokens, timeline.times, timeline.usd)
    ports = Ports(
        clock=chain,
        chain=chain,
        targets=history_targets(study.targets, study.estimation, rounds),
        venues=(HistoryVenue(),),
        outside=NobodyOutside(),
        wallet=HistoryWallet(chain, study.policy.limits),
        ledger=ledger,
        lease=NobodyElse(),
        notifier=NobodyTold(),
        requests=lambda: 0,
    )
    return Scene(ports, chain, ledger)


def timeline_of(study: Study) -> Timeline:
    """All figures as integers; the hub behind the assets where it is none of them, at a dollar."""
    assets, frictions = study.policy.assets, study.frictions
    addresses = [token.address for token in assets]
    inside = study.hub.address in addresses
    hub = addresses.index(study.hub.address) if inside else len(assets)
    tokens, usd = assets, usd_of(study.prices)
    if nothing := [
        token for token, lowest in zip(assets, map(min, zip(*usd, strict=True)), strict=True) if lowest <= 0
    ]:
        raise ConfigError(f"prices: {nothing[0]} is worth less than 1e-18 USD at some time; look at the unit of it")
    if not inside:
        tokens, usd = (*assets, study.hub), [(*row, Usd(ONE)) for row in usd]
    fees = tuple(max(fee, LEAST_FEE) for fee in frictions.fee)
    deepest = [Usd(study.start * (DEEP if fee >= _CHEAP else DEEP_AND_CHEAP)) for fee in fees]
    depths = tuple(min(most, depth or most) for depth, most in zip(frictions.depth, deepest, strict=True))
    return Timeline(
        tokens=tokens,
        times=study.prices.times.tolist(),
        usd=usd,
        base_fee=frictions.gas_price.tolist(),
        coin=[int(Decimal(repr(price)) * ONE) for price in frictions.coin.tolist()],
        places=places_of(tokens, hub, fees, depths),
    )


def _check(study: Study) -> None:
    prices, frictions, assets = study.prices, study.frictions, study.policy.assets
    times, count = len(prices.times), len(assets)
    if prices.usd.shape != (times, count) or times == 0:
        raise ConfigError(
            f"study: prices of shape {prices.usd.shape}, expected one of each of {count} assets at each of {times} "
            "times, and one time at least"
        )
    if (len(frictions.fee), len(frictions.depth)) != (count, count):
        raise ConfigError(
            f"study: {len(frictions.fee)} fees and {len(frictions.depth)} depths, expected one for each of {count} "
            "assets"
        )
    if (len(frictions.gas_price), len(frictions.coin)) != (times, times):
        raise ConfigError(
            f"study: {len(frictions.gas_price)} gas prices and {len(frictions.coin)} prices of the coin, expected one "
            f"of each at each of {times} times"
        )
    nearest = int(np.diff(prices.times).min(initial=SLOT))
    if nearest < SLOT:
        raise ConfigError(
            f"study: two prices are {nearest} s apart, expected at least {SLOT} s, a block; take every so many of them"
        )
    if study.start <= 0:
        raise ConfigError("study: it starts with nothing, expected an amount of dollars such as `100_000 USD`")
