"""One line of JSON for each end of a tick, through the standard library's logging."""

from __future__ import annotations

import json
import logging

from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import Blocked, Failed, Notice, Outcome
from rebalancer.core.render import outcome_words


class LogNotifier:
    """Writes to the logger `rebalancer`: where the lines go is the program's choice."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("rebalancer")

    def started(self) -> None:
        """Nothing: a tick is one line, at its end."""

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        """Outcomes at INFO, those that want a look and errors of ours at WARNING, unknown errors at ERROR."""
        level, word, detail = _line(outcome)
        told = {} if notice is None else {"told": notice.title}
        self._logger.log(level, json.dumps({"outcome": word, "detail": detail} | told))


class SilentNotifier:
    """Tells nobody, and remembers what it was told."""

    def __init__(self) -> None:
        self.starts = 0
        self.told: list[Outcome | Exception] = []
        self.notices: list[Notice] = []

    def started(self) -> None:
        self.starts += 1

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        self.told.append(outcome)
        if notice is not None:
            self.notices.append(notice)


def _line(outcome: Outcome | Exception) -> tuple[int, str, str]:
    if isinstance(outcome, RebalancerError):
        return logging.WARNING, outcome.kind, str(outcome)
    if isinstance(outcome, Exception):
        # The text of a foreign error may hold anything, an RPC URL with its key included.
        return logging.ERROR, type(outcome).__name__, "an unknown error; see the traceback"
    word, detail = outcome_words(outcome)
    return logging.WARNING if isinstance(outcome, Blocked | Failed) else logging.INFO, word, detail
