"""A tick as a process of its own, that tells its steps, and can be killed.

It is forked off one that has imported the program and done nothing else: importing takes longer than the tick.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from killable import ERR, IMPORTED, OUT, tick

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(list(IMPORTED))
WITHIN = 300.0
"""Seconds that a tick may take, on a machine that does much else."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A tick as its parent saw it. `steps` are those that it came to; of one that was killed, the last is where."""

    code: int
    word: str
    detail: str
    steps: tuple[str, ...]
    seconds: float
    """From its first step on."""

    @property
    def killed(self) -> bool:
        return self.code < 0

    @property
    def busy(self) -> bool:
        """It left because another keeper was at work."""
        return self.detail.startswith("another keeper is at work")


class Process:
    """A tick under way."""

    def __init__(self, config: Path, state: Path, plan: dict[str, object]) -> None:
        told, tell = FORKED.Pipe(duplex=False)
        self._said = tempfile.TemporaryDirectory(prefix="rebalancer-tick-")
        arguments = ("run", "--live", "--json", "--config", str(config))
        self._process = FORKED.Process(target=tick, args=(plan, tell, arguments, (str(state), self._said.name)))
        self._process.start()
        tell.close()
        self._told: IO[str] = os.fdopen(os.dup(told.fileno()))
        told.close()
        self._steps: list[str] = []
        self._began = 0.0

    def begin(self) -> None:
        """Wait for its first step, or its end."""
        if not self._began:
            self._steps += [line.strip() for line in (self._told.readline(),) if line]
            self._began = time.monotonic()

    def kill(self) -> None:
        """At once, wherever it is."""
        self._process.kill()

    def end(self) -> Ran:
        """Wait for it."""
        self.begin()
        self._process.join(WITHIN)
        hung = self._process.exitcode is None
        if hung:
            self.kill()
            self._process.join()
        seconds = time.monotonic() - self._began
        self._steps += [line.strip() for line in self._told]
        self._told.close()
        out, err = ((Path(self._said.name) / name).read_text() for name in (OUT, ERR))
        self._said.cleanup()
        word, detail = ("hung", f"not done after {WITHIN:g} s") if hung else _said(out, err)
        return Ran(int(self._process.exitcode or 0), word, detail, tuple(self._steps), seconds)


def _said(out: str, err: str) -> tuple[str, str]:
    try:
        found = json.loads(out)
    except ValueError:
        return "nothing", err[-2_000:]
    return str(found.get("outcome", found.get("error"))), str(found.get("detail", found.get("message")))
