"""What a landed intent counts for in the sums over days, rounded up, against us: whole micro-dollars and gwei, and
thousand-millionths of the portfolio that it was decided on.

Sums are the database's, in 64 bits; the exact amounts stand beside them as text.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.model import Failure, Intent, Mined, Settlement
from rebalancer.units import ONE, Usd, Wei, Weight, mul_div_up

MICRO_DOLLAR = 10**12
"""As Usd."""
GWEI = 10**9
"""As Wei."""
SHARE = ONE // 10**9
"""As Weight."""
_MOST = (
    10**17
)  # a hundred thousand million dollars, or 0.1 thousand million coins: more is nonsense, and still a number


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one landing. In micro-dollars `traded` and `cost` (shortfall and gas, may be below zero), in gwei `gas`.

    The shares are those two at 1e9 to the portfolio; 0 where its value is not known.
    """

    traded: int
    cost: int
    gas: int
    traded_share: int = 0
    cost_share: int = 0


def count(intent: Intent, result: Settlement | Failure) -> Counted:
    """A batch that failed has traded nothing and costs its gas; one that was never mined costs nothing."""
    match result:
        case Settlement(cost=cost):
            spent = Usd(cost.shortfall + cost.gas)
            return _counted(intent, cost.traded, spent, cost.gas)
        case Failure(mined=None):
            return Counted(0, 0, 0)
        case Failure(mined=Mined() as mined):
            return _counted(intent, Usd(0), mined.gas, mined.gas)
    raise AssertionError(f"an intent lands settled or failed, not as {result!r}")


def micro_dollars(count: int) -> Usd:
    """So many, as dollars."""
    return Usd(count * MICRO_DOLLAR)


def gwei(count: int) -> Wei:
    """So many, as coin."""
    return Wei(count * GWEI)


def shares(count: int) -> Weight:
    """So many thousand-millionths, as a share."""
    return Weight(count * SHARE)


def _counted(intent: Intent, traded: Usd, cost: Usd, gas: Usd) -> Counted:
    in_dollars = _micro_up(traded), _micro_up(cost), _gwei_up(intent, gas)
    return Counted(*in_dollars, _share_up(intent, traded), _share_up(intent, cost))


def _share_up(intent: Intent, value: Usd) -> int:
    return _bounded(mul_div_up(value, ONE // SHARE, intent.value)) if intent.value > 0 else 0


def _micro_up(value: Usd) -> int:
    return _bounded(mul_div_up(value, 1, MICRO_DOLLAR))


def _gwei_up(intent: Intent, value: Usd) -> int:
    # What gas has cost is kept in dollars at the intent's price of the coin; back at that price it is exact, because
    # it was rounded up by less than a wei is worth.
    price = intent.native.usd
    return 0 if price <= 0 else _bounded(mul_div_up(intent.native.amount_down(value).raw, 1, GWEI))


def _bounded(number: int) -> int:
    return max(-_MOST, min(number, _MOST))
