"""For all tests: property tests are judged by what they find, not by how busy the machine is, and no test leaves
anything in the home of whoever runs it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("rebalancer", deadline=None)
settings.load_profile("rebalancer")


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Locks go to a folder of this run, and so do those of the processes that it starts."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
