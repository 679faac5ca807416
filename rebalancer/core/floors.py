"""A trade in, the least that may arrive for it out: by the oracle, and by the pools that it was planned on."""

from __future__ import annotations

from rebalancer.units import BPS, Amount, Bps, Price, Usd, mul_div_up


def floor_of(sell: Amount, sold: Price, bought: Price, max_slippage: Bps) -> Amount:
    """The oracle's floor of `sell`: its value less the slippage, rounded up into the bought token.

    No trade may have a lower one, whatever its pools or its venue say.
    """
    return bought.amount_up(Usd(mul_div_up(sold.value_up(sell.raw), BPS - max_slippage, BPS)))


def raised(floor: Amount, expected: int, max_slippage: Bps) -> Amount:
    """The floor, or what is `expected` to arrive less the slippage, rounded up, where that is more.

    Where pools pay more than the oracle says, its floor alone would leave the difference to a sandwich as well.
    Never more than what is expected, if that reaches the floor.
    """
    return Amount(floor.token, max(floor.raw, mul_div_up(expected, BPS - max_slippage, BPS)))
