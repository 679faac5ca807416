"""A study and the swaps of a batch in, the units of gas that it uses and the price of one, out: what a replay's wallet
counts (`ports.wallet`), so that whatever is reckoned beside a replay pays the same for the same batch.
"""

from __future__ import annotations

from typing import TypeVar

from rebalancer.market.routing import SWAP_GAS, V3_HOP_GAS
from rebalancer.research.model import BASE_GAS, Study, Times

Count = TypeVar("Count", int, float)


def gas_of_batch(swaps: Count, hops: Count) -> Count:
    """`hops`: pools that all swaps together go through, each of V3. The kernel compiles it, for doubles."""
    return BASE_GAS + swaps * SWAP_GAS + hops * V3_HOP_GAS


def gas_of_movers(movers: int, hub: bool) -> int:
    """Of a batch that moves so many assets. One swap less than there are, each through two pools by way of the hub;
    where the `hub` is one of those that move, one of them begins or ends there, and takes one pool."""
    swaps = movers - 1
    return gas_of_batch(swaps, 2 * swaps - hub)


def wei_of_unit(study: Study) -> Times:
    """By time: the price of gas, and the tip on top of it that the owners allow."""
    found: Times = study.frictions.gas_price + study.policy.limits.tip
    return found
