"""Configurations and spans of times in, their tables out: worked out by the cores of this machine, or by many machines.

The result is the same to the last byte: each configuration is worked out alone, by the same machine code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.research.kernel.outcomes import outcomes
from rebalancer.research.model import Configuration, Floats, Progress, Study
from rebalancer.research.sweep.model import Span

_CHUNK = 256
"""Configurations: a few milliseconds' work of five years, so that cores share it evenly."""
_FAR_CHUNK = 2_048
"""Where every chunk is sent over a network."""
_PATIENCE = 10
"""Seconds until a scheduler must have answered."""


@dataclass(frozen=True, slots=True)
class Job:
    """`row` and `column`: the place of the span, and of the first configuration."""

    row: int
    column: int
    span: Span
    configurations: tuple[Configuration, ...]


class Crew(Protocol):
    """Who works a sweep out."""

    def work(self, study: Study, jobs: Sequence[Job]) -> Iterator[tuple[Job, Floats]]:
        """Each job with its table, in any order."""
        ...

    @property
    def chunk(self) -> int: ...


class Cores:
    """A thread for each core of this machine: the kernel holds no lock."""

    chunk = _CHUNK

    def work(self, study: Study, jobs: Sequence[Job]) -> Iterator[tuple[Job, Floats]]:
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            yield from zip(jobs, threads.map(lambda job: _done(study, job), jobs), strict=True)


class Machines:
    """The workers of a dask scheduler; each needs this package in the same version, and a processor of the same kind
    for the same last digit."""

    chunk = _FAR_CHUNK

    def __init__(self, address: str) -> None:
        self._address = address

    def work(self, study: Study, jobs: Sequence[Job]) -> Iterator[tuple[Job, Floats]]:
        from distributed import Client, as_completed

        class Asking(Client):  # type: ignore[misc]
            def __del__(self) -> None:
                """Nothing: it is closed below. One that nobody answers would wait 20 s for itself, in vain."""

        try:
            client = Asking(self._address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, TypeError, ValueError) as error:
            raise ConfigError(
                f"--dask: no scheduler answers at {self._address!r} ({error}); expected the address that "
                "`dask scheduler` shows when it starts, such as tcp://192.0.2.1:8786"
            ) from None
        with client:
            shared = client.scatter(study, broadcast=True, hash=False)
            asked = {client.submit(_done, shared, job, pure=False): job for job in jobs}
            for future in as_completed(list(asked), loop=client.loop):
                yield asked[future], future.result()


def tables(
    crew: Crew, study: Study, configurations: Sequence[Configuration], spans: Sequence[Span], progress: Progress | None
) -> list[Floats]:
    """One for each span, of shape (outcomes.ROWS, configurations)."""
    jobs = [
        Job(row, column, span, tuple(configurations[column : column + crew.chunk]))
        for row, span in enumerate(spans)
        for column in range(0, len(configurations), crew.chunk)
    ]
    found: dict[tuple[int, int], Floats] = {}
    for done, (job, table) in enumerate(crew.work(study, jobs), start=1):
        found[job.row, job.column] = table
        if progress is not None:
            progress(done, len(jobs))
    columns = range(0, len(configurations), crew.chunk)
    return [np.concatenate([found[row, column] for column in columns], axis=1) for row in range(len(spans))]


def _done(study: Study, job: Job) -> Floats:
    return outcomes(study, job.configurations, job.span)
