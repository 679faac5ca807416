"""`rebalancer sweep`: lists in, tables or one JSON object out, and what is refused."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rebalancer.cli import run
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Back, Schedule
from rebalancer.research.model import Configuration
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.making import read_market
from rebalancer.research.sweep.grid import HOLD, study_and_grid
from rebalancer.units import ONE, Ppm, Usd

SYNTHETIC = Flags(synthetic=1, until="2021-01-01")
DAY = 86_400


def grid(**flags: str) -> tuple[Configuration, ...]:
    asked = replace(SYNTHETIC, **flags)
    return study_and_grid(asked, read_market(asked))[1]


def test_grid__bands_and_return_points__are_all_their_pairs_and_hold() -> None:
    found = grid(band="1 %,2.5 %", return_to="target,edge")
    assert [(one.band, one.back) for one in found[:-1]] == [
        (band * ONE // 1_000, back) for band in (10, 25) for back in (Back.TARGET, Back.EDGE)
    ]
    assert found[-1] == HOLD
    assert {(one.relative, one.every, one.fee, one.depth) for one in found} == {(None, None, None, None)}


def test_grid__bands_and_cadences__alone_and_together() -> None:
    found = grid(band="5 %", every="7 d,30 d", return_to="half")
    assert [(one.band is not None, one.every) for one in found] == [
        *[(True, None), (False, 7 * DAY), (False, 30 * DAY), (True, 7 * DAY), (True, 30 * DAY), (False, None)]
    ]
    only = grid(band="5 %", every="7 d,30 d", trigger="hybrid")
    assert [one.every for one in only] == [7 * DAY, 30 * DAY, None]


def test_grid__several_costs__are_in_every_configuration() -> None:
    asked = replace(SYNTHETIC, band="5 %", return_to="target", fee="0.05 %,0.3 %", depth="1_000_000 USD,2_000_000 USD")
    _, found = study_and_grid(asked, read_market(asked))
    assert [(one.fee, one.depth) for one in found[:-1]] == [
        (Ppm(fee), Usd(depth * ONE)) for fee in (500, 3_000) for depth in (1_000_000, 2_000_000)
    ]


@pytest.mark.parametrize("fee", ["0.05 %,0.3 %", "0.3 %,0.05 %"])
@pytest.mark.parametrize("depth", ["1_000_000 USD,2_000_000 USD", "2_000_000 USD,1_000_000 USD"])
def test_grid__several_costs_in_any_order__the_dearest_are_the_study(fee: str, depth: str) -> None:
    asked = replace(SYNTHETIC, band="5 %", return_to="target", fee=fee, depth=depth)
    study, _ = study_and_grid(asked, read_market(asked))
    assert set(study.frictions.fee) == {3_000} and set(study.frictions.depth) == {1_000_000 * ONE}


def test_grid__nothing_asked__is_a_usual_one_and_a_schedule_is_one_too() -> None:
    usual = grid()
    assert len(usual) == 35 and len(set(usual)) == 35
    (monthly, _) = grid(at="monthly")
    assert isinstance(monthly.every, Schedule) and monthly.band is None


def test_grid__more_than_a_million__is_refused_before_any_is_made() -> None:
    bands, cadences = (",".join(f"{at}{unit}" for at in range(1, 91)) for unit in (" %", " d"))
    fees = ",".join(f"0.{at:03} %" for at in range(1, 61))
    asked = replace(SYNTHETIC, band=bands, every=cadences, fee=fees, return_to="target,half,edge")
    market, before = read_market(asked), time.process_time()
    with pytest.raises(ConfigError, match=r"the lists ask for 1,479,600 configurations, expected at most 1,000,000"):
        study_and_grid(asked, market)
    assert time.process_time() - before < 1  # seconds: to make them takes more than ten


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--return-to", "optimal"], "--return-to optimal: these bands are computed anew"),
        (["--return-to", ""], "--return-to: saw '', expected one of"),
        (["--band", "5 %", "--every", "7 d", "--return-to", ""], "--return-to: saw '', expected one of"),
        (["--band", "5 %,x"], "--band: saw 'x', expected a percentage"),
        (["--every", "7 d,soon"], "--every: saw 'soon', expected a duration"),
        (["--fee", "0.3 %,120 %"], "--fee: saw '120 %'"),
        (["--depth", "1_000_000 USD,deep"], "--depth: saw 'deep'"),
        (["--dask", "tcp://127.0.0.1:1"], "--dask: no scheduler answers at 'tcp://127.0.0.1:1'"),
        (
            ["--depth", "10_000 USD", "--start", "100_000 USD"],
            "has pools of 10,000 USD for a portfolio of 100,000 USD, expected ",
        ),
        (["--html", "/no/such/folder/x.html"], "--html /no/such/folder/x.html: expected a file that can be written"),
    ],
)
def test_sweep__what_cannot_be_done__is_named(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rebalancer.research.sweep.crew._PATIENCE", 0.5)
    assert run(["sweep", "--synthetic", "1", "--to", "2020-06-01", *flags]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_sweep__as_json__is_one_object_with_every_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "--synthetic", "1", "--band", "2 %,5 %", "--every", "30 d", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["configurations"]) == 2 * 3 + 1 + 2 * 3 + 1
    assert found["configurations"][-1]["name"] == "hold" and found["configurations"][-1]["trades"] == 0
    assert len(found["walk_forward"]["folds"]) == 5
    assert found["skill"]["trials"] == 14
    assert {"than_hold", "than_calendar", "growth", "rule"} == set(found["break_even"][0])
    assert list(found["break_even"][0]["growth"]) == ["0.05 %", "0.1 %", "0.25 %"]
    assert found["left_out"] and found["said"]
    assert found["years"] > 1 and found["growth_is"] == found["walk_forward"]["growth_is"] == "a year"
    assert found["walk_forward"]["at_costs"] == "0.3 % fee"


def test_sweep__two_depths__break_even_rows_name_theirs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page, depths = tmp_path / "out.html", "1_000_000 USD,20_000_000 USD"
    asked = ["sweep", "--synthetic", "1", "--to", "2021-06-01", "--band", "5 %", "--return-to", "half"]
    assert run([*asked, "--depth", depths, "--json"]) == 0
    rules = [one["rule"] for one in json.loads(capsys.readouterr().out)["break_even"]]
    assert sorted(rules) == ["5 % to half, depth 1,000,000 USD", "5 % to half, depth 20,000,000 USD"]
    assert run([*asked, "--depth", depths, "--fee", "0.05 %,0.3 %", "--html", str(page)]) == 0
    rows = " ".join(capsys.readouterr().out.partition("Break-even fees")[2].split())
    sheet = page.read_text().partition("What fee it bears")[2]
    for depth in ("1,000,000", "20,000,000"):
        assert f"5 % to half, depth {depth} USD" in sheet and f"depth {depth} " in rows
    assert run([*asked, "--depth", "1_000_000 USD", "--json"]) == 0
    assert [one["rule"] for one in json.loads(capsys.readouterr().out)["break_even"]] == ["5 % to half"]


def test_sweep__for_people__says_first_what_is_out_of_sample(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "out.html"
    assert run(["sweep", "--synthetic", "2", "--walk", "rolling", "--html", str(page)]) == 0
    said = capsys.readouterr().out
    assert said.index("out of sample") < said.index("Looking back") < said.index("Break-even fees")
    assert "no promise" in said and "more than luck" in said
    assert page.stat().st_size > 1_000_000


def test_sweep__two_fees_in_any_order__the_walk_is_the_same_and_names_its_fee(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = []
    for fees in ("0.05 %,0.3 %", "0.3 %,0.05 %"):
        assert run(["sweep", "--synthetic", "2", "--to", "2021-06-01", "--band", "2 %,5 %", "--fee", fees]) == 0
        out = " ".join(capsys.readouterr().out.split())
        said.append(out[out.index("chosen 5 times") : out.index("deepest fall")])
    assert said[0] == said[1] and "at 0.3 % fee" in said[0]


def test_sweep__of_a_few_weeks__blows_nothing_up_to_a_year(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sweep", "--synthetic", "1", "--to", "2020-05-01", "--band", "5 %"]
    assert run(asked) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "a year" not in said.replace("of less than a year", "") and "in all" in said and "no Sharpe ratio" in said
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    one = found["configurations"][0]
    assert found["growth_is"] == "in all" and one["growth"] == pytest.approx(one["final"] / 100_000 - 1)
    assert one["sharpe"] is one["ahead"] is found["skill"] is found["ahead_of_hold"] is None
    assert found["walk_forward"]["sharpe"] is found["walk_forward"]["probability_above_zero"] is None


def test_sweep__dear_gas__is_in_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """What is said a year and what is said in all are of the same portfolio, and gas weighs more in a smaller one."""
    asked = ["sweep", "--synthetic", "1", "--every", "1 d", "--trigger", "calendar", "--gas", "50 gwei"]
    daily = []
    for start in (5_000_000, 50_000_000):
        assert run([*asked, "--start", f"{start} USD", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        walk = found["walk_forward"]
        assert (1 + walk["growth"]) ** walk["years"] == pytest.approx(walk["end_usd"] / start)
        daily.append(found["configurations"][0])
    small, large = daily
    assert small["growth"] < large["growth"] - 0.001 and small["drawdown"] > large["drawdown"] + 0.001
    assert min(abs(small[name] - large[name]) for name in ("sharpe", "ahead", "volatility")) > 0.001


def test_sweep__pools_that_are_thin__are_told(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sweep", "--synthetic", "1", "--to", "2020-06-01", "--band", "5 %", "--depth"]
    assert run([*asked, "400_000 USD"]) == 0
    assert "pools are thin for this portfolio" in " ".join(capsys.readouterr().out.split())
    assert run([*asked, "5_000_000 USD"]) == 0
    assert "pools are thin" not in capsys.readouterr().out


def test_sweep__too_short_to_choose_and_judge__says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "--synthetic", "1", "--to", "2020-02-20", "--band", "5 %"]) == 0
    assert "nothing below is out of sample" in " ".join(capsys.readouterr().out.split())
