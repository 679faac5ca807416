"""What is taken of prices and written of them, and how their times are read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from given_prices import DAY, FIRST, WHOLE, a_file, some
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalancer.core.errors import ConfigError
from rebalancer.research.model import Prices
from rebalancer.research.prices.out import cells_of, require_free, write_cells
from rebalancer.research.prices.reading import between, chosen, closes, read_prices, usd_of
from rebalancer.research.prices.times import Kind, unix_of, written
from rebalancer.units import ONE

FLOAT_PRICES = st.floats(min_value=1e-9, max_value=1e9, allow_nan=False)


@given(st.lists(st.lists(FLOAT_PRICES, min_size=2, max_size=2), min_size=1, max_size=5))
def test_usd_of__any_prices__is_their_shortest_text_at_1e18(rows: list[list[float]]) -> None:
    prices = Prices(("A", "B"), np.arange(len(rows), dtype=np.int64), np.array(rows))
    for row, found in zip(rows, usd_of(prices), strict=True):
        for price, usd in zip(row, found, strict=True):
            assert usd <= Decimal(repr(price)) * ONE < usd + 1


def test_usd_of__a_price_with_few_digits__is_exact() -> None:
    prices = Prices(("A",), np.array([0, 1]), np.array([[0.1], [11505.12]]))
    assert usd_of(prices) == [(10**17,), (1_150_512 * 10**16,)]


def test_between__two_times__keeps_both_ends() -> None:
    found = between(some(), FIRST + DAY, FIRST + 2 * DAY)
    assert found.times.tolist() == [FIRST + DAY, FIRST + 2 * DAY] and found.usd[:, 0].tolist() == [2.0, 3.0]
    assert between(some()).times.tolist() == some().times.tolist()


def test_between__where_one_time_is_left__says_what_there_is() -> None:
    with pytest.raises(ConfigError) as caught:
        between(some(), FIRST + 3 * DAY)
    assert str(caught.value) == (
        "prices: 1 times from 2024-01-04 to the last, expected at least two; there are prices from 2024-01-01 to "
        "2024-01-04"
    )


def test_closes__of_hours__has_at_each_midnight_the_last_one_known_by_then() -> None:
    hourly = some(60, 3_600, FIRST + 1_800)
    found = closes(hourly, DAY)
    assert found.times.tolist() == [FIRST + DAY, FIRST + 2 * DAY] and found.usd[:, 0].tolist() == [24.0, 48.0]


def test_closes__of_days__is_the_same_again() -> None:
    found = closes(some(), DAY)
    assert found.times.tolist() == some().times.tolist() and (found.usd == some().usd).all()


def test_closes__where_a_step_has_no_price_of_its_own__leaves_it_out() -> None:
    found = closes(some(4, 2 * DAY), DAY)
    assert found.times.tolist() == some(4, 2 * DAY).times.tolist()


def test_closes__of_less_than_two_steps__is_refused() -> None:
    with pytest.raises(ConfigError, match="1 of them at whole steps of 604,800 s, expected at least two"):
        closes(some(9), 7 * DAY)


def test_chosen__by_symbols_and_aliases__has_the_columns_in_that_order_and_dollars_at_one() -> None:
    found = chosen(some(), ("WB", "USDC", "A"), {"WB": "B", "USDC": "USD"})
    assert found.symbols == ("WB", "USDC", "A") and found.usd[0].tolist() == [10.0, 1.0, 1.0]
    assert (found.usd[:, 1] == 1).all()


def test_chosen__of_tokens_without_history__names_them_all() -> None:
    with pytest.raises(ConfigError, match=r"no history of C, D \(as E\); there are A, B, and USD is always one"):
        chosen(some(), ("A", "C", "D"), {"D": "E"})


def test_chosen__of_a_token_in_other_letters__says_how_it_is_written_there() -> None:
    with pytest.raises(ConfigError, match=r"no history of b; there are A, B, and USD is always one\. b is B there$"):
        chosen(some(), ("A", "b"))


# ---------------------------------------------------------------- written and read again


@settings(max_examples=40)  # each makes a file
@given(
    st.lists(st.tuples(FLOAT_PRICES, FLOAT_PRICES), min_size=2, max_size=8),
    st.sampled_from([60, 3_600, DAY, 7 * DAY]),
    st.integers(0, DAY),
)
def test_written__any_prices__are_read_again_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]], step: int, start: int
) -> None:
    prices = Prices(("A", "B"), FIRST + start + step * np.arange(len(rows), dtype=np.int64), np.array(rows))
    path = tmp_path_factory.mktemp("out") / "out.csv"
    write_cells(path, cells_of(prices))
    found = read_prices([path])
    assert found.times.tolist() == prices.times.tolist() and found.usd.tolist() == prices.usd.tolist()
    assert found.symbols == prices.symbols


def test_require_free__of_a_name_that_is_taken_or_a_folder_that_is_not__says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="prices.csv: exists, expected a name that is free"):
        require_free(a_file(tmp_path, WHOLE))
    with pytest.raises(ConfigError, match="there is no folder .*nowhere; make it"):
        require_free(tmp_path / "nowhere" / "out.csv")


def test_written__where_it_cannot_be__leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(ConfigError, match="out.csv: cannot be written"):
        write_cells(tmp_path / "out.csv", cells_of(some()))


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("text", "seconds", "kind"),
    [
        ("2024-01-01", FIRST, Kind.DATE),
        ("20240101", FIRST, Kind.DATE),
        ("2024-01-01T00:00:00", FIRST, Kind.NAIVE),
        ("2024-01-01 06:00", FIRST + 21_600, Kind.NAIVE),
        ("2024-01-01T00:00:00Z", FIRST, Kind.ZONED),
        ("2024-01-01T05:30:00+05:30", FIRST, Kind.ZONED),
        ("2024-01-01T00:00:00.250Z", FIRST + 1, Kind.ZONED),
        (str(FIRST), FIRST, Kind.UNIX),
    ],
)
def test_unix_of__what_people_write__is_the_second_by_which_it_had_come(text: str, seconds: int, kind: Kind) -> None:
    assert unix_of(text) == (seconds, kind)


@given(st.integers(631_152_000, 4_102_444_799))
def test_written__any_second__is_read_as_the_same(seconds: int) -> None:
    assert unix_of(written(seconds))[0] == seconds
