"""`rebalancer prices` as people type it: what files hold, what is wrong with them, and a market that never was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from given_prices import WHOLE, a_file

from rebalancer.cli import run
from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.reading import read_prices
from rebalancer.research.prices.synthetic import make_market


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """Both outputs, in one line however wide the terminal."""
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return " ".join((found.out + found.err).split())


def test_synthetic__as_a_command__writes_the_market_of_its_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    arguments = ["prices", "synthetic", "--seed", "4", "--days", "30", "--tokens", "A,B,C", "--out", str(out)]
    assert run([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    prices, made = read_prices([out]), make_market(4, 30, ("A", "B", "C"))
    assert prices.symbols == made.symbols and prices.usd.tolist() == made.usd.tolist()
    assert (found["first"], found["last"], found["times"], found["filled"]) == ("2020-01-01", "2020-01-30", 30, 0)
    assert [one["symbol"] for one in found["symbols"]] == ["A", "B", "C"]
    # What was written once is not written over.
    assert run(arguments) == ConfigError.exit_code
    assert "out.csv: exists, expected a name that is free" in said(capsys)


def test_synthetic__of_hours__is_read_again_over_its_midnights(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert run(["prices", "synthetic", "--days", "3", "--every", "1 h", "--out", str(out)]) == 0
    assert read_prices([out]).times.tolist() == make_market(1, 3, step=3_600).times.tolist()


def test_check__of_a_whole_file__shows_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "check", str(a_file(tmp_path, WHOLE))]) == 0
    found = said(capsys)
    assert "Prices 2024-01-01 to 2024-01-04, 4 times" in found
    assert "BTC 2024-01-01 4 0 42,000.5 41,500 -4.7%" in found and "ETH 2024-01-01 4 0 2,300 2,210 -6.4%" in found
    assert "from: prices.csv: 4 rows, wide, of BTC, ETH" in found and "mind" not in found


def test_check__of_files_with_holes__names_them_and_with_fill_writes_one_whole_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = a_file(tmp_path, WHOLE.replace("2350.25", ""))
    second = a_file(tmp_path, "time,UNI\n2024-01-01T00:00Z,5\n2024-01-02T00:00Z,6\n2024-01-04T00:00Z,7\n", "b.csv")
    out = tmp_path / "out.csv"
    arguments = ["prices", "check", str(first), str(second), "--out", str(out)]
    assert run([*arguments, "--json"]) == ConfigError.exit_code
    error = json.loads(capsys.readouterr().out)
    assert [line.split(": ")[:2] for line in error["message"].splitlines()] == [
        ["prices.csv:3", "column 3 (ETH)"],
        ["b.csv:4", "column 2 (UNI)"],
    ]
    assert not out.exists()
    assert run([*arguments, "--fill", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["filled"] == 2 and "carried over from the time before: 2 (ETH 1, UNI 1)" in found["notices"][1]
    assert "a date is taken as its first moment" in found["notices"][0]
    assert read_prices([out]).usd.tolist()[1:3] == [[43000, 2300, 6], [41000, 2200, 6]]


def test_check__from_a_day_on__leaves_out_what_was_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = a_file(tmp_path, WHOLE.replace(",2300", ","))
    assert run(["prices", "check", str(path)]) == ConfigError.exit_code
    assert "its history begins later: read from there on (--from 2024-01-02)" in said(capsys)
    assert run(["prices", "check", str(path), "--from", "2024-01-02"]) == 0
    assert "Prices 2024-01-02 to 2024-01-04, 3 times" in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere.csv"], "nowhere.csv: no such file"),
        (["check", "prices.csv", "--fill", "-1"], "--fill: saw -1, expected 0 to 1,000 times in a row"),
        (["check", "prices.csv", "--from", "x"], "--from: saw 'x', is no time, expected one such as 2024-03-01"),
        (["check", "prices.csv", "--from", "2030-01-01"], "0 rows of prices in the time that is asked for"),
        (
            ["check", "prices.csv", "--from", "2024-01-03", "--to", "2024-01-02"],
            "--from 2024-01-03 comes after --to 2024",
        ),
        (["defillama", "--tokens", "BTC", "--from", "2024-01-03", "--to", "2024-01-02"], "comes after --to 2024-01-02"),
        (["synthetic", "--out", "x.xlsx"], "--out x.xlsx: expected a name that ends in .csv or .parquet"),
        (["check", "prices.csv", "--out", "x"], "--out x: expected a name that ends in .csv or .parquet"),
        (["synthetic", "--days", "1"], "synthetic prices: 1 times, expected at least two"),
        (["synthetic", "--tokens", "A,A"], "saw the tokens 'A,A', expected each once, with commas between them"),
        (["synthetic", "--every", "1"], "--every: saw '1', expected a duration such as"),
        (["defillama"], "prices: no token is named, expected --tokens BTC,ETH or --config FILE"),
        (["defillama", "--tokens", "PEPE"], "no coin of DefiLlama's is known for 'PEPE'"),
        (["chainlink", "--config", "none.yaml"], "none.yaml: no such file; `rebalancer init` writes an example"),
    ],
)
def test_prices__of_what_cannot_be__says_what_and_ends_with_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    a_file(tmp_path, WHOLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert run(["prices", *arguments]) == ConfigError.exit_code
    assert words in said(capsys) and sorted(path.name for path in tmp_path.iterdir()) == ["prices.csv"]
