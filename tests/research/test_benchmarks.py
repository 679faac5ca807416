"""What a study is held against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_studies import DAY, study_of

from rebalancer.core.model import Calendar
from rebalancer.research.benchmarks import EVERY, MONTH, by_calendar, dca, hold
from rebalancer.research.measures import values_of, wealth_of
from rebalancer.research.model import DOLLAR, Backtest, Study
from rebalancer.units import ONE

FLAT = [[100.0, 50.0, 1.0]] * 400


def test_hold__one_asset_doubles__its_share_does() -> None:
    found = hold(study_of([[100, 50, 1], [200, 50, 1]], weights=(0.5, 0.25, 0.25)))
    assert found.units[0] == pytest.approx([500, 500, 25_000])
    assert values_of(found) == pytest.approx([100_000, 150_000])
    assert found.trades == ()


def test_dca__flat_prices_over_a_year__twelve_parts_and_only_the_fee_is_lost() -> None:
    found = dca(study_of(FLAT, weights=(0.5, 0.25, 0.25)))
    assert len(found.trades) == 12
    assert found.trades[0].at == 0
    # Three quarters of each part pay 0.3 %; the dollars of the portfolio pay nothing.
    assert values_of(found)[-1] == pytest.approx(100_000 - 75_000 * 0.003)
    assert sum(trade.fee for trade in found.trades) == pytest.approx(225)
    assert found.units[-1, -1] == pytest.approx(0, abs=1e-6)


def test_dca__before_the_end__what_waits_is_in_dollars() -> None:
    found = dca(study_of(FLAT))
    assert found.prices.symbols == ("BTC", "ETH", DOLLAR, "waiting USD")
    assert found.units[0, -1] == pytest.approx(100_000 * 11 / 12)
    due = [int(found.prices.times[trade.at] - found.prices.times[0]) for trade in found.trades]
    assert all(0 <= at - number * MONTH < DAY for number, at in enumerate(due))


def test_dca__fewer_months_than_parts__as_many_parts_as_there_are_times_for() -> None:
    found = dca(study_of(FLAT[:45]))
    assert len(found.trades) == 2
    assert found.units[-1, -1] == pytest.approx(0, abs=1e-6)


def test_dca__a_pool_of_some_depth__keeps_its_share_of_what_comes_in() -> None:
    found = dca(study_of(FLAT[:2], symbols=("BTC", "ETH", DOLLAR), weights=(1, 0, 0), fee=0, depth=900_000))
    assert found.trades[0].impact == pytest.approx(100_000 - 100_000 / (1 + 1 / 9))
    assert values_of(found)[0] == pytest.approx(90_000)


def test_dca__gas_has_a_price__the_operator_pays_for_each_part() -> None:
    found = dca(study_of(FLAT[:2], gas=10**10))
    # One batch as a replay's wallet counts it, and two swaps of one pool each, at 10 gwei and 2,000 dollars a coin.
    assert found.trades[0].gas == pytest.approx((100_000 + 2 * (40_000 + 80_000)) * 1e-8 * 2_000)
    assert values_of(found)[-1] - wealth_of(found)[-1] == pytest.approx(found.trades[0].gas)


def test_dca__its_trades_and_its_units__agree() -> None:
    found = dca(study_of(FLAT))
    begun = np.zeros(4)
    begun[-1] = 100_000
    assert begun + sum(np.array(trade.changes) for trade in found.trades) == pytest.approx(found.units[-1], abs=1e-6)


def test_calendar__the_same_study__is_asked_for_every_thirty_days() -> None:
    study = study_of(FLAT[:40])
    asked: list[Study] = []

    def run(given: Study) -> Backtest:
        asked.append(given)
        return hold(given)

    assert by_calendar(study, run).name == "calendar"
    assert asked == [replace(study, policy=replace(study.policy, trigger=Calendar(EVERY)))]
    assert study.start == 100_000 * ONE
