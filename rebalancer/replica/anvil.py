"""One anvil process: a port goes in, a node that answers comes out, and nothing is left when it ends.

Every way in which it does not come up is a `ConfigError` with the end of what anvil itself said.
"""

from __future__ import annotations

import ctypes
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.replica.bytecode import PACKAGE

HOST = "127.0.0.1"
START_TIMEOUT = 20.0
"""Seconds. It takes 0.1 s on an idle machine."""
STOP_TIMEOUT = 5.0
PR_SET_PDEATHSIG = 1
"""prctl(2) of Linux: the signal that a child gets when the thread that started it ends."""
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Loaded here, because a child between fork and exec should load nothing."""


def find_anvil() -> str:
    """The binary itself out of the npm package (the package's wrapper would start node first), else PATH."""
    for root in (PACKAGE.parent, Path.cwd()):
        for found in sorted(root.glob("node_modules/@foundry-rs/anvil-*/bin/anvil")):
            return str(found)
    on_path = shutil.which("anvil")
    if on_path is None:
        raise ConfigError("anvil was found neither in node_modules/@foundry-rs nor on PATH: run `npm ci`")
    return on_path


class Anvil:
    """A running node. `close` ends it and removes its files.

    On Linux it also ends with the thread that started it, so that a killed test run leaves no node behind:
    start it from a thread that lives as long as the node should.
    """

    def __init__(self, port: int | None, arguments: Sequence[str], timeout: float = START_TIMEOUT) -> None:
        self.port = port if port is not None else _free_port()
        if port is not None and _answers(port):
            raise ConfigError(f"port {port} is taken: stop what listens there, or choose another port")
        self.url = f"http://{HOST}:{self.port}"
        self._folder = tempfile.TemporaryDirectory(prefix="rebalancer-replica-")
        self._log = Path(self._folder.name) / "stderr"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [find_anvil(), "--host", HOST, "--port", str(self.port), "--quiet", *arguments]
                # Old states spill to disk; by default that is the home directory, and stays there.
                + ["--cache-path", self._folder.name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                preexec_fn=_die_with_parent if LIBC is not None else None,
            )
        try:
            self._wait(timeout)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the process, gently, then not. May be called twice."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._folder.cleanup()

    def stderr_tail(self) -> str:
        """The last lines that anvil wrote to its error output."""
        text = self._log.read_text(errors="replace") if self._log.is_file() else ""
        return " | ".join(line.strip() for line in text.splitlines()[-10:] if line.strip()) or "it said nothing"

    def _wait(self, timeout: float) -> None:
        rpc = Rpc(self.url, timeout=1.0)
        give_up = time.monotonic() + timeout
        while time.monotonic() < give_up:
            code = self.process.poll()
            if code is not None:
                raise ConfigError(f"anvil ended with {code} before it answered on port {self.port}: {self._said()}")
            try:
                rpc.call("eth_chainId")
            except Unavailable:
                time.sleep(0.02)
            else:
                rpc.close()
                return
        raise ConfigError(f"anvil did not answer on port {self.port} within {timeout:g} s: {self._said()}")

    def _said(self) -> str:
        return f"{self.stderr_tail()}; run anvil by hand to see more"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def _die_with_parent() -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
