"""From which size on a portfolio is worth its gas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_studies import study_of, walk

from rebalancer.core.optimal import Terms, cheapest
from rebalancer.core.optimal_bands import deviation_of
from rebalancer.research.model import Study
from rebalancer.research.sizes import SENSIBLE, gas_of_rebalance, least_sensible, sized, sizes
from rebalancer.units import ONE, Usd, Weight, bps_of_up

GWEI = 10**9


def study(gas: int = 20 * GWEI) -> Study:
    return study_of(walk(5, 400, 3), gas=gas)


def test_gas__two_assets_against_dollars_at_20_gwei_and_2000__one_batch_of_two_swaps() -> None:
    assert gas_of_rebalance(study()) == (140_000 + 2 * 120_000) * 20 * GWEI * 2_000


def test_sized__one_asset_swings_by_a_known_deviation__its_bands_are_those_of_the_closed_form() -> None:
    """Up and down by a tenth each day: ln(1.1) sqrt(365) a year against dollars."""
    asked = study_of([[100.0, 1.0], [110.0, 1.0]] * 200, ("BTC", "USD"), gas=20 * GWEI)
    found = sized(asked, Usd(50_000 * ONE))
    deviation = deviation_of(Weight(ONE // 2), Weight(int(np.log(1.1) * np.sqrt(365) * 10**6) * 10**12))
    gas = Weight(260_000 * 20 * GWEI * 2_000 // 50_000)
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


def test_least_sensible__gas_is_free__the_smallest() -> None:
    assert least_sensible(study(gas=0)) == pytest.approx(100 * ONE, rel=0.011)


def test_least_sensible__no_size_bears_it__none() -> None:
    assert least_sensible(study(gas=10**9 * GWEI)) is None


def test_sized__pools_are_shallow__a_large_portfolio_pays_for_its_size() -> None:
    asked = study()
    depth = (Usd(10**6 * ONE),) * 3
    shallow = replace(asked, frictions=replace(asked.frictions, depth=depth))
    size = Usd(10**7 * ONE)
    assert min(b.trigger for b in sized(shallow, size).bands) > max(b.trigger for b in sized(asked, size).bands)
