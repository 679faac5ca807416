"""What stands around the figures of `backtest`, `sweep` and `advise`: in the terminal, in JSON and on the page."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from given_studies import walk

from rebalancer.cli import run
from rebalancer.config.example import write_example
from rebalancer.market.addresses import checksum_address

Output = pytest.CaptureFixture[str]
COMMANDS = ("backtest", "sweep", "advise")
TARGETS = ("--targets", "BTC=40 %,ETH=40 %,USD=20 %")
JUMP = "more likely a unit, or another token, than a market"


def day(number: int) -> str:
    return (datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=number)).strftime("%Y-%m-%d")


@pytest.fixture
def jumping(tmp_path: Path) -> Path:
    """A hundred days of two tokens; one is told in another unit from the fiftieth on."""
    found = tmp_path / "prices.csv"
    rows = (f"{day(at)},{row[0] * (1 if at < 50 else 150)},{row[1]}" for at, row in enumerate(walk(5, 100, 3)))
    found.write_text("\n".join(("date,BTC,ETH", *rows)) + "\n")
    return found


@pytest.fixture
def config(tmp_path: Path) -> tuple[Path, Path]:
    """The example, and prices of all its tokens for seventy days."""
    path, prices = tmp_path / "rebalancer.yaml", tmp_path / "all.csv"
    write_example(path, wallet=checksum_address("0x" + "5a" * 20), operator=checksum_address("0x" + "0a" * 20))
    rows = (f"{day(at)},{','.join(map(str, row[:4]))}" for at, row in enumerate(walk(5, 70, 5)))
    prices.write_text("\n".join(("date,ETH,BTC,LINK,UNI", *rows)) + "\n")
    return path, prices


def said(asked: list[str], capsys: Output) -> str:
    assert run(asked) == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "figures"), [("backtest", "100,000 USD became"), ("sweep", "configurations over"), ("advise", "• ")]
)
def test_command__prices_that_jump__warns_above_all_figures(
    command: str, figures: str, jumping: Path, capsys: Output
) -> None:
    """What was asked, and what was taken for what, stands below them."""
    out = said([command, "--prices", str(jumping), *TARGETS], capsys)
    assert out.startswith("warning: prices.csv:52: BTC goes from") and out.count(JUMP) == 1
    assert out.index(JUMP) < out.index(figures) < out.index("asked: ") < out.index("taken: gas is taken at 20 gwei")
    assert "pool fee 0.3 % in every pool; depth without end" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_command__as_json__has_warnings_what_was_asked_and_what_was_taken_apart(
    command: str, jumping: Path, capsys: Output
) -> None:
    assert run([command, "--prices", str(jumping), *TARGETS, "--start", "5_000 USD", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (warned,) = found["warned"]
    assert JUMP in warned and warned not in found["said"]
    assert found["said"][0].startswith("gas is taken at 20 gwei")
    asked = found["asked"]
    assert asked["start"] == "5,000 USD, all on target" and asked["prices"].startswith(str(jumping))
    assert re.fullmatch(r"rebalancer \d+\.\d+\.\d+", asked["program"])
    assert ("policy" in asked) == (command == "backtest") and ("tried" in asked) == (command != "backtest")


@pytest.mark.parametrize("command", COMMANDS[:2])
def test_page__of_made_up_prices_and_a_usual_gas__says_both_and_the_first_above_the_headline(
    command: str, tmp_path: Path
) -> None:
    page = tmp_path / "out.html"
    assert run([command, "--synthetic", "3", "--to", "2020-04-30", "--band", "5 %", "--html", str(page)]) == 0
    text = re.sub(r"<script>.*?</script>", "", page.read_text(), flags=re.DOTALL)
    above, below = text.split('<p class="lead">')
    assert "prices are made up (seed 3)" in above
    assert "gas is taken at 20 gwei throughout" in below and "<summary>What was asked</summary>" in below
    assert "<strong>program</strong> rebalancer " in below


@pytest.mark.parametrize(("command", "flag"), [("sweep", ()), ("advise", ()), ("sweep", ("--band", "2 %"))])
def test_command__usual_bands_that_do_not_fit_the_targets__are_left_out_and_it_says_which(
    command: str, flag: tuple[str, ...], config: tuple[Path, Path], capsys: Output
) -> None:
    """Of the example UNI is 10 %."""
    files = ("--config", str(config[0]), "--prices", str(config[1]), "--map", "USDC=USD")
    assert run([command, *files, *flag, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    left_out = [line for line in found["said"] if "not tried" in line]
    assert len(left_out) == (0 if flag else 1)
    assert all(line.startswith("bands of 10 %, 15 % are not tried: the target of UNI is 10 %") for line in left_out)
    bands = found["asked"]["tried"].split("bands of ")[1]
    assert bands.startswith("2 %;" if flag else "1 %, 2 %, 3 %, 5 %, 7.5 %") and "15 %" not in bands


def test_backtest__targets_that_follow_from_prices__says_how_often_they_moved_or_why_never(
    config: tuple[Path, Path], capsys: Output
) -> None:
    path, prices = config
    plain = path.read_text()
    files = ("--config", str(path), "--prices", str(prices), "--map", "USDC=USD")
    found = []
    for since in ("2026-01-01", "2022-01-01"):
        path.write_text(
            plain.replace("cash: USDC", f"targets: {{method: equal, step: 5 %, since: {since}}}\ncash: USDC")
        )
        assert run(["backtest", *files, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    never, moved = found
    assert never["targets_moved"]["times"] == 0 and moved["targets_moved"]["times"] == 2
    assert never["targets_moved"]["why_never"].startswith("they move from 2026-01-01 on (targets.since)")
    assert moved["targets_moved"]["why_never"] is None
    assert never["targets_moved"]["last"] == never["targets"] != moved["targets_moved"]["last"]
    assert any(line.startswith("targets: equal never moved them") for line in never["said"])
    assert any(line.startswith("targets: equal moved them 2 times, from WETH 30 %") for line in moved["said"])
