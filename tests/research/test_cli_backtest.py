"""`rebalancer backtest` and `rebalancer advise`, from flags to exit code."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from given_studies import walk

from rebalancer.cli import run

Output = pytest.CaptureFixture[str]


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """A hundred and thirty days of two tokens that wander, and rise by half a percent a day."""
    found = tmp_path / "prices.csv"
    up = 1.005 ** np.arange(130)[:, np.newaxis]
    rows = [f"{_day(number)},{row[0]},{row[1]}" for number, row in enumerate(walk(5, 130, 3) * up)]
    found.write_text("\n".join(("date,BTC,ETH", *rows)) + "\n")
    return found


def _day(number: int) -> str:
    return (datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=number)).strftime("%Y-%m-%d")


TARGETS = ("--targets", "BTC=40 %,ETH=40 %,USD=20 %", "--band", "5 %")


def test_backtest__as_json__is_one_object_that_adds_up(prices: Path, capsys: Output) -> None:
    assert run(["backtest", "--prices", str(prices), *TARGETS, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["times"] == 130
    assert found["start_usd"] == 100_000
    assert found["total_return"] == pytest.approx(found["end_usd"] / found["start_usd"] - 1)
    assert found["rebalances"] > 0
    assert found["fee_usd"] > 0
    assert set(found["benchmarks"]) == {"hold", "DCA", "calendar"}
    assert found["benchmarks"]["hold"]["fee_usd"] == 0
    assert sum(spell["share_of_time"] for spell in found["regimes"]) == pytest.approx(1)
    assert len(found["does_not_show"]) >= 8


def test_backtest__for_people__fits_a_screen_and_says_what_it_does_not_show(
    prices: Path, tmp_path: Path, capsys: Output
) -> None:
    page = tmp_path / "out.html"
    assert run(["backtest", "--prices", str(prices), *TARGETS, "--html", str(page)]) == 0
    said = capsys.readouterr().out
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "out.html" in said.replace("\n", "")
    assert "after fees, impact and gas; left alone" in said
    assert "What this does not show" in said
    assert "The tokens that died." in said
    assert len(said.splitlines()) <= 50


def test_backtest__made_up_prices__says_so_first(capsys: Output) -> None:
    days = ("--from", "2020-01-01", "--to", "2020-04-30")
    assert run(["backtest", "--synthetic", "3", *days, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["does_not_show"][0].startswith("Any market.")


def test_backtest__a_fee_of_nothing__is_played_as_a_millionth_and_says_so(prices: Path, capsys: Output) -> None:
    ends = []
    for fee in ("0 %", "0.0001 %"):
        assert run(["backtest", "--prices", str(prices), *TARGETS, "--fee", fee, "--json"]) == 0
        ends.append(json.loads(capsys.readouterr().out))
    free, least = ends
    assert [line for line in free["said"] if line.startswith("a fee of nothing (BTC, ETH) is played as 0.0001 %")]
    assert (free["end_usd"], free["fee_usd"]) == (least["end_usd"], least["fee_usd"])


def test_advise__in_its_object__the_figures_are_those_of_its_words(prices: Path, capsys: Output) -> None:
    assert run(["advise", "--prices", str(prices), *TARGETS[:2], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    outside = found["out_of_sample"]
    words, steps = found["words"][3], outside["begun_anew_each_step"]
    assert f"made {100 * steps['growth']:.1f} % {outside['growth_is']} after all costs" in words
    assert f"the middle of all rules {100 * steps['middle_growth']:.1f} %" in words
    assert f"holding {100 * steps['hold_growth']:.1f} %" in words
    assert f"made {100 * outside['growth']:.1f} %, and one left alone {100 * outside['hold_growth']:.1f} %" in words


def test_backtest__the_rule_of_lots__changes_the_tax_and_nothing_else(prices: Path, capsys: Output) -> None:
    found = {}
    for rule in ("fifo", "hifo"):
        assert (
            run(["backtest", "--prices", str(prices), *TARGETS[:2], "--every", "7 d", "--tax-lots", rule, "--json"])
            == 0
        )
        found[rule] = json.loads(capsys.readouterr().out)
    assert found["fifo"]["end_usd"] == found["hifo"]["end_usd"]
    assert int(found["hifo"]["tax_due_usd_e18"]) < int(found["fifo"]["tax_due_usd_e18"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--tax-short", "30"), "--tax-short: saw '30', expected a percentage such as `30 %`"),
        (("--tax-long", "300 %"), "--tax-long: saw '300 %', expected at most 100 %"),
        (("--tax-lots", "best"), "'best' is not one of 'fifo', 'lifo', 'hifo', 'average'"),
        (
            ("--html", "/nowhere/out.html"),
            "--html /nowhere/out.html: expected a file that can be written, saw: No such",
        ),
    ],
)
def test_backtest__a_flag_that_is_wrong__is_named(
    flags: tuple[str, ...], message: str, prices: Path, capsys: Output
) -> None:
    assert run(["backtest", "--prices", str(prices), *TARGETS, *flags]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_backtest__that_comes_to_nothing__leaves_the_report_that_was_there(
    tmp_path: Path, prices: Path, capsys: Output
) -> None:
    old, new = tmp_path / "old.html", tmp_path / "new.html"
    old.write_text("a report")
    for page in (old, new):
        asked = ["backtest", "--prices", str(prices), *TARGETS, "--band", "none", "--html", str(page)]
        assert run(asked) == 2
        assert "--band" in capsys.readouterr().err
    assert old.read_text() == "a report"
    assert not new.exists()


def test_advise__as_json__says_from_which_size_on(prices: Path, capsys: Output) -> None:
    asked = ["advise", "--prices", str(prices), *TARGETS[:2], "--start", "1_000", "--gas", "400 gwei", "--json"]
    assert run(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["big_enough"] is False
    assert int(found["least_sensible_usd_e18"]) > 1_000 * 10**18
    assert found["words"][0].startswith("Too small for its gas: ")
    assert found["configurations"] == 26


def test_advise__for_people__is_words_a_table_and_what_it_does_not_show(prices: Path, capsys: Output) -> None:
    assert run(["advise", "--prices", str(prices), *TARGETS[:2]]) == 0
    said = capsys.readouterr().out
    assert re.search(r"Out of sample, over 0\.2 years in 5 steps, each begun anew on target: .* in all after all", said)
    assert ", holding " in said
    assert "At the cheapest bands, by size" in said
    assert "What this does not show" in said
