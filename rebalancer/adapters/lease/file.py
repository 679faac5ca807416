"""The lease of a wallet on this machine: a locked file, which the kernel lets go on any death."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rebalancer.core.errors import ConfigError

NAMELESS = "it has not said its name yet"


def own_name() -> str:
    """What the others are told of the one that holds a lease."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class FileLease:
    """Plays the port `Lease` with a file, whose content is the words of the one that holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def hold(self) -> Iterator[str | None]:
        handle = self._open()
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield os.pread(handle, 200, 0).decode(errors="replace").strip() or NAMELESS
                return
            self._sign(handle)
            yield None
        finally:
            os.close(handle)

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"the lock file {self._path} cannot be opened ({error.strerror}); its folder must be one that this "
                "account may write to: set XDG_STATE_HOME to another, the same for every keeper of the wallet"
            ) from None

    @staticmethod
    def _sign(handle: int) -> None:
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, own_name().encode(), 0)
        except OSError:
            # A full disk: it is the lock that counts, and who has it is said where there is room for it.
            return
