"""The project's own compiled contracts, or others in their place: whoever tests the tests names a folder with
artifacts that are looked at first.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from rebalancer.adapters.chain.artifacts import ARTIFACTS

INSTEAD = "REBALANCER_ARTIFACTS"
"""Of the environment: a folder with NAME.json for each contract that is to be replaced."""


@cache
def artifact(name: str) -> dict[str, Any]:
    """ABI and bytecode of a contract."""
    folders = [Path(os.environ[INSTEAD])] if INSTEAD in os.environ else []
    found = next(folder / f"{name}.json" for folder in (*folders, ARTIFACTS) if (folder / f"{name}.json").is_file())
    return dict(json.loads(found.read_bytes()))
