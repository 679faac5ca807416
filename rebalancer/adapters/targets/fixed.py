"""Plays the port `Targets` with the weights of the configuration: the same at every block."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.model import NO_TRENDS, NOTHING_MEASURED, Block, Measured, Patience, Target, Trends
from rebalancer.units import Token


class FixedTargets:
    """One weight for each asset of the policy, in its order, as the configuration has checked them."""

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self._targets = targets

    def read(self, block: Block) -> tuple[Target, ...]:
        return self._targets

    def measured(self, tokens: Sequence[Token], held_to: Sequence[Target], block: Block) -> Measured:
        return NOTHING_MEASURED

    def trends(self, patience: Patience, tokens: Sequence[Token], block: Block) -> Trends:
        return NO_TRENDS
