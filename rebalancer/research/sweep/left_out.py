"""A study and configurations of it in, what a sweep leaves out of them in words, or why it cannot play them, out.

The kernel obeys no limit of a plan. Where pools are deep against the portfolio, and gas is cheap, none of them cuts
anything, and a sweep is the tick; where not, the tick makes small trades or none, while the kernel goes on paying for
its own size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Contributions
from rebalancer.research.gas import gas_of_movers, wei_of_unit
from rebalancer.research.model import LEAST_FEE, Configuration, Study
from rebalancer.research.sweep.words import free_words
from rebalancer.units import ONE, Usd

_ROOM = 6
"""Times the worth of a target, and at most the whole portfolio: what a pool is measured against."""
_DEEP = 5
"""So many times that, and it is deep."""
_DEAR = 0.0005
"""Of the portfolio, what a rebalance of all assets costs in gas: from there on a plan leaves some of its trades out."""


def left_out(study: Study, configurations: Sequence[Configuration]) -> tuple[str, ...]:
    """What the kernel does not do and this study asks for, for people to read."""
    return tuple(
        said
        for rule in (_limits, _own_rules, _gas, _thin, _free, _contributions, _patience)
        if (said := rule(study, configurations)) is not None
    )


def _limits(study: Study, configurations: Sequence[Configuration]) -> str:
    return (
        "limits of a plan (min_trade, max_trade, max_impact, max_cost, swaps in a batch) are not applied, nor is what "
        "`safety` stops: `rebalancer backtest` plays both"
    )


def _own_rules(study: Study, configurations: Sequence[Configuration]) -> str | None:
    """What the owners have asked for in words of their own."""
    if not study.policy.tracking.named:
        return None
    return "drift.cost: a rebalance that costs more than it saves is made all the same; a backtest makes none"


def _gas(study: Study, configurations: Sequence[Configuration]) -> str:
    """`dear`: dollars of a rebalance that moves all assets, at the median price of gas."""
    units = gas_of_movers(len(study.policy.assets), hub=False)
    dear = units * float(np.median(wei_of_unit(study) * study.frictions.coin)) / ONE
    said = "gas is an estimate by the number of swaps"
    if dear <= _DEAR * study.start / ONE:
        return f"{said}, within a few hundredths of what a backtest counts"
    return (
        f"{said}, and dear for this portfolio: about {dear:,.2f} USD for a rebalance of all assets, more than "
        f"{_DEAR:.2%} of {_dollars(study.start)}. A backtest leaves out what is not worth its gas, pays less, and can "
        "come to something else by more than a per cent"
    )


def _thin(study: Study, configurations: Sequence[Configuration]) -> str | None:
    thin = _thinnest(study, configurations)
    if thin is None or thin[1] >= _DEEP * thin[2]:
        return None
    symbol, depth, room = thin
    return (
        f"pools are thin for this portfolio: {symbol} has {_dollars(depth)}, less than {_DEEP} times "
        f"{_dollars(room)}; a backtest trades less there, and can come to something else by more than a per cent"
    )


def _free(study: Study, configurations: Sequence[Configuration]) -> str | None:
    return None if _cheapest(study, configurations) >= LEAST_FEE else free_words()


def _contributions(study: Study, configurations: Sequence[Configuration]) -> str | None:
    policy = study.policy
    if policy.cash is None or policy.contributions is Contributions.IGNORE:
        return None
    return f"contributions: {policy.contributions.value} is taken for `ignore`"


def _patience(study: Study, configurations: Sequence[Configuration]) -> str | None:
    return None if study.policy.patience is None else "patience: nothing waits for a trend or a fall"


def refuse_thin(study: Study, configurations: Sequence[Configuration]) -> None:
    """ConfigError where a pool is so thin that nothing true can be said without the limits of a tick."""
    thin = _thinnest(study, configurations)
    if thin is None or thin[1] >= thin[2]:
        return
    symbol, depth, room = thin
    raise ConfigError(
        f"--depth or --pools: {symbol} has pools of {_dollars(depth)} for a portfolio of {_dollars(study.start)}, "
        f"expected {_dollars(room)} or more: a sweep obeys no limit, and would trade where a live keeper does not. "
        "Give a smaller --start or deeper pools, or ask `rebalancer backtest`, which obeys them"
    )


def _cheapest(study: Study, configurations: Sequence[Configuration]) -> int:
    """The lowest fee of any pool, in millionths; the hub has none."""
    own = zip(study.policy.assets, study.frictions.fee, strict=True)
    fees = [fee for token, fee in own if token.address != study.hub.address]
    return min(min(fees) if one.fee is None else one.fee for one in configurations)


def _thinnest(study: Study, configurations: Sequence[Configuration]) -> tuple[str, Usd, Usd] | None:
    """(symbol, its depth, what that is measured against) of the thinnest pool; None: all are without an end."""
    given = [one.depth for one in configurations if one.depth is not None]
    weights = {target.token.address: target.weight for target in study.targets}
    found = []
    for token, own in zip(study.policy.assets, study.frictions.depth, strict=True):
        depths = [*given, *([own] if own is not None else [])]
        weight = weights[token.address]
        if depths and weight > 0 and token.address != study.hub.address:
            found.append((token.symbol, min(depths), Usd(min(study.start, _ROOM * weight * study.start // ONE))))
    return min(found, key=lambda one: one[1] / one[2], default=None)


def _dollars(value: Usd) -> str:
    return f"{value // ONE:,} USD"
