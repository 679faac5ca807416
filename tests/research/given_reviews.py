"""Reviews of small studies, played by a rule that is a few lines long: what they are told by is what is tested."""

from __future__ import annotations

from functools import cache

import numpy as np
from given_studies import study_of, walk

from rebalancer.core.model import Calendar
from rebalancer.research.asked import Told
from rebalancer.research.lots import LotRule, TaxRule
from rebalancer.research.model import DOLLAR, Backtest, Study, Traded
from rebalancer.research.review import Given, Review, review
from rebalancer.units import ONE, Ppm

TAX = TaxRule(LotRule.FIFO, Ppm(300_000), Ppm(150_000))

TOLD = Told(("ETH goes from 1 to 100",), (("pool fee", "0.3 %"),), ("WETH is ETH",))


def played(study: Study) -> Backtest:
    """Back to the targets when any weight is five points off, or every thirty days; fees of what is sold."""
    usd, targets = study.prices.usd, np.array([target.weight for target in study.targets]) / ONE
    held = targets * (study.start / ONE) / usd[0]
    units, trades, last = [], [], 0
    for at, prices in enumerate(usd):
        value = float(held @ prices)
        drift = held * prices / value - targets
        due = at - last >= 30 if isinstance(study.policy.trigger, Calendar) else np.abs(drift).max() > 0.05
        if due:
            sold = float(np.maximum(drift, 0).sum()) * value
            fee = 0.003 * sold
            after = targets * (value - fee) / prices
            changes = tuple(map(float, after - held))
            trades.append(Traded(at, changes, sold, fee, 0.001 * sold, 3.0, "a weight is out of its band"))
            held, last = after, at
        units.append(held)
    return Backtest("played", study.prices, np.tile(targets, (len(usd), 1)), np.array(units), tuple(trades))


@cache
def reviewed(days: int = 500, symbols: tuple[str, ...] = ("BTC", "ETH", DOLLAR), told: Told = TOLD) -> Review:
    study = study_of(walk(5, days, len(symbols)), symbols)
    return review(study, Given(played, TAX, told=told))
