"""A small file of JSON beside the wallet's lock: what was found last, so that a tick asks the chain for it once a day.

It is a copy of what the chain says, and no more than that: whoever has lost it finds the same again. So it is no part
of the ledger. What cannot be read, or is of another basis, is no memory. No basis knows a chain from its fork: a keeper
of either has a folder of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError

_LONGEST = 100_000
"""Bytes; ours is never so long."""


class KeptFile:
    """Of one wallet. `basis` is whatever the figures rest on, as text: another one, and they are found anew.

    `instead`: what a person may do who has no room for it.
    """

    def __init__(self, path: Path, instead: str) -> None:
        self._path = path
        self._instead = instead

    def read(self, basis: str) -> dict[str, Any] | None:
        """None: nothing was kept on this basis, or nobody can read it."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_LONGEST))
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) and found.get("basis") == basis else None

    def write(self, basis: str, content: Mapping[str, Any]) -> None:
        """Whole, or not at all. Raises ConfigError where it cannot: each tick would ask again, and nobody know."""
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(json.dumps({"basis": basis, **content}))
            draft.replace(self._path)
        except OSError as error:
            raise ConfigError(
                f"what was measured cannot be kept in {self._path} ({error.strerror}); its folder must be one that "
                f"this account may write to, with room in it: set XDG_STATE_HOME to another, or {self._instead}"
            ) from None


def mapping(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An inner one; empty where there is none."""
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}


def figure(value: object) -> int | None:
    """A whole number such as a time or a count; None: it is none."""
    return value if type(value) is int and 0 <= value < 1 << 63 else None
