"""What a study is advised, in words that rest on its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from given_studies import study_of, walk
from given_sweeps import swept

from rebalancer.research.advice import advise, steps_of, tried
from rebalancer.research.model import Configuration, Study
from rebalancer.research.sweep.model import SweepResult
from rebalancer.units import ONE, Usd

STUDY = study_of(walk(5, 400, 3), gas=20 * 10**9)


def test_advise__a_small_portfolio__is_told_from_which_size_on_gas_is_bearable() -> None:
    found = advise(replace(STUDY, start=Usd(1_000 * ONE)), swept)
    assert found.words[0].startswith(
        "Too small for its gas: One rebalance costs 16.80 USD of gas, 1.68 % of 1,000 USD."
    )
    assert found.least is not None
    assert f"From {found.least // ONE:,} USD on" in found.words[0]


def test_advise__a_large_portfolio__is_told_that_it_is_big_enough() -> None:
    found = advise(replace(STUDY, start=Usd(10**6 * ONE)), swept)
    assert found.words[0].startswith("Big enough: ")


def test_advise__gas_is_free__says_that_it_never_costs_so_much_and_no_size() -> None:
    free = replace(STUDY.frictions, gas_price=np.zeros(400, dtype=np.int64))
    said = advise(replace(STUDY, frictions=free), swept).words[0]
    assert "it never costs so much as 0.25 % a year, not even of 100 USD." in said and "only below" not in said


def test_advise__gas_that_no_size_bears__is_told_to_wait() -> None:
    dear = replace(STUDY.frictions, gas_price=np.full(400, 10**18))
    assert advise(replace(STUDY, frictions=dear), swept).words[0].startswith("Too small at any size: ")


def test_advise__the_closed_form__names_the_bands_of_its_own_size() -> None:
    found = advise(STUDY, swept)
    for band in found.own.bands:
        assert f"{band.token.symbol} {100 * band.trigger / ONE:.1f} (to {100 * band.back / ONE:.1f})" in found.words[1]
    assert "were each trade no more than what lies between the two" in found.words[1]


def test_advise__rules_of_equal_growth__the_one_that_trades_least_is_named() -> None:
    """Of the made-up sweep all bands grow alike, and the widest trades the least."""
    assert "The one of them all that trades the least: 15 % to the edge, " in advise(STUDY, swept).words[2]


def test_advise__the_past_chose_no_better_than_the_middle__says_luck() -> None:
    assert "cannot be told from luck: choose by costs" in advise(STUDY, swept).words[3]


def test_advise__choosing_gained_the_same_in_every_step__says_what_it_paid() -> None:
    found = advise(STUDY, lambda study, asked: swept(study, asked, ahead=0.1))
    assert "Choosing by past growth paid 9.1 % in each step." in found.words[3]


def test_advise__out_of_sample__tells_the_three_step_by_step_and_then_the_walk_itself() -> None:
    """No mean of steps that were blown up to a year: a loss would count as at most all, and a gain without end."""
    result = swept(STUDY, tried())
    assert result.walk is not None
    losing = tuple(replace(fold, outside=-0.25, median=-0.5, hold=0.0) for fold in result.walk.folds)
    walk = replace(result.walk, folds=losing, years=2.5, growth=-0.154, hold_growth=-0.178)
    said = advise(STUDY, lambda study, asked: replace(swept(study, asked), walk=walk)).words[3]
    assert steps_of(walk).middle == pytest.approx(0.25 - 1)
    assert steps_of(walk).chosen == pytest.approx(0.75**2 - 1) and steps_of(walk).hold == 0
    assert "each begun anew on target: the rule that the past preferred made -43.8 % a year after all costs, " in said
    assert "the middle of all rules -75.0 %, holding 0.0 %. " in said
    assert "one portfolio that goes through all of them the chosen made -15.4 %, and one left alone -17.8 %." in said


def test_advise__a_walk_of_less_than_a_year__is_told_in_all() -> None:
    result = swept(STUDY, tried())
    assert result.walk is not None
    walk = replace(result.walk, years=0.15, growth=0.3)
    folds = [1 + fold.median for fold in walk.folds]
    assert steps_of(walk).middle == pytest.approx(np.prod(folds) - 1)
    said = advise(STUDY, lambda study, asked: replace(swept(study, asked), walk=walk, skill=None, ahead=None)).words
    assert " % in all after all costs, the middle" in said[3] and "the chosen made 30.0 %, " in said[3]
    assert "less than a year of prices carries no Sharpe ratio" in said[4]


def test_advise__gains_that_five_steps_cannot_tell_from_luck__says_luck() -> None:
    """Their mean is 2.4 standard errors from nothing: enough of many steps, and not of five."""
    result = swept(STUDY, tried())
    assert result.walk is not None
    gains = np.array([0.1, 0.1, 0.1, 0.0, 0.0])
    assert 2 < gains.mean() / (gains.std(ddof=1) / 5**0.5) < 2.776
    folds = tuple(
        replace(f, outside=float(np.expm1(g)), median=0.0) for f, g in zip(result.walk.folds, gains, strict=True)
    )
    walk = replace(result.walk, folds=folds)
    said = advise(STUDY, lambda study, asked: replace(swept(study, asked), walk=walk)).words[3]
    assert "cannot be told from luck" in said


def test_advise__a_step_that_ate_up_all__is_told() -> None:
    result = swept(STUDY, tried())
    assert result.walk is not None
    lost = (replace(result.walk.folds[0], outside=-1.0), *result.walk.folds[1:])
    walk = replace(result.walk, folds=lost)
    assert "ate up all" in advise(STUDY, lambda study, asked: replace(swept(study, asked), walk=walk)).words[3]


def test_advise__one_rule_far_ahead_of_all__is_not_called_alike() -> None:
    def sweep(study: Study, asked: Sequence[Configuration]) -> SweepResult:
        found = swept(study, asked)
        growth = found.measures.growth.copy()
        growth[4] += 1
        return replace(found, measures=replace(found.measures, growth=growth))

    said = advise(STUDY, sweep).words[2]
    assert "none of the other 24 came within 2 points of it" in said and "luck" not in said
    assert "24 of the other 24 rules came within 2 points of it, which is luck" in advise(STUDY, swept).words[2]


def holding(study: Study, asked: Sequence[Configuration], idle: int = 1) -> SweepResult:
    """The last ones never traded, and are ahead of all that did: 12 % against 10 % at most."""
    found = swept(study, asked)
    growth, trades = found.measures.growth.copy(), found.measures.trades.copy()
    growth[-idle:], trades[-idle:] = 0.12, 0
    measures = replace(found.measures, growth=growth, trades=trades)
    return replace(found, measures=measures, best=len(asked) - 1, ahead=None)


def test_advise__nothing_beat_holding__says_so_and_gives_no_odds() -> None:
    said = advise(STUDY, holding).words[2:]
    assert said[0].startswith(
        "Nothing tried beat holding in this past, 12.0 % a year. Of what traded 15 % to the edge "
    )
    assert len(said) == 2 and "luck is" not in said[1] and "less than a year" not in said[1]


def test_advise__a_rule_that_never_traded__is_not_praised_for_holding() -> None:
    """All but the first two, of 1 % to the target and to half."""
    said = advise(STUDY, lambda study, asked: holding(study, asked, idle=24)).words[2]
    assert "Of what traded 1 % to half grew the most" in said
    assert "1 of the other 1 rules came within 2 points" in said


def test_advise__no_rule_ever_traded__all_of_them_held() -> None:
    said = advise(STUDY, lambda study, asked: holding(study, asked, idle=len(asked))).words[2:]
    assert said == ("In this past none of the rules tried would ever have traded: all of them held, 12.0 % a year.",)


def test_advise__one_rule_alone_traded__is_held_against_no_other() -> None:
    said = advise(STUDY, lambda study, asked: holding(study, asked, idle=25)).words[2]
    assert "it is the only one that traded at all, with " in said


def test_advise__prices_too_short_for_a_walk__says_so() -> None:
    found = advise(STUDY, lambda study, asked: replace(swept(study, asked), walk=None))
    assert found.words[3].startswith("The prices are too short to choose by one part of them")


def test_tried__every_rule__is_there_once_and_holding_among_them() -> None:
    assert len(set(tried())) == len(tried()) == 7 * 3 + 4 + 1
