"""No venue but the own router: nobody is asked over the network."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.model import Asked, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot
from rebalancer.units import Address


class NobodyOutside:
    """Never has an answer."""

    spenders: tuple[Address, ...] = ()

    def ask(
        self, requests: Sequence[QuoteRequest], whole: PlanRequest, snapshot: Snapshot, only: Sequence[str] = ()
    ) -> tuple[Asked, ...]:
        """Nothing."""
        return ()

    def place(self, quotes: tuple[Quote, ...]) -> Refusal | None:
        """There is no order among them."""
        return None

    def without(self, name: str) -> NobodyOutside:
        """Still nobody."""
        return self
