"""A running replica and a keeper on it, for the tests of the commands. Other tests here bring their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from given_keeper import Keeper, a_keeper, a_key

from rebalancer.replica.chain import Replica


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica.start() as replica:
        yield replica


@pytest.fixture(scope="module")
def keystore(running: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's, made once: encrypting takes its time."""
    return a_key(running, tmp_path_factory.mktemp("keys"))


@pytest.fixture
def replica(running: Replica) -> Iterator[Replica]:
    """What a test does to it is undone."""
    with running.scratch():
        yield running


@pytest.fixture
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock of another test: their Safes have one address on different replicas."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def keeper(replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Off its targets, and not live yet."""
    return a_keeper(replica, tmp_path, keystore)
