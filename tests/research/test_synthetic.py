"""The market that never was: the same for a seed, as correlated and as wild as it says."""

from __future__ import annotations

import numpy as np
import pytest

from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.synthetic import START, SYMBOLS, YEAR, Market, make_market

DAY = 86_400


def growths(market: Market, days: int = 40_000, seed: int = 3) -> np.ndarray:
    return np.diff(np.log(make_market(seed, days, ("A", "B", "C"), market=market).usd), axis=0)


def test_make_market__of_one_seed__is_always_the_same() -> None:
    first, again = make_market(1), make_market(1)
    assert (first.usd == again.usd).all() and first.symbols == SYMBOLS
    assert first.times.tolist() == list(range(START, START + 1_826 * DAY, DAY))
    # What it was when this was written: numpy promises the stream of no generator, and a change is to be seen.
    assert first.usd[1].tolist() == [29471.368, 2076.1995, 15.610189, 8.0405577, 106.10751]
    assert not (make_market(2).usd[1] == first.usd[1]).any()


def test_make_market__longer__begins_as_the_shorter_one_does_not() -> None:
    # Each kind of chance is drawn for all days at once: another length is another market, and nobody may compare them.
    assert not (make_market(1, 100).usd[1:] == make_market(1, 200).usd[1:100]).all()


def test_make_market__without_jumps__has_the_volatility_and_the_correlation_that_it_says() -> None:
    found = growths(Market(volatility=(0.5, 0.8, 1.1), correlation=0.6, crashes=0, surprises=0))
    # 40,000 days: a deviation is known to 0.35 %, a correlation to 0.003.
    assert found.std(axis=0) * np.sqrt(YEAR / DAY) == pytest.approx([0.5, 0.8, 1.1], rel=0.02)
    assert np.corrcoef(found.T)[np.triu_indices(3, 1)] == pytest.approx(0.6, abs=0.015)


def test_make_market__with_jumps__keeps_its_median_and_falls_more_than_it_rises() -> None:
    found = growths(Market())
    years = len(found) * DAY / YEAR
    # The mean of 110 years is known to the deviation of a year over the root of them, some 0.1.
    assert found.mean(axis=0) * YEAR / DAY == pytest.approx(0, abs=4 * 1.1 / np.sqrt(years))
    assert (((found - found.mean(axis=0)) ** 4).mean(axis=0) / found.var(axis=0) ** 2 > 3.3).all(), "tails are fat"


def test_make_market__that_grows__grows_in_its_median() -> None:
    found = growths(Market(volatility=(0.1,), growth=0.5, crashes=0, surprises=0))
    assert found.mean(axis=0) * YEAR / DAY == pytest.approx(0.5, abs=0.05)


def test_make_market__of_hours__has_one_for_each() -> None:
    found = make_market(1, 2, ("A",), 3_600)
    assert len(found.times) == 48 and np.diff(found.times).tolist() == [3_600] * 47


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"seed": -1}, "the seed is -1, expected zero or more"),
        ({"days": 1}, "1 times, expected at least two"),
        ({"days": 5, "step": 0}, "0 times, expected at least two"),
        ({"symbols": ()}, "saw the symbols none, expected each once"),
        ({"symbols": ("A", "A")}, "saw the symbols A, A, expected each once"),
        ({"days": 10**6, "step": 60}, "expected at most 50,000,000 prices"),
    ],
)
def test_make_market__of_what_is_no_market__is_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_market(**arguments)  # type: ignore[arg-type]
