"""The port `Targets`, as the configuration plays it."""

from __future__ import annotations

from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.core.model import Block, Target
from rebalancer.ports import Targets
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.units import ONE, Wei, Weight


def test_fixed_targets__at_any_block__are_the_configurations() -> None:
    held = (Target(LISTINGS["WETH"].token, Weight(ONE - 1)), Target(LISTINGS["USDC"].token, Weight(1)))
    port: Targets = FixedTargets(held)
    assert port.read(Block(1, "0x01", 12, Wei(7))) == port.read(Block(2, "0x02", 24, Wei(8))) == held
