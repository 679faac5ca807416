"""The policy of least cost, and a block in which gas costs so much."""

from __future__ import annotations

from dataclasses import replace

from small_market import GWEI, POLICY

from rebalancer.core.model import Optimal, Snapshot, Threshold
from rebalancer.units import Wei

OPTIMAL = replace(POLICY, trigger=Threshold(Optimal(())))


def at_gas_price(snapshot: Snapshot, gwei: int) -> Snapshot:
    return replace(snapshot, block=replace(snapshot.block, base_fee=Wei(gwei * GWEI)))
