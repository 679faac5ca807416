"""All that is told of a study, and what stands beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_reviews import TAX, played, reviewed
from given_studies import bands, policy_of, study_of, tokens_of, walk

from rebalancer.core.model import Back, Calendar, Drawn, Hybrid, Optimal, Threshold, Width
from rebalancer.research.benchmarks import EVERY
from rebalancer.research.caveats import caveats, sharpe_error
from rebalancer.research.edges import edges_of
from rebalancer.research.measures import measure
from rebalancer.research.review import Given, review
from rebalancer.research.review_words import NONE, headline, measure_head, measure_rows, spell_rows, tax_words
from rebalancer.units import ONE, Usd, Weight

BTC, ETH = TOKENS = tokens_of("BTC", "ETH")
HALVES = np.array([[0.5, 0.5], [0.5, 0.5], [0.2, 0.8]])


def test_edges__points_and_a_share_of_the_target__the_nearer_counts() -> None:
    widths = (Width(BTC, Weight(ONE // 20), Weight(ONE // 5)), Width(ETH, None, Weight(ONE // 5)))
    found = edges_of(policy_of(TOKENS, Threshold(Drawn(widths, Back.TARGET))), HALVES)
    assert found == pytest.approx(np.array([[0.05, 0.1], [0.05, 0.1], [0.04, 0.16]]))


def test_edges__a_hybrid__has_those_of_its_bands() -> None:
    trigger = Hybrid(86_400, bands(TOKENS).bands)
    assert edges_of(policy_of(TOKENS, trigger), HALVES) == pytest.approx(np.full((3, 2), 0.05))


@pytest.mark.parametrize("trigger", [Calendar(EVERY), Threshold(Optimal(()))])
def test_edges__nothing_is_drawn__none(trigger: Calendar | Threshold) -> None:
    assert np.isnan(edges_of(policy_of(TOKENS, trigger), HALVES)).all()


def test_edges__a_band_that_follows_volatility__is_not_known_here() -> None:
    widths = (Width(BTC, Weight(ONE // 20), None, Weight(ONE)), Width(ETH, Weight(ONE // 20), None))
    found = edges_of(policy_of(TOKENS, Threshold(Drawn(widths, Back.TARGET))), HALVES)
    assert np.isnan(found[:, 0]).all()
    assert found[:, 1] == pytest.approx(0.05)


def test_review__a_policy_of_bands__is_held_against_hold_dca_and_the_calendar() -> None:
    assert measure_head(reviewed()) == ("", "this policy", "hold", "DCA", "calendar")


def test_review__a_policy_that_is_that_calendar__is_not_held_against_itself() -> None:
    study = study_of(walk(5, 100, 3), trigger=Calendar(EVERY))
    assert measure_head(review(study, Given(played, TAX))) == ("", "this policy", "hold", "DCA")


def test_review__hold__is_outside_its_bands_and_costs_nothing() -> None:
    hold = reviewed().others[0].measures
    assert hold.outside is not None
    assert hold.outside > 0.4
    assert (hold.costs.total, hold.turnover, hold.rebalances, hold.bonus) == (0, 0, 0, None)


def test_rows__every_backtest__has_a_figure_or_a_dash_and_every_row_says_how() -> None:
    found = reviewed()
    rows = measure_rows(found)
    assert all(len(row.values) == len(found.all) and row.how for row in rows)
    by_name = {row.name: row.values for row in rows}
    assert by_name["rebalances"] == tuple(f"{len(judged.backtest.trades)}" for judged in found.all)
    assert by_name["distance from targets"][2] == NONE


def test_headline__what_became_of_it__names_both_and_the_costs() -> None:
    found = reviewed()
    said = headline(found)
    assert f"100,000 USD became {found.ours.measures.end:,.0f} after fees, impact and gas" in said
    assert f"left alone {found.others[0].measures.end:,.0f}" in said
    assert f"{found.ours.measures.costs.total:,.0f} USD of costs" in said


def test_spells__rows__one_for_each_market() -> None:
    assert [row[0] for row in spell_rows(reviewed())] == ["rising", "falling", "sideways"]


def test_tax_words__the_rule__is_said() -> None:
    said = tax_words(reviewed().ours.taxes)
    assert said == "lots fifo, 30 % short-term, 15 % when held for more than 365 days"


def test_caveats__made_up_prices__say_so_first() -> None:
    found = reviewed()
    said = caveats(found.study, found.ours.measures, synthetic=True)
    assert said[0].what == "Any market."
    assert "Any market." not in [each.what for each in found.caveats]


def test_caveats__no_depth_and_some_depth__say_what_that_leaves_out() -> None:
    found = reviewed()
    deep = (Usd(10**6 * ONE),) * 3
    given = replace(found.study, frictions=replace(found.study.frictions, depth=deep))
    with_depth = [each.what for each in caveats(given, found.ours.measures, synthetic=False)]
    without = [each.what for each in found.caveats]
    assert "What your own size costs." in without
    assert "Pools when they are thin." not in without
    assert "Pools when they are thin." in with_depth
    assert "What your own size costs." not in with_depth


@pytest.mark.parametrize(
    ("bonus", "error", "said"),
    [
        (0.03, 0.02, "That rebalancing pays, or does not."),
        (-0.03, 0.02, "That rebalancing pays, or does not."),
        (0.05, 0.02, "Why it differs from hold."),
    ],
)
def test_caveats__a_bonus_within_two_standard_errors__cannot_be_told_from_nothing(
    bonus: float, error: float, said: str
) -> None:
    found = reviewed()
    measures = replace(found.ours.measures, bonus=bonus, bonus_error=error)
    assert said in [each.what for each in caveats(found.study, measures, synthetic=False)]


def test_sharpe_error__four_years__a_half() -> None:
    assert sharpe_error(4) == 0.5


def test_review__two_times_only__is_told_as_far_as_it_goes() -> None:
    found = review(study_of([[100, 50, 1], [110, 50, 1]]), Given(played, TAX))
    assert found.spells == ()
    assert measure(found.ours.backtest).volatility is None
    assert NONE in {row.values[0] for row in measure_rows(found)}
