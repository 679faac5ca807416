"""A tick as a process of its own, that tells its steps, and can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from given_keeper import ROOT

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
        told, tell = os.pipe()
        command = [sys.executable, str(ROOT / "tests" / "ports" / "killable.py"), json.dumps(plan | {"tell": tell})]
        self._process = subprocess.Popen(
            [*command, "run", "--live", "--json", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(tell,),
            env={**os.environ, "XDG_STATE_HOME": str(state), "PYTHONPATH": str(ROOT)},
        )
        os.close(tell)
        self._told: IO[str] = os.fdopen(told)
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
        try:
            out, err = self._process.communicate(timeout=WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.communicate()
            out, err = json.dumps({"error": "hung", "message": f"not done after {WITHIN:g} s"}), ""
        seconds = time.monotonic() - self._began
        self._steps += [line.strip() for line in self._told]
        self._told.close()
        word, detail = _said(out, err)
        return Ran(self._process.returncode, word, detail, tuple(self._steps), seconds)


def _said(out: str, err: str) -> tuple[str, str]:
    try:
        found = json.loads(out)
    except ValueError:
        return "nothing", err[-2_000:]
    return str(found.get("outcome", found.get("error"))), str(found.get("detail", found.get("message")))
