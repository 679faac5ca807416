"""What a batch pays that takes the place of one that was given up: fees and that one in, fees that nodes take out.

It was given up where nobody knew it any more, which is not to say that nobody has it: with the same nonce, less would
be refused where it still waits, or be beaten by it.
"""

from __future__ import annotations

from rebalancer.adapters.wallets.unmined import names_of
from rebalancer.core.cost import stepped_up
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Fees, Intent
from rebalancer.core.render import gas_price
from rebalancer.units import Wei


def outbid(fresh: Fees, nonce: int, given_up: Intent | None, most: Wei | None) -> Fees:
    """`fresh`, or a step above the highest that may be out for `given_up`, each of the two where that is more.

    With another `nonce` there is nothing to outbid. Raises Unavailable where it is above `most`; None: no limit.
    """
    if given_up is None or given_up.commitment.transaction.nonce != nonce:
        return fresh
    out = [each.transaction.fees for each in given_up.transactions]
    step = stepped_up(Fees(max(fees.max_fee for fees in out), max(fees.tip for fees in out)))
    fees = Fees(Wei(max(fresh.max_fee, step.max_fee)), Wei(max(fresh.tip, step.tip)))
    if most is not None and fees.max_fee > most:
        raise Unavailable(
            f"nonce {nonce} is still held by what may be out: {names_of(given_up)} was "
            f"given up unmined, and to take its place costs at most {gas_price(fees.max_fee)} for a unit of gas; "
            f"max_gas_price is {gas_price(most)}. Nothing was signed: that waits until it is mined after all, or a "
            "person raises max_gas_price"
        )
    return fees
