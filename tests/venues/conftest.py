"""A running replica for each file, and a Safe's operator; what a test does to the chain is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from given_wallet import a_signer

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.replica.chain import Replica


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica.start() as replica:
        yield replica


@pytest.fixture(scope="module")
def signer(running: Replica, tmp_path_factory: pytest.TempPathFactory) -> KeystoreSigner:
    """Of the replica's operator, made once: encrypting takes its time."""
    return a_signer(tmp_path_factory.mktemp("keys"), running.actor("operator"))


@pytest.fixture
def replica(running: Replica) -> Iterator[Replica]:
    with running.scratch():
        yield running
