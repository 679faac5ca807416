"""The reports: what they say, that they need nothing else, and that a browser draws them without a complaint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from given_chromium import PACKAGE, opened
from given_reviews import TOLD, reviewed
from given_studies import study_of, walk
from given_sweeps import swept

from rebalancer.core.model import Back
from rebalancer.research.advice import tried
from rebalancer.research.asked import Told
from rebalancer.research.model import Configuration
from rebalancer.research.report.lines import MOST_POINTS, most_points, wealth_axis
from rebalancer.research.report.page import make_page
from rebalancer.research.report.parts import Picture, Points, Sheet, numbers
from rebalancer.research.report.review_page import review_page, review_parts
from rebalancer.research.report.sweep_figures import picture_folds, pictures_heat
from rebalancer.research.report.sweep_page import headline, sweep_page, sweep_parts
from rebalancer.research.sweep.model import SweepResult
from rebalancer.research.sweep.words import configuration_words
from rebalancer.units import ONE, Ppm, Usd, Weight

BROWSER = pytest.mark.skipif(not PACKAGE.exists(), reason=f"no browser: `npm ci` brings {PACKAGE.name}")
EVIL = "<img/src=x/onerror=alert(1)>"


def sweep_of(*, evil: bool = False) -> SweepResult:
    study = study_of(walk(5, 400, 3), ("BTC", EVIL if evil else "ETH", "USD"))
    return swept(study, tried())


def _evil() -> Told:
    return Told((EVIL,), ((EVIL, EVIL),), (f"{EVIL} is taken for ETH",))


def drawn(page: str) -> list[dict[str, object]]:
    """The pictures that a page draws."""
    found = re.search(r'<script type="application/json" id="pictures">(.*?)</script>', page)
    assert found is not None
    pictures: list[dict[str, object]] = json.loads(found[1])
    return pictures


@BROWSER
def test_report__of_a_backtest_in_a_browser__is_drawn_and_says_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "backtest.html"
    page.write_text(review_page(reviewed(symbols=("BTC", EVIL, "USD"), told=_evil())))
    said = opened(page, tmp_path)
    assert (said.lines, said.ready) == ((), True)


@BROWSER
def test_report__of_a_sweep_in_a_browser__is_drawn_and_says_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "sweep.html"
    page.write_text(sweep_page(sweep_of(evil=True), _evil()))
    said = opened(page, tmp_path)
    assert (said.lines, said.ready) == ((), True)


@BROWSER
def test_report__somebody_has_slipped_a_script_in__the_page_does_not_run_it(tmp_path: Path) -> None:
    """Its own policy says which scripts may run; the refusal is what stands in the console."""
    page = tmp_path / "broken.html"
    page.write_text(make_page("t", (), ()).replace("<main>", "<main><script>console.log('in')</script>"))
    said = opened(page, tmp_path)
    assert said.ready
    assert len(said.lines) == 1
    assert "Content Security Policy" in said.lines[0]


def test_report__names_with_tags__are_text_everywhere() -> None:
    page = review_page(reviewed(days=120, symbols=("BTC", EVIL, "USD"), told=_evil()))
    assert EVIL not in page
    assert "&lt;img/src=x/onerror=alert(1)&gt;" in page


def test_report__the_page__asks_the_network_for_nothing() -> None:
    page = review_page(reviewed(days=120))
    ours = page.replace(re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[0], "")
    assert "default-src 'none'" in page
    assert re.findall(r"(?:src|href)=\"(?!data:,)|url\(|@import|https?://", ours) == []


def test_report__a_backtest__has_every_part_of_it() -> None:
    parts = review_parts(reviewed())
    assert [part.title for part in parts] == [
        "What it was worth",
        "What this does not show",
        "Measures",
        "Falls below the last peak",
        *("BTC", "ETH", "USD"),
        *("What trading cost, by year", "Tax due, by year"),
        "By the market of the time",
        "Tax by year, USD",
        f"The newest {_trades()} of {_trades()} rebalances",
        "What was asked",
        "What was taken for what",
    ]


@pytest.mark.parametrize("page", [lambda: review_page(reviewed(days=120)), lambda: sweep_page(sweep_of(), TOLD)])
def test_report__what_may_make_all_of_it_wrong__stands_above_the_headline_and_the_rest_below(
    page: Callable[[], str],
) -> None:
    text = re.sub(r"<script>.*?</script>", "", page(), flags=re.DOTALL)
    above, below = text.split('<p class="lead">')
    assert "ETH goes from 1 to 100" in above and "ETH goes from 1 to 100" not in below
    for said in ("<summary>What was asked<", "pool fee</strong> 0.3 %", "What was taken for what", "WETH is ETH"):
        assert said in below and said not in above


def test_report__nothing_to_warn_of__has_no_section_of_it() -> None:
    assert "Look here first" not in review_page(reviewed(days=120, told=Told()))


def _trades() -> int:
    return len(reviewed().ours.backtest.trades)


def test_report__what_it_does_not_show__stands_out_and_is_complete() -> None:
    found = reviewed()
    loud = [part for part in review_parts(found) if isinstance(part, Points) and part.loud]
    assert [part.lines for part in loud] == [tuple((c.what, c.why) for c in found.caveats)]
    assert len(found.caveats) >= 8


def test_report__the_wealth_picture__ends_where_the_measures_do() -> None:
    found = reviewed()
    wealth = next(part for part in review_parts(found) if isinstance(part, Picture) and part.name == "wealth")
    assert [trace["name"] for trace in wealth.traces] == ["this policy", "hold", "DCA", "calendar"]
    for trace, judged in zip(wealth.traces, found.all, strict=True):
        assert trace["y"][-1] == pytest.approx(judged.measures.end, rel=1e-5)


def test_report__the_weight_of_an_asset__steps_at_a_trade_and_has_its_band() -> None:
    found = reviewed()
    picture = next(part for part in review_parts(found) if isinstance(part, Picture) and part.title == "BTC")
    upper, lower = (trace["y"][0] for trace in picture.traces[:2])
    assert sorted((upper, lower)) == [28.33, 38.33]
    weight = next(trace for trace in picture.traces if trace.get("name") == "weight")
    first = found.ours.backtest.trades[0].at
    assert weight["x"][2 * first] == weight["x"][2 * first + 1]
    assert weight["y"][2 * first + 1] == pytest.approx(33.33, abs=0.01)
    marks = [len(trace["x"]) for trace in picture.traces if trace["mode"] == "markers"]
    assert sum(marks) == len(found.ours.backtest.trades)


def test_report__many_times__are_drawn_as_far_as_an_eye_sees() -> None:
    places = most_points(100_000)
    assert (len(places), places[0], places[-1]) == (MOST_POINTS, 0, 99_999)
    assert most_points(3).tolist() == [0, 1, 2]


def test_axis__a_line_that_grows_tenfold__is_logarithmic_with_round_ticks() -> None:
    _, axis = wealth_axis([np.array([100_000.0, 1_500_000.0])])
    assert axis["type"] == "log"
    assert axis["tickvals"] == [50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000]
    assert "type" not in wealth_axis([np.array([100.0, 150.0])])[1]
    assert "type" not in wealth_axis([np.array([100.0, -1.0, 500.0])])[1]


def test_numbers__what_is_none__is_a_gap_and_no_word_that_json_does_not_know() -> None:
    assert numbers([1 / 3, float("nan"), 2e9]) == [0.333333, None, 2e9]


def test_page__a_table__names_its_rows_and_explains_them() -> None:
    page = make_page("t", ("lead",), (Sheet("S", ("", "a"), (("row", "1 < 2"),), how=("by counting",)),))
    assert '<th scope="row">row<span class="how">by counting</span></th><td>1 &lt; 2</td>' in page


def test_sweep__its_headline__is_out_of_sample() -> None:
    assert headline(sweep_of()).startswith(
        "Out of sample: choosing by the past grew 12.0 % a year after all costs, at 0.3 % fee, over 1.5 years in 5 "
        "steps; left alone 7.0 %. Sharpe ratio 0.90, deepest fall 40.0 %."
    )


def test_sweep__its_parts__start_with_the_walk_and_end_with_hindsight() -> None:
    titles = [part.title for part in sweep_parts(sweep_of())]
    assert titles[:3] == [
        "Walk-forward: what the best of the past came to afterwards",
        "Each step of it",
        "What this does not show",
    ]
    assert titles[-1] == "With hindsight: the best of all"
    assert "What fee it bears" in titles


def test_heat__bands_and_calendars__the_pair_that_fills_most_and_holes_where_nothing_was_tried() -> None:
    growth = pictures_heat(sweep_of())[0].traces[0]
    assert growth["x"] == ["–", "1 %", "2 %", "3 %", "5 %", "7.5 %", "10 %", "15 %"]
    assert growth["y"] == ["to the edge", "to half", "to the target"]
    assert growth["z"][0][0] is None
    assert growth["z"][2][4] == pytest.approx(9.9)


def test_heat__one_configuration__is_no_map() -> None:
    study = study_of(walk(5, 400, 3))
    assert pictures_heat(swept(study, [Configuration(None, None, Back.TARGET, 86_400, None, None)])) == ()


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (Configuration(None, None, Back.TARGET, None, None, None), "hold"),
        (Configuration(None, None, Back.EDGE, 7 * 86_400, None, None), "every 7 d"),
        (Configuration(Weight(ONE // 20), None, Back.HALF, None, None, None), "5 % to half"),
        (
            Configuration(Weight(ONE // 20), Weight(ONE // 4), Back.EDGE, 86_400, Ppm(500), Usd(10**6 * ONE)),
            "5 % or 25 % of the target to the edge, looks every 1 d, fee 0.05 %, depth 1,000,000 USD",
        ),
    ],
)
def test_words__of_a_configuration__say_all_of_it(one: Configuration, words: str) -> None:
    assert configuration_words(one) == words


def test_sweep__of_less_than_a_year__blows_nothing_up_to_one() -> None:
    found = sweep_of()
    assert found.walk is not None
    short = replace(found.walk, years=0.4, sharpe=None, skill=None)
    asked = replace(found, years=0.6, walk=short, skill=None, ahead=None)
    said = sweep_page(asked, TOLD)
    assert "grew 12.0 % in all" in said and "a year carries no Sharpe ratio" in said
    assert "Sharpe ratio 0" not in said and "Growth a year" not in said


def test_folds__of_a_walk__are_totals_out_of_sample() -> None:
    found = sweep_of()
    assert found.walk is not None
    picture = picture_folds(found, found.walk)
    assert [trace["name"] for trace in picture.traces] == ["chosen by the past", "the middle of all", "hold"]
    assert "as a whole" in picture.caption
