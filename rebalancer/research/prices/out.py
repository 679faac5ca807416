"""Prices in, a file out that `prices` reads again: CSV, or Parquet where its name ends so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rebalancer.core.errors import ConfigError
from rebalancer.research.model import Prices
from rebalancer.research.prices.times import DAY, written, written_whole
from rebalancer.research.whole import whole

CSV, PARQUET = ".csv", ".parquet"


@dataclass(frozen=True, slots=True)
class Cells:
    """Prices as decimal text, a row for each time; an empty cell where there is none."""

    symbols: tuple[str, ...]
    times: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]


def cells_of(prices: Prices) -> Cells:
    """Each price as the shortest text that stands for it."""
    rows = tuple(tuple(map(repr, row)) for row in prices.usd.tolist())
    return Cells(prices.symbols, tuple(prices.times.tolist()), rows)


def require_free(path: Path) -> None:
    """ConfigError where it names no format, or something stands there: what was hard to get is not written over."""
    if path.suffix not in (CSV, PARQUET):
        raise ConfigError(f"--out {path}: expected a name that ends in {CSV} or {PARQUET}; give such a one")
    if path.exists():
        raise ConfigError(f"{path}: exists, expected a name that is free; move it away, or give another as --out")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.absolute().parent}; make it, or give another as --out")


def write_cells(path: Path, cells: Cells) -> None:
    """Whole, or not at all. Raises ConfigError where it cannot."""
    try:
        with whole(path) as draft:
            _write_parquet(draft, cells) if path.suffix == PARQUET else _write_csv(draft, cells)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; give another file as --out") from None


def _write_csv(path: Path, cells: Cells) -> None:
    head, show = ("date", written) if all(time % DAY == 0 for time in cells.times) else ("time", written_whole)
    rows = (",".join((show(time), *row)) for time, row in zip(cells.times, cells.rows, strict=True))
    with path.open("w", newline="") as file:
        file.writelines(f"{line}\n" for line in (",".join((head, *cells.symbols)), *rows))


def _write_parquet(path: Path, cells: Cells) -> None:
    try:
        from pyarrow import array, float64, int64, table, timestamp
        from pyarrow.parquet import write_table
    except ImportError as error:
        raise ConfigError(
            f"Parquet takes pyarrow to write ({error}); install the extra `research`, or give a file that ends in .csv "
            "as --out"
        ) from None
    columns = {"time": array(cells.times, int64()).cast(timestamp("s", tz="UTC"))}
    for place, symbol in enumerate(cells.symbols):
        columns[symbol] = array([float(row[place]) if row[place] else None for row in cells.rows], float64())
    write_table(table(columns), path)


def cells_from(symbols: Sequence[str], times: Sequence[int], found: dict[str, dict[int, str]]) -> Cells:
    """From what a source had at each time; times before the first price of all, and behind the last, are left out."""
    any_price = [time for time in times if any(time in found[symbol] for symbol in symbols)]
    kept = tuple(time for time in times if any_price and any_price[0] <= time <= any_price[-1])
    rows = tuple(tuple(found[symbol].get(time, "") for symbol in symbols) for time in kept)
    return Cells(tuple(symbols), kept, rows)
