"""A running replica for each file, and what the tests here want on it: a book to read by, nodes, a desk, a keeper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from given_chain import LyingNode, a_funded_book
from given_doubtful_nodes import Make
from given_fleet import Fleet, a_fleet
from given_keeper import Keeper, a_keeper, a_key
from given_ledger import OURS, Again
from given_old_ledger import in_a_file, on_a_server
from given_unmined import KINDS, a_desk_of, not_mining
from given_wallet import Desk, a_signer

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.ports import Ledger
from rebalancer.replica.chain import Replica


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica.start() as replica:
        yield replica


@pytest.fixture(scope="module")
def keystore(running: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's, made once: encrypting takes its time."""
    return a_key(running, tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def signer(running: Replica, tmp_path_factory: pytest.TempPathFactory) -> KeystoreSigner:
    """Of the replica's operator, made once for the same reason."""
    return a_signer(tmp_path_factory.mktemp("keys"), running.actor("operator"))


@pytest.fixture
def replica(running: Replica) -> Iterator[Replica]:
    """What a test does to it is undone."""
    with running.scratch():
        yield running


@pytest.fixture
def book(replica: Replica) -> Book:
    """What a reader reads, of a wallet that holds some; in a block of its own."""
    replica.warp(1)
    return a_funded_book(replica)


@pytest.fixture
def lying(replica: Replica) -> Iterator[LyingNode]:
    """A node between the keeper and the replica that changes what it says."""
    node = LyingNode(replica.url)
    yield node
    node.close()


@pytest.fixture
def nodes(replica: Replica) -> Iterator[Make]:
    """Nodes in front of the replica, honest until told otherwise."""
    made: list[LyingNode] = []

    def make() -> LyingNode:
        made.append(LyingNode(replica.url))
        return made[-1]

    yield make
    for node in made:
        node.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk(replica: Replica, signer: KeystoreSigner, kind: str) -> Iterator[Desk]:
    """For each kind of wallet; blocks come only where the test mines them."""
    desk = a_desk_of(kind, replica, signer)
    with not_mining(replica):
        yield desk


@pytest.fixture
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock of another test: their Safes have one address on different replicas."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def keeper(replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Off its targets, and not live yet."""
    return a_keeper(replica, tmp_path, keystore)


@pytest.fixture
def fleet(replica: Replica, tmp_path: Path, postgres_url: str) -> Fleet:
    """Three that share a server's ledger."""
    return a_fleet(replica, tmp_path / "fleet", [postgres_url] * 3)


@pytest.fixture(params=["sqlite", "postgresql"])
def old_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger of version 1."""
    if request.param == "sqlite":
        return in_a_file(tmp_path)
    return on_a_server(tmp_path, str(request.getfixturevalue("postgres_url")))


@pytest.fixture(params=["memory", "sqlite", "idle", "postgresql"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Again]:
    """Every ledger, as the next process finds it."""
    memory, opened = MemoryLedger(), []

    def after(kind: type[SqlLedger | IdleLedger], url: str) -> Ledger:
        for ledger in opened:
            ledger.close()
        opened[:] = [kind(url, OURS)]
        return opened[0]

    match request.param:
        case "memory":
            yield lambda: memory
        case "sqlite":
            yield lambda: after(SqlLedger, f"sqlite:///{tmp_path}/ledger.db")
        case "idle":
            yield lambda: after(IdleLedger, f"sqlite:///{tmp_path}/ledger with spaces #1.db")
        case _:
            url = request.getfixturevalue("postgres_url")
            yield lambda: after(SqlLedger, url)
    for ledger in opened:
        ledger.close()
