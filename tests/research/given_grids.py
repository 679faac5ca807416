"""Studies and configurations of a seed, for the kernel and the replay to work out alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from given_studies import study_of, walk

from rebalancer.core.model import Back
from rebalancer.research.model import DOLLAR, Configuration, Study
from rebalancer.units import ONE, Ppm, Usd, Weight

DAY = 86_400
HOLD = Configuration(None, None, Back.TARGET, None, None, None)


def share(value: float) -> Weight:
    return Weight(round(value * 10_000) * (ONE // 10_000))


def threshold(band: float, back: Back = Back.TARGET, fee: int | None = None) -> Configuration:
    return replace(HOLD, band=share(band), back=back, fee=None if fee is None else Ppm(fee))


def every(days: int, fee: int | None = None) -> Configuration:
    return replace(HOLD, every=days * DAY, fee=None if fee is None else Ppm(fee))


def drawn(seed: int, days: int = 120) -> tuple[Study, Configuration]:
    """Two to six assets, of any weights, prices, fees, and depths; any trigger, and any return point.

    So much money that a cent, the smallest trade, is nothing, and no more assets than a batch has room for.
    """
    dice = np.random.default_rng(seed)
    count = int(dice.integers(2, 7))
    symbols = [*(f"T{at}" for at in range(count - 1)), DOLLAR if dice.random() < 0.6 else "LAST"]
    usd = walk(seed, days, count, float(dice.uniform(0.01, 0.06)))
    if symbols[-1] != DOLLAR:
        usd[:, -1] = walk(seed + 1, days, 2)[:, 0]
    weights = dice.dirichlet(np.full(count, 3.0)).round(4)
    depth = None if dice.random() < 0.4 else float(dice.uniform(3e7, 1e9))
    fee = int(dice.choice([500, 1_000, 3_000]))
    study = study_of(usd, symbols, weights=list(weights), fee=fee, depth=depth, start=10_000_000)
    kind, both = dice.integers(3), dice.random()
    bands = kind != 1
    return study, Configuration(
        band=share(dice.uniform(0.005, 0.08)) if bands and both < 0.7 else None,
        relative=share(dice.uniform(0.02, 0.5)) if bands and both > 0.4 else None,
        back=list(Back)[int(dice.integers(3))],
        every=int(dice.choice([1, 2, 7, 30])) * DAY if kind > 0 else None,
        fee=Ppm(int(dice.choice([100, 500, 2_500, 10_000]))) if dice.random() < 0.5 else None,
        depth=Usd(int(dice.integers(30, 3_000)) * 1_000_000 * ONE) if dice.random() < 0.3 else None,
    )
