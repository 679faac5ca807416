"""What a rebalance does to the weights in; what of the drift's cost it saves, and whether that pays for it, out.

A weight that is x off its target costs lambda * x^2 of the portfolio in a year (`drift.cost`). Brought to y it costs
lambda * y^2, and as drift grows by the same variance from either, the difference stays. It counts until the drift is
expected back at x: from its target a Brownian motion of standard deviation s in a year takes x^2/s^2 years to x on
average (the exit time of an interval; Karatzas and Shreve, 2.8). Nothing counts for longer than a year. So

    saved = lambda * (x^2 - y^2) * min(x^2/s^2, 1)

of the portfolio, summed over its weights. That is generous: at the trigger u and return point l of least cost (see
`optimal`) a rebalance is worth exactly what it costs, lambda (u^2 - l^2)(u + l)^2/(6 s^2), of which this is 1.5 times
(l = u) to 6 times (l = 0). What saves less than it costs by this measure does so by any.
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.cost import total
from rebalancer.core.drift import moved_by
from rebalancer.core.model import Cost, Hold, Policy, Portfolio, Position
from rebalancer.core.optimal_bands import deviation_of
from rebalancer.core.render import money
from rebalancer.units import ONE, Amount, Usd, Weight, mul_div_down


def saved_down(policy: Policy, portfolio: Portfolio, changes: Sequence[Amount]) -> Usd | None:
    """Dollars of the drift's cost that signed changes of the wallet save, rounded down; negative where they add to it.

    None where nothing is to be said: the owners have named no cost of drift or no volatility, or a token is to be got
    rid of, whatever its weight.
    """
    per_year = {v.token.address: v.per_year for v in policy.tracking.volatilities}
    if not policy.tracking.named or any(p.balance.token.address not in per_year for p in portfolio.positions):
        return None
    moved = {change.token.address: change.raw for change in changes}
    if any(p.target == 0 and moved.get(p.balance.token.address, 0) < 0 for p in portfolio.positions):
        return None
    end = moved_by(portfolio, changes)
    squares = (
        (p.drift**2 - after.drift**2) * _horizon(p, per_year[p.balance.token.address])
        for p, after in zip(portfolio.positions, end.positions, strict=True)
    )
    return Usd(mul_div_down(policy.tracking.penalty * portfolio.value, sum(squares), ONE**4))


def pays(saved: Usd | None, cost: Cost) -> Hold | None:
    """None, or why a rebalance that saves so much of the drift's cost is not worth its own."""
    if saved is None or total(cost) <= saved:
        return None
    spent = total(cost)
    # Pools may pay more than the oracle says, and a weight may be moved from its target for it.
    paid = f"cost {money(spent)}" if spent >= 0 else f"bring {money(Usd(-spent))} more than it costs"
    effect = f"save {money(saved)} of" if saved >= 0 else f"add {money(Usd(-saved))} to"
    return Hold(
        f"not worth it: it would {paid}, and {effect} what drift costs (drift.cost) until the drift is expected back"
    )


def _horizon(position: Position, per_year: Weight) -> int:
    """Years at 1e18 until the drift is expected back, rounded down, one at most."""
    deviation = deviation_of(position.target, per_year)
    return min(mul_div_down(position.drift**2, ONE, deviation**2), ONE) if deviation else ONE
