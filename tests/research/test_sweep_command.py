"""`rebalancer sweep`: lists in, tables or one JSON object out, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rebalancer.cli import run
from rebalancer.core.model import Back, Schedule
from rebalancer.research.flags import Flags
from rebalancer.research.grid import HOLD, study_and_grid
from rebalancer.research.study import read_market
from rebalancer.research.sweep import Configuration
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


def test_grid__several_costs__are_in_every_configuration_and_the_first_is_the_study() -> None:
    asked = replace(SYNTHETIC, band="5 %", return_to="target", fee="0.05 %,0.3 %", depth="1_000_000 USD,2_000_000 USD")
    study, found = study_and_grid(asked, read_market(asked))
    assert [(one.fee, one.depth) for one in found[:-1]] == [
        (Ppm(fee), Usd(depth * ONE)) for fee in (500, 3_000) for depth in (1_000_000, 2_000_000)
    ]
    assert set(study.frictions.fee) == {500} and set(study.frictions.depth) == {1_000_000 * ONE}


def test_grid__nothing_asked__is_a_usual_one_and_a_schedule_is_one_too() -> None:
    usual = grid()
    assert len(usual) == 35 and len(set(usual)) == 35
    (monthly, _) = grid(at="monthly")
    assert isinstance(monthly.every, Schedule) and monthly.band is None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--return-to", "optimal"], "--return-to optimal: these bands are computed anew"),
        (["--band", "5 %,x"], "--band: saw 'x', expected a percentage"),
        (["--every", "7 d,soon"], "--every: saw 'soon', expected a duration"),
        (["--fee", "0.3 %,120 %"], "--fee: saw '120 %'"),
        (["--depth", "1_000_000 USD,deep"], "--depth: saw 'deep'"),
        (["--dask", "tcp://127.0.0.1:1"], "--dask: no scheduler answers at 'tcp://127.0.0.1:1'"),
        (["--html", "/no/such/folder/x.html"], "--html /no/such/folder/x.html: expected a file that can be written"),
    ],
)
def test_sweep__what_cannot_be_done__is_named(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rebalancer.research.crew._PATIENCE", 0.5)
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


def test_sweep__for_people__says_first_what_is_out_of_sample(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "out.html"
    assert run(["sweep", "--synthetic", "2", "--walk", "rolling", "--html", str(page)]) == 0
    said = capsys.readouterr().out
    assert said.index("out of sample") < said.index("Looking back") < said.index("Break-even fees")
    assert "no promise" in said and "more than luck" in said
    assert page.stat().st_size > 1_000_000


def test_sweep__too_short_to_choose_and_judge__says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "--synthetic", "1", "--to", "2020-02-20", "--band", "5 %"]) == 0
    assert "nothing below is out of sample" in " ".join(capsys.readouterr().out.split())
