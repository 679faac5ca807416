"""Whoever is told of a tick on paper is told that it was one."""

from __future__ import annotations

from dataclasses import replace

from rebalancer.core.model import Notice, Outcome
from rebalancer.ports import Notifier


class OnPaper:
    """Plays the port `Notifier` over another."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def started(self) -> None:
        self._notifier.started()

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        told = None if notice is None else replace(notice, title=f"On paper: {notice.title}")
        self._notifier.ended(outcome, told)
