"""A study in, what it is held against out, over the same prices and at the same costs: the portfolio left alone, the
same bought in equal parts over a year, and the same weights by the calendar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rebalancer.core.model import Calendar
from rebalancer.research.gas import gas_of_batch, wei_of_unit
from rebalancer.research.model import DOLLAR, Backtest, Floats, Prices, Study, Traded
from rebalancer.units import ONE, PPM

HOLD, DCA, CALENDAR = "hold", "DCA", "calendar"
INSTALMENTS = 12
"""Of equal size, a month apart, the first at once."""
MONTH = 365 * 86_400 // 12
"""Seconds."""
EVERY = 30 * 86_400
"""Of the calendar, in seconds."""


def hold(study: Study) -> Backtest:
    """What is there at the first time, on target, and never traded again."""
    units = np.tile(_worth_of_start(study) / study.prices.usd[0], (len(study.prices.times), 1))
    return Backtest(HOLD, study.prices, _targets(study), units, ())


def by_calendar(study: Study, run: Callable[[Study], Backtest]) -> Backtest:
    """The same weights brought back to their targets every 30 days, whatever the bands say."""
    policy = replace(study.policy, trigger=Calendar(EVERY))
    return replace(run(replace(study, policy=policy)), name=CALENDAR)


def dca(study: Study) -> Backtest:
    """Dollars into the targets in twelve equal parts a month apart, the first at once; as many as there are times for.

    What waits is in dollars that earn nothing: a column of its own, with a target of zero. A part pays the pools' fee,
    what it moves them by, and gas; after the last nothing is traded any more.
    """
    prices = _with_dollars(study.prices)
    at = _instalments(prices)
    share = study.start / ONE / len(at)
    trades = tuple(_bought(study, place, share) for place in at)
    units = np.zeros(prices.usd.shape)
    units[0, -1] = study.start / ONE
    units = np.cumsum(units + _changes(trades, prices), axis=0)
    targets = np.column_stack((_targets(study), np.zeros(len(prices.times))))
    return Backtest(DCA, prices, targets, units, trades)


def _bought(study: Study, at: int, dollars: float) -> Traded:
    """One part, put into the targets."""
    usd, fees, depths = study.prices.usd[at], study.frictions.fee, study.frictions.depth
    changes, fee, impact, swaps = [], 0.0, 0.0, 0
    for place, target in enumerate(study.targets):
        paid = dollars * target.weight / ONE
        if target.token.address == study.hub.address or paid == 0:
            changes.append(paid / usd[place])
            continue
        after_fee = paid * (1 - fees[place] / PPM)
        depth = depths[place]
        # A constant product with `depth` dollars on either side: it keeps v/(depth + v) of what comes in.
        kept = after_fee if depth is None else after_fee / (1 + after_fee * ONE / depth)
        fee, impact, swaps = fee + paid - after_fee, impact + after_fee - kept, swaps + 1
        changes.append(kept / usd[place])
    return Traded(
        at=at,
        changes=(*map(float, changes), -dollars),
        traded=dollars,
        fee=fee,
        impact=impact,
        gas=_gas(study, at, swaps),
        why=f"a part of {dollars:,.2f} USD is due",
    )


def _gas(study: Study, at: int, swaps: int) -> float:
    """Dollars: one batch, of so many swaps through one V3 pool each."""
    units = gas_of_batch(swaps, swaps) if swaps else 0
    wei = units * int(wei_of_unit(study)[at])
    return wei / ONE * float(study.frictions.coin[at])


def _instalments(prices: Prices) -> list[int]:
    """Places of the first time at or after each day that is due, each once."""
    due = prices.times[0] + MONTH * np.arange(INSTALMENTS)
    places = np.searchsorted(prices.times, due[due <= prices.times[-1]])
    return [int(place) for place in np.unique(places)]


def _changes(trades: tuple[Traded, ...], prices: Prices) -> Floats:
    found = np.zeros(prices.usd.shape)
    for trade in trades:
        found[trade.at] += trade.changes
    return found


def _with_dollars(prices: Prices) -> Prices:
    """A last column for what waits, whether or not the portfolio holds dollars as well."""
    name = f"waiting {DOLLAR}"
    usd = np.column_stack((prices.usd, np.ones(len(prices.times))))
    return Prices((*prices.symbols, name), prices.times, usd)


def _worth_of_start(study: Study) -> Floats:
    """Dollars of each asset at the first time."""
    return np.array([target.weight for target in study.targets]) / ONE * (study.start / ONE)


def _targets(study: Study) -> Floats:
    return np.tile(np.array([target.weight / ONE for target in study.targets]), (len(study.prices.times), 1))
