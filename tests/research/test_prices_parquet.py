"""Parquet: the same prices as in CSV, what is wrong with it by row and column, and what is none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from given_prices import DAY, FIRST, WHOLE, a_file

from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.out import cells_of, write_cells
from rebalancer.research.prices.reading import read_prices
from rebalancer.research.prices.synthetic import make_market

pa = pytest.importorskip("pyarrow", exc_type=ImportError)
pq = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)
MIDNIGHTS = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


def written(folder: Path, columns: dict[str, Any]) -> Path:
    path = folder / "prices.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    "times",
    [
        pa.array(MIDNIGHTS, pa.timestamp("ms", tz="UTC")),
        pa.array([moment.replace(tzinfo=None) for moment in MIDNIGHTS], pa.timestamp("ns")),
        pa.array([date(2024, 1, day) for day in (1, 2, 3)]),
        pa.array([FIRST, FIRST + DAY, FIRST + 2 * DAY]),
        pa.array(["2024-01-01", "2024-01-02", "2024-01-03"]),
        pa.array([moment.astimezone() - timedelta(0) for moment in MIDNIGHTS], pa.timestamp("s", tz="Europe/Berlin")),
    ],
    ids=lambda column: str(column.type),
)
@pytest.mark.parametrize("name", ["time", "__index_level_0__"])
def test_read__of_parquet_with_any_times__is_the_same(tmp_path: Path, times: Any, name: str) -> None:
    found = read_prices([written(tmp_path, {"BTC": [1.5, 2.5, 3.5], "ETH": [1, 2, 3], name: times})])
    assert found.symbols == ("BTC", "ETH") and found.times.tolist() == [FIRST, FIRST + DAY, FIRST + 2 * DAY]
    assert found.usd.tolist() == [[1.5, 1], [2.5, 2], [3.5, 3]]


def test_read__of_parquet_with_holes__names_row_and_column(tmp_path: Path) -> None:
    path = written(tmp_path, {"time": MIDNIGHTS, "BTC": [1.5, None, 3.5], "ETH": [float("nan"), 0.0, 3.0]})
    with pytest.raises(ConfigError) as caught:
        read_prices([path])
    assert [line.split(";")[0] for line in str(caught.value).splitlines()] == [
        "prices.parquet:1: column 3 (ETH): no price at 2024-01-01",
        "prices.parquet:2: column 2 (BTC): no price at 2024-01-02",
        "prices.parquet:2: column 3 (ETH): '0.0' is no price, expected more than zero",
    ]


def test_written__as_parquet__is_read_again_to_the_last_bit(tmp_path: Path) -> None:
    made = make_market(3, 40, step=3_600)
    write_cells(tmp_path / "out.parquet", cells_of(made))
    found = read_prices([tmp_path / "out.parquet"])
    assert (found.usd == made.usd).all() and np.array_equal(found.times, made.times)


def test_read__of_parquet_beside_csv__is_one_table(tmp_path: Path) -> None:
    path = written(tmp_path, {"date": [date(2024, 1, day) for day in (1, 2, 3, 4)], "UNI": [1.0, 2.0, 3.0, 4.0]})
    assert read_prices([a_file(tmp_path, WHOLE), path]).symbols == ("BTC", "ETH", "UNI")


def test_read__of_parquet_that_was_cut_off__says_so(tmp_path: Path) -> None:
    path = written(tmp_path, {"time": MIDNIGHTS, "BTC": [1.5, 2.0, 3.5]})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ConfigError, match="prices.parquet: not Parquet that can be read: "):
        read_prices([path])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"time": pa.nulls(5_100_000, pa.int64()), "BTC": pa.nulls(5_100_000, pa.float64())}, "10,200,000 cells"),
        ({"time": pa.array(range(3)), "BTC": pa.array([["1.5"] * 4_000_000] * 3)}, "12,000,003 cells"),
        ({"time": pa.array(range(3)), "BTC": pa.array([[1.5]] * 3)}, "column 'BTC.list.element' holds lists"),
        ({"time": pa.array(range(3)), "BTC": pa.array(["1" * 10**6] * 3)}, "a cell of column 'BTC' is longer than 100"),
        (
            {"time": pa.array(range(3)), "BTC": pa.array([b"1" * 999] * 3, pa.binary(999))},
            "column 'BTC' holds 999 bytes each",
        ),
    ],
    ids=["rows", "lists", "list", "text", "bytes"],
)
def test_read__of_parquet_that_unpacks_to_far_more__is_refused_before_it_is_read(
    tmp_path: Path, columns: dict[str, Any], said: str
) -> None:
    path = written(tmp_path, columns)
    assert path.stat().st_size < 200_000
    with pytest.raises(ConfigError, match=f"prices.parquet: .*{said}"):
        read_prices([path])


def test_read__of_parquet_that_says_it_unpacks_to_too_much__is_refused(tmp_path: Path) -> None:
    # Long texts that are all alike, and no dictionary of them.
    path = tmp_path / "prices.parquet"
    text = pa.array(["1" * 99 + str(number) for number in range(100)])
    pq.write_table(
        pa.table({"time": text.take(pa.array([n % 100 for n in range(2_700_000)]))}), path, use_dictionary=False
    )
    with pytest.raises(ConfigError, match="expected at most 256 MB of prices, saw 27. MB once unpacked"):
        read_prices([path])
