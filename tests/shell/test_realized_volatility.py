"""The estimator alone: paths whose covariance is known, gaps, stable coins, and the rounds of two real feeds."""

from __future__ import annotations

import csv
import os
import random
from math import exp, sqrt
from pathlib import Path

import pytest
from given_rounds import DAY, NOW, KnownRounds, against_rest, block_at, walks
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalancer.adapters.targets.realized import YEAR, Sample, deviations_down
from rebalancer.units import ONE, Address, Weight

DATA = Path(os.environ.get("REBALANCER_DATA", "../shared/data"))
ROUNDS = DATA / "chainlink_eth_usd_rounds.csv"
WEIGHTS = (0.5, 0.3, 0.2)


def shares(*weights: float) -> list[Weight]:
    return [Weight(round(weight * 10**6) * 10**12) for weight in weights]


def grid(paths: list[list[float]], step: int = DAY) -> list[Sample]:
    return [
        Sample(place * step, tuple(round(price * 10**18) for price in prices))
        for place, prices in enumerate(zip(*paths, strict=True))
    ]


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_deviations__of_walks_with_known_covariance__are_theirs_within_three_standard_errors(
    correlation: float,
) -> None:
    count, volatilities = 4_000, (0.6, 0.8, 0.0)
    samples = grid(walks(random.Random(7), volatilities, correlation, DAY, count))
    found = deviations_down(samples, shares(*WEIGHTS))
    for place, deviation in enumerate(found):
        true = against_rest(volatilities, WEIGHTS, correlation, place)
        assert abs(deviation / ONE / true - 1) < 3 / sqrt(2 * count), place


def test_deviations__where_days_are_missing__stay_the_same_within_the_error() -> None:
    dice, volatilities = random.Random(11), (0.6, 0.4)
    samples = grid(walks(dice, volatilities, 0.6, DAY, 4_000))
    left = [samples[0], *(one for one in samples[1:-1] if dice.random() < 0.6), samples[-1]]
    true = against_rest(volatilities, (0.7, 0.3), 0.6, 0)
    assert abs(deviations_down(left, shares(0.7, 0.3))[0] / ONE / true - 1) < 4 / sqrt(2 * len(left))


def test_deviations__of_one_step__are_the_formulas() -> None:
    samples = [Sample(0, (100, 100)), Sample(YEAR, (round(100 * exp(0.3) * 10**9), 100 * 10**9))]
    samples[0] = Sample(0, (100 * 10**9, 100 * 10**9))
    assert deviations_down(samples, shares(0.4, 0.6)) == pytest.approx([0.3 * ONE] * 2, abs=10**12)


def test_deviations__of_assets_that_move_alike__are_none() -> None:
    samples = [Sample(n * DAY, (price, 5 * price)) for n, price in enumerate((100, 130, 90, 200))]
    assert all(found < 10**13 for found in deviations_down(samples, shares(0.5, 0.5)))


def test_deviations__of_an_asset_alone__are_none() -> None:
    samples = [Sample(n * DAY, (price,)) for n, price in enumerate((100, 130, 90))]
    assert deviations_down(samples, shares(1)) == (0,)


def test_deviations__of_an_asset_without_weight__are_against_the_others() -> None:
    samples = [Sample(n * DAY, (price, 7)) for n, price in enumerate((100, 130, 90))]
    held, unheld = deviations_down(samples, shares(0, 1)), deviations_down(samples, shares(0.5, 0.5))
    assert held[0] == unheld[0] > 0 and held[1] == 0, "what the other is held against is nothing"


@settings(max_examples=100)
@given(
    prices=st.lists(st.tuples(st.integers(1, 10**40), st.integers(1, 10**40)), min_size=2, max_size=20),
    share=st.integers(0, 10**6),
)
def test_deviations__of_any_prices__are_integers_that_are_not_negative(
    prices: list[tuple[int, int]], share: int
) -> None:
    samples = [Sample(n * DAY, pair) for n, pair in enumerate(prices)]
    found = deviations_down(samples, shares(share / 10**6, 1 - share / 10**6))
    assert all(type(one) is int and one >= 0 and one % 10**12 == 0 for one in found)


def test_deviations__in_another_order_of_assets__are_the_same() -> None:
    samples = grid(walks(random.Random(3), (0.6, 0.8, 0.1), 0.4, DAY, 90))
    turned = [Sample(one.time, one.prices[::-1]) for one in samples]
    weights = shares(*WEIGHTS)
    assert deviations_down(samples, weights) == pytest.approx(deviations_down(turned, weights[::-1])[::-1], abs=10**12)


# ---------------------------------------------------------------- real rounds


def _real(name: str) -> list[tuple[int, int]]:
    with (DATA / f"chainlink_{name}_usd_rounds.csv").open() as file:
        return [(int(row["updated_at"]), int(row["answer_1e8"])) for row in csv.DictReader(file)]


@pytest.mark.skipif(not ROUNDS.is_file(), reason=f"no {ROUNDS}: set REBALANCER_DATA")
def test_deviations__of_real_rounds__are_those_of_a_finer_grid_within_their_error() -> None:
    eth, btc = Address("0x01"), Address("0x02")
    rounds = KnownRounds({eth: _real("eth"), btc: _real("btc")})
    first, last = (max(r[0][0] for r in rounds.rounds.values()), min(r[-1][0] for r in rounds.rounds.values()))
    found = {}
    for step in (DAY, DAY // 4):
        times = list(range(first // DAY * DAY + DAY, last, step))
        stood = rounds.at((eth, btc), times, block_at(NOW))
        samples = [Sample(t, (stood[eth][t].answer, stood[btc][t].answer, 1)) for t in times]
        found[step] = [one / ONE for one in deviations_down(samples, shares(0.4, 0.4, 0.2))]
    days = (last - first) // DAY
    assert days > 200
    for daily, finer in zip(found[DAY], found[DAY // 4], strict=True):
        # The finer one is known twice as well; both of the same days.
        assert abs(daily / finer - 1) < 3 / sqrt(2 * days)
    ether, bitcoin, dollar = found[DAY]
    assert 0.15 < ether < 0.45 and 0.15 < bitcoin < 0.45 and 0.25 < dollar < 0.6, found
    assert dollar > max(ether, bitcoin), "against a dollar everything else moves together"
