"""A study and configurations of it in, the tables that the kernel runs on out.

Bands come from `core.bands`, moments from `core.schedule`: in integers, as the tick has them. What limits do to a plan
(min_trade, max_trade, max_impact, max_cost, eight swaps) is left out, as are cash that goes first, patience, bands that
move with the market, and whatever else looks at more than weights: see `left_out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rebalancer.core.bands import bands_of
from rebalancer.core.model import (
    Calendar,
    Contributions,
    Drawn,
    Hybrid,
    Policy,
    Portfolio,
    Position,
    Schedule,
    Threshold,
    Trigger,
    Width,
)
from rebalancer.core.model.snapshot import SLOT
from rebalancer.core.schedule import next_moment
from rebalancer.core.trigger import is_open
from rebalancer.research.kernel_tables import BOOK, CADENCE, DUE, EVEN, KIND, LIMIT, MOVES, NEVER, RULES, STAYS, Market
from rebalancer.research.model import Floats, Study, Times
from rebalancer.research.rebalancing import KEPT, NEED, RULE, STAY, TARGET, THIN, TIGHT
from rebalancer.research.sweep import Configuration
from rebalancer.units import ONE, PPM, Amount, Price, Usd, Weight

_SIX, _FOUR = 6, 4
"""Assets that there is room for at least, and by how many it grows: each size is compiled on its own, once."""
_LEAST = 1e-18
"""Of a trigger: the unit in the last place of a weight."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """What `kernel.advance` is handed; see there for the shapes."""

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


def left_out(study: Study) -> tuple[str, ...]:
    """What the kernel does not do and this study asks for, for people to read."""
    policy = study.policy
    said = [
        "limits (min_trade, max_trade, max_impact, max_cost, swaps in a batch) cut nothing here: backtest obeys them"
    ]
    if policy.cash is not None and policy.contributions is not Contributions.IGNORE:
        said.append(f"contributions: {policy.contributions.value} is taken for `ignore`")
    if policy.patience is not None:
        said.append("patience: nothing waits for a trend or a fall")
    if study.estimation is not None:
        said.append("targets stay as they are configured: none is estimated")
    return tuple(said)


def lanes_of(study: Study, configurations: Sequence[Configuration], span: tuple[int, int]) -> Lanes:
    """From times span[0] to span[1], both counted, all on target at the first."""
    assets = _SIX + _FOUR * max(-(-(len(study.policy.assets) - _SIX) // _FOUR), 0)
    prices = np.ones((span[1] - span[0] + 1, assets))
    prices[:, : study.prices.usd.shape[1]] = study.prices.usd[span[0] : span[1] + 1]
    times = study.prices.times[span[0] : span[1] + 1]
    cadences = tuple(dict.fromkeys(one.every for one in configurations))
    due = np.stack([_due(study.prices.times, every, study.policy.apart) for every in cadences])[
        :, span[0] : span[1] + 1
    ]
    target = np.zeros(assets)
    target[: len(study.targets)] = _targets(study)
    market = Market(
        prices, due - span[0], _days(study, times, prices, target, span), target, _hub(study), _cash(study.policy)
    )
    rules = np.zeros((len(configurations), RULE * assets + RULES))
    _put_costs(study, configurations, rules, assets)
    _put_bands(study, configurations, rules, assets)
    rules[:, TARGET * assets : (TARGET + 1) * assets] = target
    rules[:, RULE * assets + CADENCE] = [cadences.index(one.every) for one in configurations]
    book = np.zeros((len(configurations), assets + BOOK))
    book[:, :assets] = target * (study.start / ONE) / prices[0]
    # A schedule waits for its first moment; seconds since the last rebalance are over where there was none.
    first = [_first(times, every) for every in cadences]
    book[:, assets + DUE] = [first[cadences.index(one.every)] for one in configurations]
    return Lanes((0,) * assets, market, rules, book)


def _trigger_of(policy: Policy, asked: Configuration) -> Trigger:
    bands = None
    if asked.band is not None or asked.relative is not None:
        bands = Drawn(tuple(Width(token, asked.band, asked.relative) for token in policy.assets), asked.back)
    if asked.every is None:
        return Threshold(bands or Drawn((), asked.back))
    return Calendar(asked.every) if bands is None else Hybrid(asked.every, bands)


def _put_bands(study: Study, configurations: Sequence[Configuration], rules: Floats, assets: int) -> None:
    """TIGHT, STAY, LIMIT and STAYS: what `core.bands` makes of each rule, worked out once for each."""
    portfolio, known = _portfolio(study), dict[tuple[object, ...], tuple[Floats, Floats, float]]()
    for place, one in enumerate(configurations):
        key = one.band, one.relative, one.back, one.every is None
        if key not in known:
            known[key] = _bands(study_of(study, one).policy, portfolio)
        tight, stay, limit = known[key]
        rules[place, TIGHT * assets : TIGHT * assets + len(tight)] = tight
        rules[place, STAY * assets : STAY * assets + len(stay)] = stay
        rules[place, RULE * assets + LIMIT] = limit
        rules[place, RULE * assets + EVEN] = _even(tight, limit)
        rules[place, RULE * assets + KIND] += STAYS if stay.any() else 0


def _bands(policy: Policy, portfolio: Portfolio) -> tuple[Floats, Floats, float]:
    """(1/trigger, how far off a weight may stay, the limit), the first two by asset."""
    bands = bands_of(policy, portfolio)
    tight, stay = np.zeros(len(portfolio.positions)), np.zeros(len(portfolio.positions))
    for place, position in enumerate(portfolio.positions):
        band = bands.get(position.balance.token.address)
        if band is not None:
            tight[place] = 1 / max(band.trigger / ONE, _LEAST)
            stay[place] = 0.0 if position.target == 0 else band.back / ONE
    limit = -1.0 if isinstance(policy.trigger, Calendar) else 1.0 if bands else NEVER
    return tight, stay, limit


def _even(tight: Floats, limit: float) -> float:
    """Where one trigger is that of all assets, or none counts, what passes the limit; else 0."""
    if limit != 1.0:
        return limit
    return float(1 / tight[0]) if (tight == tight[0]).all() else 0.0


def _put_costs(study: Study, configurations: Sequence[Configuration], rules: Floats, assets: int) -> None:
    """KEPT, NEED, THIN and MOVES."""
    count, hub = len(study.policy.assets), _hub(study)
    kept, thin = np.ones((len(rules), assets)), np.zeros((len(rules), assets))
    kept[:, :count] -= np.array(study.frictions.fee) / PPM
    thin[:, :count] = [0.0 if depth is None else ONE / depth for depth in study.frictions.depth]
    for place, one in enumerate(configurations):
        if one.fee is not None:
            kept[place, :count] = 1 - one.fee / PPM
        if one.depth is not None:
            thin[place, :count] = ONE / one.depth
    if hub >= 0:
        kept[:, hub], thin[:, hub] = 1.0, 0.0
    rules[:, KEPT * assets : (KEPT + 1) * assets] = kept
    rules[:, NEED * assets : (NEED + 1) * assets] = 1 / kept
    rules[:, THIN * assets : (THIN + 1) * assets] = thin
    rules[:, RULE * assets + KIND] = np.where(thin.any(axis=1), MOVES, 0)


def _days(study: Study, times: Times, prices: Floats, target: Floats, span: tuple[int, int]) -> Floats:
    """Whether trading is allowed, dollars for a unit of gas, and the return of the portfolio left alone, by time."""
    days = np.ones((len(times), 3))
    if study.policy.window is not None:
        days[:, 0] = [is_open(study.policy.window, int(at)) for at in times]
    costs = study.frictions
    days[:, 1] = costs.gas_price[span[0] : span[1] + 1] * costs.coin[span[0] : span[1] + 1] / ONE
    alone = prices / prices[0] @ target
    days[1:, 2] = alone[1:] / alone[:-1] - 1
    days[0, 2] = 0.0
    return days


def _due(times: Times, every: int | Schedule | None, apart: int | None) -> Times:
    """By time of a rebalance, the place of the first time at which one is due again. It settles a block later."""
    here, settled = np.arange(1, len(times) + 1), times + SLOT
    match every:
        case None:
            found = here
        case Schedule():
            moments = (next_moment(every, int(at)) for at in settled)
            found = np.searchsorted(times, [times[-1] + 1 if at is None else at for at in moments])
        case seconds:
            found = np.searchsorted(times, settled + seconds)
    if apart is not None:
        found = np.maximum(found, np.searchsorted(times, settled + apart))
    return np.maximum(found, here).astype(np.int64)


def _first(times: Times, every: int | Schedule | None) -> int:
    """The place of the first time at which anything is due. All is on target before that."""
    if not isinstance(every, Schedule):
        return 1
    moment = next_moment(every, int(times[0]))
    return len(times) if moment is None else int(np.searchsorted(times, moment))


def _targets(study: Study) -> list[float]:
    weights = {target.token.address: target.weight / ONE for target in study.targets}
    return [weights[token.address] for token in study.policy.assets]


def _hub(study: Study) -> int:
    return next((at for at, token in enumerate(study.policy.assets) if token.address == study.hub.address), -1)


def _cash(policy: Policy) -> int:
    return -1 if policy.cash is None else [token.address for token in policy.assets].index(policy.cash.address)


def _portfolio(study: Study) -> Portfolio:
    """Whose targets are all that counts."""
    weights = {target.token.address: target.weight for target in study.targets}
    positions = (
        Position(Amount(token, 0), Price(token, Usd(ONE), 0), Usd(0), Weight(0), weights[token.address], Weight(0))
        for token in study.policy.assets
    )
    return Portfolio(tuple(positions), Usd(0))
