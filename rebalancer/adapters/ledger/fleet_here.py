"""The queue of many portfolios whose ledgers are files, or several: of this machine, for one round, in a folder.

A turn is a locked file, which the kernel lets go when the worker dies. What an earlier round is still at work on is
not seen here, but by the wallet's lease, which every tick takes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rebalancer.adapters.ledger.words import this_worker
from rebalancer.core.errors import Unavailable
from rebalancer.fleet import Ended, Turn


class FileQueue:
    """Plays the port `Queue` in a folder that this round alone uses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def join(self, names: Sequence[str]) -> int:
        return 1

    @contextmanager
    def take(self, number: int, names: Sequence[str]) -> Iterator[Turn | None]:
        with self._named():
            handle, turn = self._taken(names)
        try:
            yield turn
        finally:
            if handle is not None:
                os.close(handle)

    def refuse(self, number: int, name: str, ended: Ended) -> None:
        """Nothing: what is not a portfolio has no ledger here, and the command says it."""

    def ended(self, number: int, names: Sequence[str]) -> Mapping[str, Ended]:
        with self._named():
            done = {name: self._done(name) for name in names}
            return {name: Ended(**json.loads(path.read_text())) for name, path in done.items() if path.exists()}

    def holders(self, number: int, names: Sequence[str]) -> Mapping[str, str]:
        found = {}
        for name in names:
            with self._named():
                handle = self._locked(name)
            if handle is None:
                found[name] = "another worker of this command"
            else:
                os.close(handle)
        return found

    def close(self) -> None:
        """Nothing: the folder is its maker's."""

    def end(self, name: str, ended: Ended) -> None:
        """There as a whole, or not at all."""
        fields = {"outcome": ended.outcome, "detail": ended.detail, "code": ended.code, "worker": this_worker()}
        with self._named():
            half = self._path(name, "half")
            half.write_text(json.dumps(fields))
            half.rename(self._done(name))

    def _taken(self, names: Sequence[str]) -> tuple[int, _Turn] | tuple[None, None]:
        for name in sorted(names, key=self._deaths):
            handle = None if self._done(name).exists() else self._locked(name)
            if handle is None:
                continue
            if self._done(name).exists():  # since we asked
                os.close(handle)
                continue
            os.write(handle, b".")  # one for each turn
            return handle, _Turn(self, name, os.fstat(handle).st_size)
        return None, None

    def _locked(self, name: str) -> int | None:
        handle = os.open(self._path(name, "lock"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def _deaths(self, name: str) -> int:
        path = self._path(name, "lock")
        return path.stat().st_size if path.exists() else 0

    def _done(self, name: str) -> Path:
        return self._path(name, "done")

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.{kind}"

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"the folder of this round, {self._folder}, cannot be used: {error.strerror}; look whether its disk is "
                "full, or name another at TMPDIR"
            ) from None


class _Turn:
    """Plays `Turn`."""

    def __init__(self, queue: FileQueue, name: str, tries: int) -> None:
        self.name, self.tries = name, tries
        self._queue = queue

    def end(self, ended: Ended) -> None:
        self._queue.end(self.name, ended)
