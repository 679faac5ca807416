"""One line of JSON for each end of a tick, through the standard library's logging."""

from __future__ import annotations

import json
import logging

from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import Blocked, Failed, Outcome
from rebalancer.core.render import outcome_words


class LogNotifier:
    """Writes to the logger `rebalancer`: where the lines go is the program's choice."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("rebalancer")

    def tell(self, outcome: Outcome | Exception) -> None:
        """Outcomes at INFO, those that want a look and errors of ours at WARNING, unknown errors at ERROR."""
        level, word, detail = _line(outcome)
        self._logger.log(level, json.dumps({"outcome": word, "detail": detail}))


class SilentNotifier:
    """Tells nobody, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Outcome | Exception] = []

    def tell(self, outcome: Outcome | Exception) -> None:
        self.told.append(outcome)


def _line(outcome: Outcome | Exception) -> tuple[int, str, str]:
    if isinstance(outcome, RebalancerError):
        return logging.WARNING, outcome.kind, str(outcome)
    if isinstance(outcome, Exception):
        # The text of a foreign error may hold anything, an RPC URL with its key included.
        return logging.ERROR, type(outcome).__name__, "an unknown error; see the traceback"
    word, detail = outcome_words(outcome)
    return logging.WARNING if isinstance(outcome, Blocked | Failed) else logging.INFO, word, detail
