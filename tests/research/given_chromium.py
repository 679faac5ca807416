"""A headless Chromium that opens a file and tells what its console said.

The browser is an npm package of the tests. Its binary lies there compressed; it is unpacked once, into `.build`.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
UNPACKED = ROOT / ".build" / "chromium"
READY = "report ready"
_PATIENCE = 60
"""Seconds: drawing takes one or two, on a machine that does nothing else."""
_UNPACK = """
const { brotliDecompressSync } = require("node:zlib");
const { readFileSync, writeFileSync, renameSync } = require("node:fs");
const [from, to] = process.argv.slice(1);
// Two processes of the tests may do this at once.
const part = `${to}.${process.pid}`;
writeFileSync(part, brotliDecompressSync(readFileSync(from)), { mode: 0o755 });
renameSync(part, to);
"""
_LINE = re.compile(r'INFO:CONSOLE:?\d*[^\]]*\] "(?P<said>.*)", source: (?P<source>.*)')


@dataclass(frozen=True, slots=True)
class Said:
    """Lines of a page's console, and whether it has said that it is ready."""

    lines: tuple[str, ...]
    ready: bool


def browser() -> Path:
    """The binary, unpacked where it is not yet, or where another version is."""
    version = re.search(r'"version": "([^"]+)"', (PACKAGE / "package.json").read_text())
    assert version is not None
    found = UNPACKED / f"chromium-{version[1]}"
    if not found.exists():
        UNPACKED.mkdir(parents=True, exist_ok=True)
        packed = PACKAGE / "bin" / "chromium.br"
        subprocess.run(["node", "-e", _UNPACK, str(packed), str(found)], check=True, timeout=_PATIENCE)
    return found


def opened(page: Path, home: Path, *flags: str) -> Said:
    """What the page's console says until it is ready; the browser is ended then, or after `_PATIENCE`."""
    process = subprocess.Popen(
        [
            *(str(browser()), "--no-sandbox", "--headless", "--single-process", "--no-zygote", "--disable-gpu"),
            # What would draw without a graphics card is another archive of the package, which a page does not need.
            *("--use-gl=disabled", "--enable-logging=stderr", f"--user-data-dir={home}", *flags, page.as_uri()),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
    )
    try:
        return _read(process)
    finally:
        process.kill()
        process.wait()


def _read(process: subprocess.Popen[str]) -> Said:
    lines: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_pass_on, args=(process, lines), daemon=True).start()
    said: list[str] = []
    end = monotonic() + _PATIENCE
    while (left := end - monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except Empty:
            break
        if line is None:
            break
        found = _LINE.search(line)
        if found is not None and found["said"] == READY:
            return Said(tuple(said), ready=True)
        if found is not None:
            said.append(found["said"])
    return Said(tuple(said), ready=False)


def _pass_on(process: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.put(line)
    lines.put(None)
