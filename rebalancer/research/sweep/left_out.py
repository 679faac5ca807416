"""A study and configurations of it in, what a sweep leaves out of them in words, or why it cannot play them, out.

The kernel obeys no limit. Where pools are deep against the portfolio none of them cuts anything, and a sweep is the
tick; where they are not, the tick makes small trades or none, while the kernel goes on paying for its own size.
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Contributions
from rebalancer.research.model import LEAST_FEE, Configuration, Study
from rebalancer.units import ONE, Usd

_ROOM = 6
"""Times the worth of a target, and at most the whole portfolio: what a pool is measured against."""
_DEEP = 5
"""So many times that, and it is deep."""


def left_out(study: Study, configurations: Sequence[Configuration]) -> tuple[str, ...]:
    """What the kernel does not do and this study asks for, for people to read."""
    policy = study.policy
    said = [
        "limits (min_trade, max_trade, max_impact, max_cost, swaps in a batch) cut nothing here: backtest obeys them",
        "gas is an estimate by the number of swaps, up to a tenth above what a backtest counts",
    ]
    thin = _thinnest(study, configurations)
    if thin is not None and thin[1] < _DEEP * thin[2]:
        symbol, depth, room = thin
        said.append(
            f"pools are thin for this portfolio: {symbol} has {_dollars(depth)}, less than {_DEEP} times "
            f"{_dollars(room)}; a backtest trades less there, and can come to something else by more than a per cent"
        )
    if _cheapest(study, configurations) < LEAST_FEE:
        said.append("a fee of nothing is played as 0.0001 %: where trading in circles is free no plan is the best one")
    if policy.cash is not None and policy.contributions is not Contributions.IGNORE:
        said.append(f"contributions: {policy.contributions.value} is taken for `ignore`")
    if policy.patience is not None:
        said.append("patience: nothing waits for a trend or a fall")
    return tuple(said)


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
