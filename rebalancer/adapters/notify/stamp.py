"""What people were told while there was no ledger to remember it: a small file beside the wallet's lock.

It holds when each notice was told and the hash of its words, nothing of the words themselves. Where it cannot be read
or written, people are told once more than they need to be.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from rebalancer.core.model import Notice

SILENCE = 86_400
"""Seconds in which the same words are not told again."""
_LONGEST = 100_000
"""Bytes; ours is never so long."""


class Stamp:
    """Of one wallet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def knows(self, notice: Notice) -> bool:
        """Whether these very words were told less than a day ago."""
        return _hash(notice) in self._told()

    def note(self, notice: Notice) -> None:
        """That they were told now."""
        told = {**self._told(), _hash(notice): int(time.time())}
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(json.dumps(told))
            draft.replace(self._path)

    def _told(self) -> dict[str, int]:
        """When, by the hash, of the last day. A time to come is a clock that was wrong."""
        try:
            with self._path.open("rb") as file:
                told = json.loads(file.read(_LONGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        now = int(time.time())
        pairs = told.items() if isinstance(told, dict) else ()
        return {text: at for text, at in pairs if type(at) is int and now - SILENCE < at <= now}


def _hash(notice: Notice) -> str:
    return hashlib.sha256(f"{notice.title}\n{notice.body}".encode(errors="replace")).hexdigest()
