"""All who are told, as one: the log always, people and the dead man's switch where they are configured."""

from __future__ import annotations

from pathlib import Path

from rebalancer.adapters.notify.log import LogNotifier
from rebalancer.core.model import Notice, Outcome
from rebalancer.ports import Notifier


class Several:
    """One after the other, in their order."""

    def __init__(self, *notifiers: Notifier) -> None:
        self._notifiers = notifiers

    def started(self) -> None:
        for notifier in self._notifiers:
            notifier.started()

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        for notifier in self._notifiers:
            notifier.ended(outcome, notice)


def notifier_for(
    urls: tuple[str, ...],
    ping: str | None,
    stamp: Path | None = None,
    environment: tuple[tuple[str, str], ...] = (),
) -> Notifier:
    """`urls` as apprise takes them, `ping` as healthchecks gives it; without either there is the log.

    `stamp`: the file that remembers what people were told while the ledger could not be read. `environment`: what the
    processes get that tell them.
    """
    told: list[Notifier] = [LogNotifier()]
    if urls:
        from rebalancer.adapters.notify.people import PeopleNotifier
        from rebalancer.adapters.notify.stamp import Stamp

        told.append(PeopleNotifier(urls, environment, stamp=None if stamp is None else Stamp(stamp)))
    if ping is not None:
        from rebalancer.adapters.notify.ping import PingNotifier

        # The last: that a tick ended well is said when nothing is left to be done.
        told.append(PingNotifier(ping))
    return Several(*told)
