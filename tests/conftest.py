"""For all tests: property tests are judged by what they find, not by how busy the machine is, and no test leaves
anything in the home of whoever runs it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from given_postgres import Cluster, NoPostgres, a_cluster
from hypothesis import settings

settings.register_profile("rebalancer", deadline=None)
settings.load_profile("rebalancer")


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Locks go to a folder of this run, and so do those of the processes that it starts."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of this session's own, started by the first test that asks for it."""
    try:
        with a_cluster() as cluster:
            yield cluster
    except NoPostgres as reason:
        # A skipped test says nothing by itself; a warning stands in the summary.
        warnings.warn(f"no PostgreSQL, its tests are skipped: {reason}", stacklevel=1)
        pytest.skip(f"no PostgreSQL: {reason}")


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """An empty database on it."""
    url = postgres.new_database()
    yield url
    postgres.give_back(url)
