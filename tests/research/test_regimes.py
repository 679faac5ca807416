"""What the market was doing, and how a backtest did then."""

from __future__ import annotations

import numpy as np
import pytest
from given_backtests import made

from rebalancer.research.model import Backtest
from rebalancer.research.regimes import Regime, labels_of, spells


def market(*prices: float) -> Backtest:
    """A token at these prices and a dollar, half and half, never traded."""
    return made([[price, 1.0] for price in prices], [[1 / prices[0], 1.0]] * len(prices))


def test_labels__ninety_days_are_not_over__there_is_none() -> None:
    assert labels_of(market(*[100.0] * 90).prices) == (None,) * 90


def test_labels__a_token_is_up_by_more_than_a_fifth__rising_whatever_the_dollar_does() -> None:
    labels = labels_of(market(*[100.0] * 90, 121.0, 119.0, 79.0).prices)
    assert labels[90:] == (Regime.RISING, Regime.SIDEWAYS, Regime.FALLING)


def test_labels__what_comes_later__changes_none_before_it() -> None:
    random = np.random.default_rng(3)
    past = (100 * np.exp(random.normal(0, 0.05, 200).cumsum())).tolist()
    other = (100 * np.exp(random.normal(0, 0.05, 200).cumsum())).tolist()
    assert labels_of(market(*past, *past).prices)[:200] == labels_of(market(*past, *other).prices)[:200]


def test_labels__nothing_but_dollars__sideways() -> None:
    assert labels_of(made([[1.0]] * 92, [[1.0]] * 92).prices)[90:] == (Regime.SIDEWAYS,) * 2


def test_spells__ten_days_up_then_flat__growth_is_of_those_days_only() -> None:
    ours = market(*[100.0] * 91, 200.0, 200.0)
    found = {spell.regime: spell for spell in spells(ours, ours)}
    rising = found[Regime.RISING]
    assert rising.share == pytest.approx(2 / 3)
    assert rising.growth == pytest.approx(0.5)
    assert rising.growth == rising.against
    assert found[Regime.FALLING].growth is None
    assert found[Regime.SIDEWAYS].growth == pytest.approx(0)


def test_spells__too_short_a_history__none() -> None:
    ours = market(*[100.0] * 30)
    assert spells(ours, ours) == ()
