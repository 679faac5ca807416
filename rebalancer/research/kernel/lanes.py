"""A study and configurations of it in, the tables that the kernel runs on out.

Bands are those of `core.bands` to the last unit, for all rules and targets at once; moments come from `core.schedule`:
in integers, as the tick has them. The window and max_gas_price say when nothing is traded. What other limits do to a
plan (min_trade, max_trade, max_impact, max_cost, eight swaps) is left out, as are cash that goes first, patience, bands
that move with the market, and whatever else looks at more than weights: see `left_out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rebalancer.core.model import Calendar, Drawn, Hybrid, Policy, Schedule, Threshold, Trigger, Width, Window
from rebalancer.core.schedule import last_moment, next_moment
from rebalancer.core.trigger import due_until, is_open
from rebalancer.research.gas import wei_of_unit
from rebalancer.research.kernel.rebalancing import KEPT, NEED, RULE, STAY, TARGET, THIN, TIGHT
from rebalancer.research.kernel.rule_bands import bands_at
from rebalancer.research.kernel.tables import BOOK, CADENCE, DUE, EVEN, KIND, LIMIT, MOVES, RULES, STAYS, Market
from rebalancer.research.model import LEAST_FEE, Configuration, Floats, Study, Times
from rebalancer.units import ONE, PPM, Weight

_SIX, _FOUR = 6, 4
"""Assets that there is room for at least, and by how many it grows: each size is compiled on its own, once."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """What `advance.advance` is handed; see there for the shapes."""

    shape: tuple[int, ...]
    market: Market
    rules: Floats
    book: Floats


def study_of(study: Study, asked: Configuration) -> Study:
    """The study that one configuration asks for, as the replay takes it."""
    count = len(study.policy.assets)
    costs = study.frictions
    if asked.fee is not None:
        costs = replace(costs, fee=(asked.fee,) * count)
    if asked.depth is not None:
        costs = replace(costs, depth=(asked.depth,) * count)
    policy = replace(study.policy, trigger=_trigger_of(study.policy, asked))
    return replace(study, policy=policy, frictions=costs)


def lanes_of(study: Study, configurations: Sequence[Configuration], span: tuple[int, int]) -> Lanes:
    """From times span[0] to span[1], both counted, all on target at the first."""
    assets = _SIX + _FOUR * max(-(-(len(study.policy.assets) - _SIX) // _FOUR), 0)
    prices = np.ones((span[1] - span[0] + 1, assets))
    prices[:, : study.prices.usd.shape[1]] = study.prices.usd[span[0] : span[1] + 1]
    times = study.prices.times[span[0] : span[1] + 1]
    cadences = {every: row for row, every in enumerate(dict.fromkeys(one.every for one in configurations))}
    due, opened = _calendars(study, tuple(cadences), span)
    target = np.zeros(assets)
    target[: len(study.targets)] = [weight / ONE for weight in target_weights(study)]
    days = _days(study, times, prices, target, span)
    market = Market(prices, due, opened, days, target, _hub(study), _cash(study.policy))
    rules = np.zeros((len(configurations), RULE * assets + RULES))
    _put_costs(study, configurations, rules, assets)
    _put_bands(study, configurations, rules, assets)
    rules[:, TARGET * assets : (TARGET + 1) * assets] = target
    rules[:, RULE * assets + CADENCE] = cadence = [cadences[one.every] for one in configurations]
    book = np.zeros((len(configurations), assets + BOOK))
    book[:, :assets] = target * (study.start / ONE) / prices[0]
    # A schedule waits for its first moment; seconds since the last rebalance are over where there was none.
    book[:, assets + DUE] = np.array([_first(times, every) for every in cadences])[cadence]
    return Lanes((0,) * assets, market, rules, book)


def _trigger_of(policy: Policy, asked: Configuration) -> Trigger:
    bands = None
    if asked.band is not None or asked.relative is not None:
        bands = Drawn(tuple(Width(token, asked.band, asked.relative) for token in policy.assets), asked.back)
    if asked.every is None:
        return Threshold(bands or Drawn((), asked.back))
    return Calendar(asked.every) if bands is None else Hybrid(asked.every, bands)


def _put_bands(study: Study, configurations: Sequence[Configuration], rules: Floats, assets: int) -> None:
    """TIGHT, STAY, LIMIT, EVEN and STAYS: worked out once for each band."""
    keys = [(one.band, one.relative, one.back, one.every is None) for one in configurations]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    tight, stay, limit, even = bands_at(tuple(places), tuple(target_weights(study)))
    row, count = [places[key] for key in keys], tight.shape[1]
    rules[:, TIGHT * assets : TIGHT * assets + count] = tight[row]
    rules[:, STAY * assets : STAY * assets + count] = stay[row]
    rules[:, RULE * assets + LIMIT] = limit[row]
    rules[:, RULE * assets + EVEN] = even[row]
    rules[:, RULE * assets + KIND] += np.where(stay.any(axis=1), STAYS, 0)[row]


def _put_costs(study: Study, configurations: Sequence[Configuration], rules: Floats, assets: int) -> None:
    """KEPT, NEED, THIN and MOVES."""
    count, hub = len(study.policy.assets), _hub(study)
    kept, thin = np.ones((len(rules), assets)), np.zeros((len(rules), assets))
    kept[:, :count] -= np.maximum(study.frictions.fee, LEAST_FEE) / PPM
    thin[:, :count] = [0.0 if depth is None else ONE / depth for depth in study.frictions.depth]
    fees = np.array([np.nan if one.fee is None else max(one.fee, LEAST_FEE) / PPM for one in configurations])[
        :, np.newaxis
    ]
    kept[:, :count] = np.where(np.isnan(fees), kept[:, :count], 1 - fees)
    depths = np.array([np.nan if one.depth is None else ONE / one.depth for one in configurations])[:, np.newaxis]
    thin[:, :count] = np.where(np.isnan(depths), thin[:, :count], depths)
    if hub >= 0:
        kept[:, hub], thin[:, hub] = 1.0, 0.0
    rules[:, KEPT * assets : (KEPT + 1) * assets] = kept
    rules[:, NEED * assets : (NEED + 1) * assets] = 1 / kept
    rules[:, THIN * assets : (THIN + 1) * assets] = thin
    rules[:, RULE * assets + KIND] += np.where(thin.any(axis=1), MOVES, 0)


def _days(study: Study, times: Times, prices: Floats, target: Floats, span: tuple[int, int]) -> Floats:
    """Whether trading is allowed, dollars for a unit of gas, and the return of the portfolio left alone, by time."""
    days, costs, limits = np.ones((len(times), 3)), study.frictions, study.policy.limits
    gas = wei_of_unit(study)[span[0] : span[1] + 1]
    if study.policy.window is not None:
        days[:, 0] = [is_open(study.policy.window, int(at)) for at in times]
    days[:, 0] *= gas <= limits.max_gas_price
    days[:, 1] = gas * costs.coin[span[0] : span[1] + 1] / ONE
    alone = prices / prices[0] @ target
    days[1:, 2] = alone[1:] / alone[:-1] - 1
    days[0, 2] = 0.0
    return days


def _calendars(study: Study, cadences: Sequence[int | Schedule | None], span: tuple[int, int]) -> tuple[Times, Times]:
    """`Market.due` and `Market.opened`, as places in the span."""
    times, policy = study.prices.times, study.policy
    opened = [_opened(times, every, policy.window) for every in cadences]
    due = [rows[_due(times, every, policy.apart)] for every, rows in zip(cadences, opened, strict=True)]
    cut = slice(span[0], span[1] + 1)
    return np.stack(due)[:, cut] - span[0], np.stack(opened)[:, cut] - span[0]


def _opened(times: Times, every: int | Schedule | None, window: Window | None) -> Times:
    """By time, and at their end, the place of the first from there on at which a moment is due yet."""
    places = np.arange(len(times) + 1, dtype=np.int64)
    if not isinstance(every, Schedule):
        return places
    closed, until, following = places.copy(), 0, 0
    for place, at in enumerate(times.tolist()):
        if following <= at:
            last, after = last_moment(every, at), next_moment(every, at)
            until = 0 if last is None else due_until(last, window)
            following = int(times[-1]) + 1 if after is None else after
        if until <= at:
            closed[place] = len(times)
    return np.minimum.accumulate(closed[::-1])[::-1]


def _due(times: Times, every: int | Schedule | None, apart: int | None) -> Times:
    """By time of a rebalance, the place of the first time at which one is due again. It settles at its time, as in a
    replay."""
    here = np.arange(1, len(times) + 1)
    match every:
        case None:
            found = here
        case Schedule():
            found = np.searchsorted(times, _moments(every, times))
        case seconds:
            found = np.searchsorted(times, times + seconds)
    if apart is not None:
        found = np.maximum(found, np.searchsorted(times, times + apart))
    return np.maximum(found, here).astype(np.int64)


def _moments(every: Schedule, after: Times) -> list[int]:
    """The first of a schedule after each time; after the last time where there is none. Each is sought once."""
    found: list[int] = []
    for at in after.tolist():
        if not found or found[-1] <= at:
            moment = next_moment(every, at)
            found.append(int(after[-1]) + 1 if moment is None else moment)
        else:
            found.append(found[-1])
    return found


def _first(times: Times, every: int | Schedule | None) -> int:
    """The place of the first time at which anything is due. All is on target before that."""
    if not isinstance(every, Schedule):
        return 1
    moment = next_moment(every, int(times[0]))
    return len(times) if moment is None else int(np.searchsorted(times, moment))


def target_weights(study: Study) -> list[Weight]:
    """In the order of the policy's assets."""
    weights = {target.token.address: target.weight for target in study.targets}
    return [weights[token.address] for token in study.policy.assets]


def _hub(study: Study) -> int:
    return next((at for at, token in enumerate(study.policy.assets) if token.address == study.hub.address), -1)


def _cash(policy: Policy) -> int:
    return -1 if policy.cash is None else [token.address for token in policy.assets].index(policy.cash.address)
