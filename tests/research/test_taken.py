"""What a backtest takes otherwise than was asked, and what became of targets that are estimated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_reviews import TAX, TOLD, played
from given_studies import START, study_of, walk

from rebalancer.core.model import Contributions
from rebalancer.core.model.estimation import Bounds, Estimation, EveryDays, Method
from rebalancer.research.model import Floats, Study
from rebalancer.research.replay import run_replay
from rebalancer.research.review import Given, review
from rebalancer.research.taken import moves_of, taken
from rebalancer.units import ONE, PPM, Ppm

DAY = 86_400
THIRDS = (Ppm(400_000), Ppm(300_000), Ppm(300_000))


def estimated(method: Method, *, step: tuple[Ppm, int] | None = None, lookback: int = 21, days: int = 60) -> Study:
    """Of three assets at 40, 30 and 30 %, estimated anew each week."""
    study = study_of(walk(5, days, 3), weights=[0.4, 0.3, 0.3])
    keep = study.policy.assets[-1]
    ends = [(token, THIRDS[2], THIRDS[2]) if token == keep else (token, 0, PPM) for token in study.policy.assets]
    bounds = tuple(Bounds(token, Ppm(least), Ppm(most)) for token, least, most in ends)
    return replace(study, estimation=Estimation(method, lookback, EveryDays(7, 0), step, THIRDS, bounds))


def still(study: Study) -> Floats:
    weights = [target.weight / ONE for target in study.targets]
    return np.tile(weights, (len(study.prices.times), 1))


def said(study: Study) -> str:
    return "\n".join(taken(study, still(study)))


def test_taken__a_fee_of_nothing__names_whose_and_what_it_is_played_as() -> None:
    assert said(study_of(walk(5, 10, 3), fee=0)).startswith("a fee of nothing (BTC, ETH) is played as 0.0001 %")
    assert said(study_of(walk(5, 10, 3), fee=1)) == ""


@pytest.mark.parametrize(
    ("contributions", "words"),
    [
        (Contributions.ONLY, "contributions: only buys with new money, and a backtest has none: nothing is sold"),
        (Contributions.FIRST, "contributions: first is played without new money"),
        (Contributions.IGNORE, ""),
    ],
)
def test_taken__contributions__are_said_not_to_come(contributions: Contributions, words: str) -> None:
    study = study_of(walk(5, 10, 3))
    policy = replace(study.policy, contributions=contributions)
    assert said(replace(study, policy=policy)) == "", "without cash it has no effect"
    with_cash = said(replace(study, policy=replace(policy, cash=policy.assets[2])))
    assert with_cash.startswith(words) and bool(with_cash) == bool(words)


def test_taken__only_new_money_in_a_rising_market__is_the_portfolio_left_alone_as_it_says() -> None:
    rising = np.array([[100 + day, 50 + 3 * day, 1] for day in range(60)])
    study = study_of(rising)
    policy = replace(study.policy, contributions=Contributions.ONLY, cash=study.policy.assets[2])
    study = replace(study, policy=replace(policy, hubs=(policy.assets[2],)), hub=policy.assets[2])
    assert run_replay(study).trades == () and run_replay(replace(study, policy=replace(policy, cash=None))).trades


def test_moves__of_a_replay__are_counted_from_the_targets_that_were_asked_for() -> None:
    study = estimated(Method.EQUAL)
    backtest = run_replay(study)
    moves = moves_of(study, backtest.targets)
    assert moves is not None and moves.times == 1 and moves.why == ""
    assert [target.weight for target in moves.last] == [35 * ONE // 100, 35 * ONE // 100, 30 * ONE // 100]
    line = taken(study, backtest.targets)[0]
    assert line == "targets: equal moved them once, from BTC 40 %, ETH 30 %, USD 30 % to BTC 35 %, ETH 35 %, USD 30 %"


def test_moves__several_updates__are_all_counted() -> None:
    study = estimated(Method.EQUAL, step=(Ppm(10_000), START))
    moves = moves_of(study, run_replay(study).targets)
    assert moves is not None and moves.times == 5


def test_moves__targets_that_stay__are_none() -> None:
    study = study_of(walk(5, 10, 3))
    assert moves_of(study, still(study)) is None


@pytest.mark.parametrize(
    ("study", "why"),
    [
        (
            estimated(Method.EQUAL, step=(Ppm(50_000), START + 90 * DAY)),
            "they move from 2020-12-12 on (targets.since), and the last price is of 2020-11-11",
        ),
        (
            estimated(Method.INVERSE_VOLATILITY, lookback=90),
            "has prices of 53 days behind it, expected at least 60 of targets.lookback, 90 d",
        ),
    ],
)
def test_moves__targets_that_never_move__say_why(study: Study, why: str) -> None:
    backtest = run_replay(study)
    assert np.array_equal(backtest.targets, still(study))
    line = taken(study, backtest.targets)[0]
    assert line.startswith(
        f"targets: {study.estimation.method.value if study.estimation else ''} never moved them, from"
    )
    assert line.endswith(why)


def test_moves__updates_that_came_to_the_same__say_where_they_come_to_nothing() -> None:
    study = estimated(Method.INVERSE_VOLATILITY)
    moves = moves_of(study, still(study))
    assert moves is not None and moves.why.startswith("no update came to other weights")


def test_review__targets_are_estimated__says_it_behind_what_was_said_before() -> None:
    found = review(estimated(Method.EQUAL), Given(played, TAX, told=TOLD))
    assert found.told.said[0] == "WETH is ETH"
    assert "hold and DCA keep to the first targets, and do not follow those that are estimated" in found.told.said
