"""Our own contracts as they are shipped: a contract's name in, its creation or runtime code out."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError

# importlib.resources would cost the idle tick more than the file itself.
ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"


@cache
def creation_code(name: str) -> bytes:
    """What is sent to deploy it, in front of the constructor's arguments. ConfigError where there is no such file."""
    return bytes.fromhex(str(_artifact(name)["bytecode"])[2:])


@cache
def runtime_code(name: str) -> bytes:
    """What stands at its address where it has no immutables. ConfigError where there is no such file."""
    return bytes.fromhex(str(_artifact(name)["runtime"])[2:])


def _artifact(name: str) -> dict[str, Any]:
    path = ARTIFACTS / f"{name}.json"
    if not path.is_file():
        raise ConfigError(f"no artifact {path.name}: run `python scripts/compile_contracts.py`")
    return dict(json.loads(path.read_bytes()))
