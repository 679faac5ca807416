"""`rebalancer correlations` of files: what is shown, and what is refused."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rebalancer.cli import run
from rebalancer.config.example import write_example
from rebalancer.market.addresses import checksum_address


def said(*arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(("correlations", *arguments))
    return code, out.getvalue() + err.getvalue()


def object_of(*arguments: str) -> Any:
    code, text = said(*arguments, "--json")
    assert code == 0, text
    return json.loads(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A year of A, its twin B, and C."""
    dice = np.random.default_rng(4).standard_normal((400, 3)) * 0.03
    dice[:, 1] = dice[:, 0] + dice[:, 1] / 5
    days = np.datetime64("2024-01-01") + np.arange(400)
    prices = 100 * np.exp(np.cumsum(dice, axis=0))
    rows = [f"{day},{','.join(f'{price:.6f}' for price in row)}" for day, row in zip(days, prices, strict=True)]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(["date,A,B,C", *rows]) + "\n")
    return path


def test_correlations__of_a_file__names_the_twins(file: Path) -> None:
    found = object_of("--prices", str(file))
    assert found["clusters"] == [["A", "B"]] and found["pairs"][0]["pair"] == ["A", "B"]
    assert [round(one["weight"], 4) for one in found["assets"]] == [0.3333, 0.3333, 0.3333]
    assert found["samples"] == 399 and found["worst_days"] == 40
    code, text = said("--prices", str(file))
    assert code == 0 and "suggests: A and B move together" in text and "if constant" in text
    assert set(found["crashes"]) == {"correlation", "if_constant", "if_constant_once_in_twenty_above", "more"}


def test_correlations__of_targets_and_what_is_beside__tries_a_tenth_of_it(file: Path) -> None:
    found = object_of("--prices", str(file), "--targets", "A=70 %,B=30 %", "--beside", "C")
    assert {one["token"]: one["weight"] for one in found["assets"]} == {"A": 0.7, "B": 0.3}
    (candidate,) = found["candidates"]
    assert candidate["token"] == "C" and candidate["ratio"] > found["ratio"]


def test_correlations__of_a_file_but_one_column__holds_the_others(file: Path) -> None:
    found = object_of("--prices", str(file), "--beside", "B")
    assert [one["token"] for one in found["assets"]] == ["A", "C"] and found["candidates"][0]["token"] == "B"


def test_correlations__of_some_days__are_of_those(file: Path) -> None:
    found = object_of("--prices", str(file), "--from", "2024-02-01", "--to", "2024-05-01")
    assert found["samples"] == 90


def test_correlations__of_a_dollar__leaves_it_out(file: Path) -> None:
    found = object_of("--prices", str(file), "--targets", "A=40 %,C=40 %,USD=20 %")
    assert found["still"] == ["USD"] and found["symbols"] == ["A", "C"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--targets", "A=70 %,B=20 %"), "--targets: they sum to 90 %, expected exactly 100 %"),
        (("--targets", "A=70 %,Z=30 %"), "Z"),
        (("--beside", "Z"), "Z"),
        (("--beside", ""), "--beside: saw '', expected symbols, several parted by commas"),
        (("--from", "2024-05-01", "--to", "2024-05-20"), "19 returns of one day, expected at least 30"),
        (("--from", "yesterday"), "--from"),
    ],
)
def test_correlations__of_what_is_wrong__is_refused_in_words(
    file: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, text = said("--prices", str(file), *arguments)
    assert code == 2 and words in text and "Traceback" not in text


def test_correlations__without_prices_or_configuration__says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = said()
    assert code == 2 and "rebalancer.yaml: no such file" in text


def test_correlations__of_a_configuration_whose_window_no_price_lies_in__trades_nothing_and_needs_none(
    tmp_path: Path, file: Path
) -> None:
    config = tmp_path / "rebalancer.yaml"
    write_example(config, wallet=checksum_address("0x" + "5a" * 20), operator=checksum_address("0x" + "0a" * 20))
    window = '  window: {hours: "08:00-17:00"}'
    config.write_text(config.read_text().replace("  kind: threshold", f"  kind: threshold\n{window}"))
    maps = ("WETH=A", "WBTC=B", "LINK=C", "UNI=C", "USDC=USD")
    flags = ("--config", str(config), "--prices", str(file), *(each for name in maps for each in ("--map", name)))
    assert {one["token"] for one in object_of(*flags)["assets"]} == {"WETH", "WBTC", "LINK", "UNI"}
