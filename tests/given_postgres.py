"""A PostgreSQL of the tests' own: a cluster in a folder of its own, reached through its socket, gone with the session.

Debian's package has the programs; nothing of a server that may run on this machine is touched. initdb refuses root,
so root's tests run it as an account without rights. Where it cannot be had, tests are skipped and say why.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

ACCOUNT = "keeper"
"""The database's superuser. No password: nobody but this machine's account reaches the socket's folder."""
_PLACES = "/usr/lib/postgresql"  # Debian keeps the server's programs out of PATH, a folder for each version
_UNPRIVILEGED = ("postgres", "nobody")
_START_SECONDS = 60.0
# Nothing in it outlives the session: speed instead of safety. Messages in English: they are matched by words.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",
    "lc_messages": "C",
}


class NoPostgres(Exception):
    """There is none to be had here, and why."""


@dataclass(slots=True)
class Cluster:
    """A running server."""

    folder: Path
    programs: Path
    _server: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=lambda: count(1))
    _free: list[str] = field(default_factory=list)

    def url(self, database: str) -> str:
        """SQLAlchemy's, of a database of this server."""
        return f"postgresql+psycopg://{ACCOUNT}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of an empty database that nobody else has now."""
        if self._free:
            return self.url(self._free.pop())
        name = f"ledger_{os.getpid()}_{next(self._names)}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def give_back(self, url: str) -> None:
        """Empty a database for the next who asks: making and dropping one costs three hundred files each time."""
        name = url.split("@/")[1].split("?")[0]
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        self.psql(
            name,
            f"{ended} WHERE datname = current_database() AND pid <> pg_backend_pid();"
            f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; "
            f"GRANT USAGE ON SCHEMA public TO PUBLIC; ALTER DATABASE {name} RESET ALL",
        )
        self._free.append(name)

    def psql(self, database: str, statement: str) -> str:
        """What the server's own client says to a statement: rows by line, columns by `|`."""
        command = [self.programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", ACCOUNT]
        done = subprocess.run(
            [*command, "-d", database, "-c", statement], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self) -> None:
        """Begin to serve, and wait until it answers."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.programs / "postgres"), "-D", str(self._data), "-k", str(self.folder), *options]
        with open(self.folder / "log", "ab") as log:
            # With its starter it goes, so that a session that is killed leaves no server.
            self._server = subprocess.Popen(
                _as_nobody(["--pdeathsig", "QUIT"], command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > end:
                raise NoPostgres(f"it does not start: {(self.folder / 'log').read_text()[-400:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Let go of everything at once, as a server that loses its power. It can be started again."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(30)
            self._server = None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _answers(self) -> bool:
        asked = [self.programs / "pg_isready", "-q", "-h", self.folder, "-U", ACCOUNT, "-d", "postgres"]
        return subprocess.run(asked, check=False).returncode == 0


@contextmanager
def a_cluster() -> Iterator[Cluster]:
    """A server of its own, until the exit. Raises NoPostgres."""
    programs = _programs()
    # Not below pytest's folder: the account may not look into that, and a socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="pg_", dir="/tmp"))
    cluster = Cluster(folder, programs)
    try:
        _init(cluster)
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _init(cluster: Cluster) -> None:
    if os.geteuid() == 0:
        account = _unprivileged()
        os.chown(cluster.folder, account.pw_uid, account.pw_gid)
    settings = ["-U", ACCOUNT, "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync"]
    command = [str(cluster.programs / "initdb"), "-D", str(cluster.folder / "data"), *settings]
    done = subprocess.run(_as_nobody([], command), capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise NoPostgres(f"initdb failed: {done.stderr.strip()[-400:]}")


def _programs() -> Path:
    found = sorted(Path(_PLACES).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise NoPostgres("no initdb on this machine; `apt-get install postgresql` brings it")
    if shutil.which("setpriv") is None:
        raise NoPostgres("no setpriv on this machine; it is part of util-linux")
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


def _as_nobody(options: list[str], command: list[str]) -> list[str]:
    if os.geteuid() == 0:
        account = _unprivileged()
        options = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", *options]
    return ["setpriv", *options, *command] if options else command


def _unprivileged() -> pwd.struct_passwd:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in known:
            return known[name]
    raise NoPostgres(f"the tests run as root, and there is no account without rights ({' or '.join(_UNPRIVILEGED)})")
