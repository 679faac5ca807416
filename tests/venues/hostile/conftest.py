"""One stage for all misbehaviours of a worker, and a table of them behind the last test: name, and what refused it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from given_misbehaviour import REFUSED
from given_venue_server import KEY
from given_venue_stage import KEY_NAME, Stage, a_stage

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.replica.chain import Replica


@pytest.fixture(scope="module")
def standing(running: Replica, signer: KeystoreSigner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(KEY_NAME, KEY)
        yield a_stage(running, signer, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def stage(standing: Stage, replica: Replica) -> Stage:
    """As it was built: `replica` undoes what a test does to the chain."""
    return standing


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = sorted(
        (
            str(value)
            for report in terminalreporter.getreports("passed")
            for key, value in report.user_properties
            if key == REFUSED
        )
    )
    if found:
        terminalreporter.section(f"{len(found)} misbehaviours, none of them sent")
        for line in found:
            terminalreporter.write_line(line)
