"""Nodes on real sockets, an address where nobody listens, and the lock of a wallet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from given_node import SECRET, Answer, Node, Nodes


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    opened: list[Node] = []

    def node(answer: Answer) -> Node:
        opened.append(Node(answer))
        return opened[-1]

    yield node
    for one in opened:
        one.close()


@pytest.fixture
def dead_url() -> str:
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/{SECRET}"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Nobody has it yet, nor is its folder there."""
    return tmp_path / "locks" / "wallet.lock"
