"""Files in, the prices of a study out; and what is taken of them: some columns, some times, one a day, integers.

Whatever is wrong with a file is a ConfigError that names file, line and column, all at once; nothing is filled in
unless that is asked for. See `sheet` for what a file may look like, `grid` for how several become one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.research.model import DOLLAR, Prices
from rebalancer.research.prices.file import read_sheet
from rebalancer.research.prices.grid import Gridded, Wanted, make_grid
from rebalancer.research.prices.problems import Problems
from rebalancer.research.prices.sheet import Block, read_block
from rebalancer.research.prices.times import written
from rebalancer.units import ONE, Usd

log = logging.getLogger("rebalancer.prices")

_PLACES = 1e8
_FIFTEEN_DIGITS = 1e15


@dataclass(frozen=True, slots=True)
class Source:
    """What one file held."""

    name: str
    layout: str
    symbols: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class History:
    """The prices of some files, and what there is to say of them."""

    prices: Prices
    sources: tuple[Source, ...]
    step: int
    """Seconds between two times, mostly."""
    filled: int
    """Prices that were carried over from the time before."""
    notices: tuple[str, ...]
    """What whoever uses them must know."""
    said: tuple[str, ...]
    """How the files were understood."""


def read_prices(paths: Sequence[Path], fill: int | None = None, wanted: Wanted | None = None) -> Prices:
    """One table out of all files. `fill`: over how many times in a row without a price the last one is carried; else
    none is. `wanted`: the symbols and times that matter, where the rest may have holes.

    What must be known of them is warned of. Raises ConfigError with all that is wrong, by file, line and column.
    """
    history = read_history(paths, replace(wanted or Wanted(), fill=fill or 0))
    for notice in history.notices:
        log.warning(notice)
    return history.prices


def read_history(paths: Sequence[Path], wanted: Wanted) -> History:
    """The same, with what there is to say of it."""
    if not paths:
        raise ConfigError("no file of prices, expected at least one: CSV or Parquet")
    problems = Problems()
    blocks = [read_block(read_sheet(path, number, problems), problems) for number, path in enumerate(paths)]
    grid: Gridded = make_grid(blocks, wanted, problems)
    said = tuple(notice for block in blocks for notice in block.notices)
    return History(
        grid.prices, tuple(map(_source, blocks)), grid.step, grid.filled, (*grid.notices, *grid.warned), said
    )


def _source(block: Block) -> Source:
    return Source(block.place.name, block.layout, block.symbols, len(block.times))


def usd_of(prices: Prices) -> list[tuple[Usd, ...]]:
    """Dollars at 1e18, for each time those of all symbols: exactly the shortest decimal text that stands for the float.

    What is finer than 1e-18 dollars is cut.
    """
    short = np.rint(prices.usd * _PLACES)
    # Two decimals of at most 15 digits are never one float: where one of eight places is it, it is the shortest.
    known = (short < _FIFTEEN_DIGITS) & (short / _PLACES == prices.usd)
    if known.all():
        unit = ONE // int(_PLACES)
        return [tuple([Usd(count * unit) for count in row]) for row in short.astype(np.int64).tolist()]
    return [tuple(Usd(int(Decimal(repr(price)) * ONE)) for price in row) for row in prices.usd.tolist()]


def between(prices: Prices, start: int | None = None, end: int | None = None) -> Prices:
    """From `start` to `end`, both in Unix seconds and both included; None: from the first, to the last.

    Raises ConfigError where fewer than two times are left.
    """
    low = 0 if start is None else int(np.searchsorted(prices.times, start, "left"))
    high = len(prices.times) if end is None else int(np.searchsorted(prices.times, end, "right"))
    if high - low < 2:
        first, last = written(int(prices.times[0])), written(int(prices.times[-1]))
        raise ConfigError(
            f"prices: {max(high - low, 0)} times from {'the first' if start is None else written(start)} to "
            f"{'the last' if end is None else written(end)}, expected at least two; there are prices from {first} to "
            f"{last}"
        )
    return Prices(prices.symbols, prices.times[low:high], prices.usd[low:high])


def closes(prices: Prices, step: int) -> Prices:
    """At every multiple of `step` seconds (a day: midnight UTC) the last price by then, if it is younger than `step`.

    Raises ConfigError where fewer than two such times have one.
    """
    first, last = -(-int(prices.times[0]) // step), int(prices.times[-1]) // step
    grid = step * np.arange(first, last + 1, dtype=np.int64)
    place = np.searchsorted(prices.times, grid, "right") - 1
    fresh = grid - prices.times[place] < step
    if np.count_nonzero(fresh) < 2:
        raise ConfigError(
            f"prices: {np.count_nonzero(fresh)} of them at whole steps of {step:,} s, expected at least two; give "
            "prices over a longer time"
        )
    return Prices(prices.symbols, grid[fresh], prices.usd[place[fresh]])


def chosen(prices: Prices, symbols: Sequence[str], aliases: Mapping[str, str] | None = None) -> Prices:
    """The columns of `symbols` in their order; `aliases` say which column a symbol has, where it is another one.

    Dollars are worth one. Raises ConfigError that names every symbol without history.
    """
    columns = [(aliases or {}).get(symbol, symbol) for symbol in symbols]
    require_columns(dict(zip(symbols, columns, strict=True)), prices.symbols)
    known = {symbol: place for place, symbol in enumerate(prices.symbols)}
    usd = np.ones((len(prices.times), len(columns)))
    for place, column in enumerate(columns):
        if column != DOLLAR:
            usd[:, place] = prices.usd[:, known[column]]
    return Prices(tuple(symbols), prices.times, usd)


def require_columns(columns: Mapping[str, str], known: Sequence[str]) -> None:
    """`columns`: by symbol the one that it is taken from. ConfigError that names every symbol without history."""
    missing = {symbol: column for symbol, column in columns.items() if column != DOLLAR and column not in known}
    if not missing:
        return
    said = ", ".join(s if s == column else f"{s} (as {column})" for s, column in missing.items())
    letters = {name.lower(): name for name in (*known, DOLLAR)}
    alike = [f"{c} is {letters[c.lower()]} there" for c in missing.values() if c.lower() in letters]
    raise ConfigError(
        f"prices: no history of {said}; there are {', '.join(known)}, and {DOLLAR} is always one. "
        f"{', '.join(alike) or 'Give a file that has it, or say which column to take: --map SYMBOL=COLUMN'}"
    )
