"""Several leases as one: all of them are ours, or none is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rebalancer.ports import Lease


class AllOf:
    """Plays the port `Lease`. Asked for in their order, so that two keepers cannot hold one each for long."""

    def __init__(self, *leases: Lease) -> None:
        self._leases = leases

    @contextmanager
    def hold(self) -> Iterator[str | None]:
        with ExitStack() as held:
            for lease in self._leases:
                holder = held.enter_context(lease.hold())
                if holder is not None:
                    yield holder
                    return
            yield None
