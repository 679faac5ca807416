"""`rebalancer bound`: figures that can be worked out by hand, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from rebalancer.cli import run
from rebalancer.config import write_example
from rebalancer.units import ONE

SAFE, OPERATOR = "0x5aFE3855358E112B5647B952709E6165e1c1eEEe", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def _figures(capsys: pytest.CaptureFixture[str], *given: str) -> dict[str, int]:
    assert run(["bound", *given, "--json"]) == 0
    return {key: int(value) for key, value in json.loads(capsys.readouterr().out).items()}


def _config(folder: Path, **module: str) -> Path:
    path = folder / "rebalancer.yaml"
    write_example(path, SAFE, OPERATOR, "http://127.0.0.1:8545")
    content = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    if module:
        content["wallet"]["kind"] = "safe-module"
        content["module"] = module
    path.write_text(yaml.safe_dump(content))
    return path


def test_bound__of_the_published_example__is_0_375_percent_a_window(capsys: pytest.CaptureFixture[str]) -> None:
    seen = _figures(capsys, "T=30%", "s=0.5%", "L=0.5%", "b=0.75%", "window=1d", "nav=100_000")
    # min(0.5 %, 0.5 % · 30 %) + 0.75 % · 30 % = 0.15 % + 0.225 %
    assert seen["per_window_e18"] == ONE * 375 // 100_000
    assert seen["in_any_window_e18"] == 2 * seen["per_window_e18"]
    assert seen["per_month_e18"] == 31 * seen["per_window_e18"]
    assert seen["per_window_usd_e18"] == 375 * ONE


def test_bound__a_loss_below_the_shortfall_of_all_trades__binds(capsys: pytest.CaptureFixture[str]) -> None:
    seen = _figures(capsys, "T=30%", "s=1%", "L=0.1%", "b=0%")
    assert seen["per_window_e18"] == ONE // 1_000


def test_bound__in_one_go__is_of_the_drift(capsys: pytest.CaptureFixture[str]) -> None:
    seen = _figures(capsys, "T=30%", "s=0.5%", "L=0.5%", "b=0.75%", "drift=10%")
    # (0.5 % + 0.75 %) · 10 %
    assert seen["in_one_go_e18"] == ONE * 125 // 100_000
    seen = _figures(capsys, "T=30%", "s=0.5%", "L=0.5%", "b=0.75%", "drift=150%")
    assert seen["in_one_go_e18"] == seen["per_window_e18"], "the turnover binds first"


def test_bound__of_a_drift_between_two_percents__takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    seen = _figures(capsys, "T=100%", "s=1%", "L=10%", "b=0%", "drift=150.5%")
    assert (seen["drift_ppm"], seen["in_one_go_e18"]) == (1_505_000, ONE // 100), "the turnover binds first"
    seen = _figures(capsys, "T=100%", "s=1%", "L=10%", "b=0%", "drift=50.5%")
    assert seen["in_one_go_e18"] == ONE * 505 // 100_000


def test_bound__a_value_given_twice__is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bound", "T=1%", "s=1%", "T=2%"]) == 2
    assert "T: expected once, saw it again as 'T=2%'" in capsys.readouterr().err


def test_bound__between_two_units__is_rounded_up(capsys: pytest.CaptureFixture[str]) -> None:
    seen = _figures(capsys, "T=0.0001%", "s=0.0001%", "L=0.0001%", "b=0%", "window=7d")
    assert seen["per_window_e18"] == 10**6
    assert seen["per_month_e18"] == -(-(10**6) * 37 // 7)


def test_bound__of_a_configuration__takes_its_limits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = _config(tmp_path, max_turnover="10 %", max_loss="0.02 %", max_shortfall="1 %", window="2 d")
    seen = _figures(capsys, "-c", str(path))
    assert (seen["window"], seen["max_turnover_ppm"], seen["max_loss_ppm"]) == (2 * 86_400, 100_000, 200)
    assert seen["per_window_e18"] == ONE * 2 // 10_000 + ONE * 75 // 100_000
    assert _figures(capsys, "-c", str(path), "T=20%")["max_turnover_ppm"] == 200_000


def test_bound__of_a_configuration_without_a_module__is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["bound", "-c", str(_config(tmp_path))]) == 2
    assert "whoever has the key has all" in capsys.readouterr().err


def test_bound__for_people__says_that_b_is_no_constant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bound", "drift=20%", "nav=100_000"]) == 0
    said = capsys.readouterr().out
    assert "b is no constant" in said
    assert "375.00 USD" in said
    assert "11,625.00 USD" in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("T=30", "a bare 30 could mean two things"),
        ("T=101%", "expected at most 100 %"),
        ("T=-1%", "expected a percentage"),
        ("x=1%", "expected one of T="),
        ("30%", "expected one of T="),
        ("window=1min", "expected 1 h to 90 d"),
        ("drift=201%", "expected at most 200 %"),
        ("drift=200.0001%", "expected at most 200 %"),
        ("drift=²%", "expected a percentage"),
        ("drift=150", "a bare 150 could mean two things"),
        ("nav=much", "expected an amount of dollars"),
    ],
)
def test_bound__what_is_no_value__is_refused_in_words(
    capsys: pytest.CaptureFixture[str], given: str, words: str
) -> None:
    assert run(["bound", given]) == 2
    assert words in capsys.readouterr().err
