"""The README's demo shows what the demo prints: word for word, but for figures, addresses and hashes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _shape(text: str) -> list[str]:
    """Lines with every address and number as one sign, and every run of blanks as one."""
    text = re.sub(r"0x[0-9a-fA-F]+", "@", text)
    return [line for raw in text.splitlines() if (line := re.sub(r"[\d.,]+", "#", " ".join(raw.split())))]


def test_readme__demo__is_what_the_demo_prints(tmp_path: Path) -> None:
    shown = re.search(r"\$ make demo\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [sys.executable, "-m", "rebalancer", "demo"],
        env={**os.environ, "COLUMNS": "100"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    assert _shape(shown.group(1)) == _shape(done.stdout)
