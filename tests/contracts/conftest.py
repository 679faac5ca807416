"""One replica per test file; each test gets it as it was at the start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rebalancer.replica.chain import Replica


@pytest.fixture(scope="module")
def running_replica() -> Iterator[Replica]:
    with Replica.start() as replica:
        yield replica


@pytest.fixture
def replica(running_replica: Replica) -> Iterator[Replica]:
    with running_replica.scratch():
        yield running_replica
