"""Whoever is told of a tick on paper is told that it was one."""

from __future__ import annotations

from dataclasses import replace

from rebalancer.core.model import Notice, Outcome
from rebalancer.core.paper import words_on_paper
from rebalancer.ports import Notifier


class OnPaper:
    """Plays the port `Notifier` over another."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def started(self) -> None:
        self._notifier.started()

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        self._notifier.ended(outcome, None if notice is None else _told(notice))


def _told(notice: Notice) -> Notice:
    return replace(notice, title=f"On paper: {notice.title}", body=words_on_paper(notice.body))
