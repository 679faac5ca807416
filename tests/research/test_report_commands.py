"""The reports that the commands write, opened in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_chromium import PACKAGE, opened

from rebalancer.cli import run

pytestmark = pytest.mark.skipif(not PACKAGE.exists(), reason=f"no browser: `npm ci` brings {PACKAGE.name}")
MARKET = ("--synthetic", "3", "--from", "2020-01-01", "--to", "2020-06-30", "--targets", "BTC=40 %,ETH=40 %,USD=20 %")
GRID = ("--band", "2 %,5 %,10 %", "--return-to", "target,half", "--fee", "0.05 %,0.3 %")


@pytest.mark.parametrize(
    "asked", [("backtest", *MARKET, "--band", "5 %"), ("sweep", *MARKET, *GRID)], ids=lambda a: a[0]
)
def test_html__of_a_command__opens_without_a_word_on_the_console(asked: tuple[str, ...], tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    assert run([*asked, "--html", str(page)]) == 0
    said = opened(page, tmp_path)
    assert (said.lines, said.ready) == ((), True)
