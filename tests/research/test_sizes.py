"""From which size on a portfolio is worth its gas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_studies import study_of, walk

from rebalancer.core.optimal import Terms, cheapest
from rebalancer.core.optimal_bands import deviation_of
from rebalancer.research.model import Study
from rebalancer.research.replay import run_replay
from rebalancer.research.sizes import SENSIBLE, gas_of_rebalance, least_sensible, sized, sizes
from rebalancer.units import ONE, Usd, Wei, Weight, bps_of_up

GWEI = 10**9


def study(gas: int = 20 * GWEI) -> Study:
    return study_of(walk(5, 400, 3), gas=gas)


def test_gas__two_assets_and_dollars_at_20_gwei_and_2000__two_swaps_through_three_pools() -> None:
    assert gas_of_rebalance(study()) == (100_000 + 2 * 40_000 + 3 * 80_000) * 20 * GWEI * 2_000


def test_gas__two_assets_without_dollars__one_swap_through_two_pools() -> None:
    asked = study_of(walk(5, 60, 3)[:, :2], ("BTC", "ETH"), gas=20 * GWEI)
    assert gas_of_rebalance(asked) == (100_000 + 40_000 + 2 * 80_000) * 20 * GWEI * 2_000


@pytest.mark.parametrize("symbols", [("A", "B", "USD"), ("A", "B"), ("A", "B", "C", "D", "E")])
def test_gas__a_replay_of_the_same_study_that_moves_every_asset__has_paid_as_much(symbols: tuple[str, ...]) -> None:
    after = [100.0 * 3**at for at in range(len(symbols))]
    usd = [[100.0 if symbol != "USD" else 1.0 for symbol in symbols]] * 2 + [
        [price if symbol != "USD" else 1.0 for symbol, price in zip(symbols, after, strict=True)]
    ]
    asked = study_of(usd, symbols, gas=20 * GWEI)
    limits = replace(asked.policy.limits, tip=Wei(2 * GWEI))
    asked = replace(asked, policy=replace(asked.policy, limits=limits))
    (trade,) = run_replay(asked).trades
    assert all(trade.changes)
    assert gas_of_rebalance(asked) / ONE == pytest.approx(trade.gas)


def test_sized__one_asset_swings_by_a_known_deviation__its_bands_are_those_of_the_closed_form() -> None:
    """Up and down by a tenth each day: ln(1.1) sqrt(365) a year against dollars."""
    asked = study_of([[100.0, 1.0], [110.0, 1.0]] * 200, ("BTC", "USD"), gas=20 * GWEI)
    found = sized(asked, Usd(50_000 * ONE))
    deviation = deviation_of(Weight(ONE // 2), Weight(int(np.log(1.1) * np.sqrt(365) * 10**6) * 10**12))
    gas = Weight(220_000 * 20 * GWEI * 2_000 // 50_000)
    terms = Terms(deviation, gas, Weight(3 * ONE // 1_000), 4 * ONE // 10, Weight(5 * ONE // 10_000), Weight(ONE // 4))
    (band,) = found.bands
    assert (band.trigger, band.back) == cheapest(terms)


def test_sizes__the_larger_it_is__the_less_goes_for_gas() -> None:
    shares = [one.gas for one in sizes(study())]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == 4


def test_least_sensible__just_there__gas_is_within_the_share_and_a_little_below_it_is_not() -> None:
    asked, most = study(), bps_of_up(ONE, SENSIBLE)
    least = least_sensible(asked)
    assert least is not None
    assert sized(asked, least).gas <= most < sized(asked, Usd(least * 98 // 100)).gas


@pytest.mark.parametrize("gas", [0, 1_000])
def test_least_sensible__gas_is_next_to_nothing__any(gas: int) -> None:
    assert least_sensible(study(gas=gas)) == 0


def test_least_sensible__no_size_bears_it__none() -> None:
    assert least_sensible(study(gas=10**9 * GWEI)) is None


def test_sized__pools_are_shallow__a_large_portfolio_pays_for_its_size() -> None:
    asked = study()
    depth = (Usd(10**6 * ONE),) * 3
    shallow = replace(asked, frictions=replace(asked.frictions, depth=depth))
    size = Usd(10**7 * ONE)
    assert min(b.trigger for b in sized(shallow, size).bands) > max(b.trigger for b in sized(asked, size).bands)


def test_sized__pools_are_thin__its_costs_are_those_of_the_trades_that_its_bands_make() -> None:
    """A trade of v loses v/(depth + v) of itself: v is what lies between the trigger and the return point."""
    asked = study_of([[100.0, 1.0], [104.0, 1.0]] * 200, ("BTC", "USD"), gas=20 * GWEI, depth=500_000)
    found = sized(asked, Usd(100_000 * ONE))
    ((trigger, back),) = [(band.trigger / ONE, band.back / ONE) for band in found.bands]
    traded = 100_000 * (trigger - back)
    cost = 0.003 + traded / (500_000 + traded)
    deviation = np.log(1.04) * np.sqrt(365) / 4
    assert traded > 3_000
    assert found.trading / ONE == pytest.approx(cost * deviation**2 / (trigger + back), rel=0.01)
