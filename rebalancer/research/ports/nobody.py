"""Those whom a replay has no use for: venues on the network, people who are told, another keeper."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from rebalancer.core.model import Asked, Notice, Outcome, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot
from rebalancer.units import Address


class NobodyOutside:
    """Plays Outside: what others would have quoted is not on record."""

    spenders: tuple[Address, ...] = ()

    def ask(
        self, requests: Sequence[QuoteRequest], whole: PlanRequest, snapshot: Snapshot, only: Sequence[str] = ()
    ) -> tuple[Asked, ...]:
        return ()

    def place(self, quotes: tuple[Quote, ...]) -> Refusal | None:
        return None

    def without(self, name: str) -> NobodyOutside:
        return self


class NobodyTold:
    """Plays Notifier."""

    def started(self) -> None:
        """Nobody waits for it."""

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        """Nobody is told."""


class NobodyElse:
    """Plays Lease: there is one keeper."""

    def hold(self) -> AbstractContextManager[str | None]:
        return nullcontext()
