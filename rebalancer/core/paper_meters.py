"""A module as it stands and rebalances that were made on paper in; the module as it would stand, had it made them, out.

Its own meters know nothing of them. What they would have left bounds what a plan on paper may move, as it bounds a live
one: contracts/RebalanceModule.vy, `_leaked` and `_charge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rebalancer.core.model import ModuleWallet, Rebalance
from rebalancer.units import ONE, PPM, Ppm, Usd, Weight, mul_div_down, mul_div_up

_WIDER = ONE // PPM


def metered(wallet: ModuleWallet, rebalances: Sequence[Rebalance], worth: Usd, now: int) -> ModuleWallet:
    """`rebalances`: newest first, those of a window at least; each counts as its share of `worth` dollars, rounded up.

    The step meter leaves nothing: on paper nobody sets targets, since in a simulation, too, the module holds its swaps
    to those on the chain.
    """
    state, limits = wallet.state, wallet.policy.limits
    in_turn = tuple(reversed(rebalances))
    traded = ((each.settled_at, _share_up(each.measured.traded, worth)) for each in in_turn)
    lost = ((each.settled_at, _share_up(Usd(max(each.measured.shortfall, 0)), worth)) for each in in_turn)
    return replace(
        wallet,
        state=replace(
            state,
            last=max(state.last, *(each.settled_at for each in in_turn)) if in_turn else state.last,
            turnover_left=min(state.turnover_left, _left(traded, limits.max_turnover, limits.window, now)),
            loss_left=min(state.loss_left, _left(lost, limits.max_loss, limits.window, now)),
            step_left=Weight(0),
        ),
    )


def _left(charges: Iterable[tuple[int, int]], most: Ppm, window: int, now: int) -> Weight:
    """What a meter leaves at `now` that was charged so much at these times; a full one is empty a window later."""
    full = most * _WIDER
    level = since = 0
    for at, charge in charges:
        level = max(level - mul_div_down(full, at - since, window), 0) + charge
        since = at
    level = max(level - mul_div_down(full, max(now - since, 0), window), 0)
    return Weight(max(full - level, 0))


def _share_up(value: Usd, worth: Usd) -> int:
    return mul_div_up(value, ONE, max(worth, 1))
