"""What a study is advised, in words that rest on its figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from given_studies import study_of, walk
from given_sweeps import swept

from rebalancer.research.advice import advise, tried
from rebalancer.units import ONE, Usd

STUDY = study_of(walk(5, 400, 3), gas=20 * 10**9)


def test_advise__a_small_portfolio__is_told_from_which_size_on_gas_is_bearable() -> None:
    found = advise(replace(STUDY, start=Usd(1_000 * ONE)), swept)
    assert found.words[0].startswith(
        "Too small for its gas: One rebalance costs 15.20 USD of gas, 1.52 % of 1,000 USD."
    )
    assert found.least is not None
    assert f"From {found.least // ONE:,} USD on" in found.words[0]


def test_advise__a_large_portfolio__is_told_that_it_is_big_enough() -> None:
    found = advise(replace(STUDY, start=Usd(10**6 * ONE)), swept)
    assert found.words[0].startswith("Big enough: ")


def test_advise__gas_that_no_size_bears__is_told_to_wait() -> None:
    dear = replace(STUDY.frictions, gas_price=np.full(400, 10**18))
    assert advise(replace(STUDY, frictions=dear), swept).words[0].startswith("Too small at any size: ")


def test_advise__the_closed_form__names_the_bands_of_its_own_size() -> None:
    found = advise(STUDY, swept)
    for band in found.own.bands:
        assert f"{band.token.symbol} {100 * band.trigger / ONE:.1f} (to {100 * band.back / ONE:.1f})" in found.words[1]


def test_advise__rules_of_equal_growth__the_one_that_trades_least_is_named() -> None:
    """Of the made-up sweep all bands grow alike, and the widest trades the least."""
    assert "The one of them that trades the least: 15 % to the edge, " in advise(STUDY, swept).words[2]


def test_advise__the_past_chose_no_better_than_the_middle__says_luck() -> None:
    assert "cannot be told from luck: choose by costs" in advise(STUDY, swept).words[3]


def test_advise__choosing_gained_the_same_in_every_step__says_what_it_paid() -> None:
    found = advise(STUDY, lambda study, asked: swept(study, asked, ahead=0.1))
    assert "Choosing by past growth paid 10.0 % a year." in found.words[3]


def test_advise__prices_too_short_for_a_walk__says_so() -> None:
    found = advise(STUDY, lambda study, asked: replace(swept(study, asked), walk=None))
    assert found.words[3].startswith("The prices are too short to choose by one part of them")


def test_tried__every_rule__is_there_once_and_holding_among_them() -> None:
    assert len(set(tried())) == len(tried()) == 7 * 3 + 4 + 1
