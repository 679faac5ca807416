"""A PostgreSQL that falls silent: its connections stay open, and no answer comes."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from given_postgres import ACCOUNT, Cluster


@contextmanager
def a_silent_server(cluster: Cluster, url: str, word: bytes) -> Iterator[str]:
    """The URL of a server, reached over TCP, that answers nothing more as soon as it has heard `word`.

    Its connections stay open, as those of a machine that has stopped: only who waits can say that it is too long.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    ends = [listener]

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{cluster.folder}/.s.PGSQL.5432")
            ends.extend((client, server))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_passed_on, args=(one, other, word), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        database = url.partition("?")[0].rpartition("/")[2]
        yield f"postgresql+psycopg://{ACCOUNT}@127.0.0.1:{listener.getsockname()[1]}/{database}"
    finally:
        for end in ends:
            end.close()


def _passed_on(one: socket.socket, other: socket.socket, word: bytes) -> None:
    try:
        while (heard := one.recv(1 << 16)) and word not in heard:
            other.sendall(heard)
    except OSError:
        return


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """All processes of a server stand still, and its sockets stay open: as those of a machine that is out of memory."""
    server = int((cluster.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    stopped = [server]
    try:
        os.kill(server, signal.SIGSTOP)
        while _state(server) != "T":
            time.sleep(0.001)
        # Only now: it has no more children from here on, and those that end are not reaped.
        stopped += map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())
        for process in stopped[1:]:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in stopped:
            with suppress(ProcessLookupError):  # one whose client has gone meanwhile ends as soon as it may
                os.kill(process, signal.SIGCONT)


def _state(process: int) -> str:
    """As /proc says it, in a letter: T is stopped."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
