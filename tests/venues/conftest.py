"""A running replica for each file, and a Safe's operator; what a test does to the chain is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from given_llama import RECORDED, Llama
from given_still_venues import STILL, a_server
from given_venue_server import VenueServer
from given_wallet import a_signer

from rebalancer.adapters.venues.outside import OutsideVenue
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
def server(request: pytest.FixtureRequest) -> Iterator[VenueServer]:
    """Of the venue that a file is about, its VENUE, over a market that stands still."""
    with a_server(request.module.VENUE) as server:
        yield server


@pytest.fixture
def venue(request: pytest.FixtureRequest, server: VenueServer) -> OutsideVenue:
    """Who asks it."""
    return STILL[request.module.VENUE].asks(server)


@pytest.fixture
def replica(running: Replica) -> Iterator[Replica]:
    with running.scratch():
        yield running


@pytest.fixture
def llama() -> Llama:
    """What DefiLlama has recorded of two coins."""
    return Llama(dict(RECORDED))
