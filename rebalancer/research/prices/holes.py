"""A table with holes in: those that may be are filled and counted, the others named with file, line and column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebalancer.research.model import Floats, Times
from rebalancer.research.prices.problems import Place, Problems
from rebalancer.research.prices.sheet import Block
from rebalancer.research.prices.times import written

JUMP = 100.0
"""From one time to the next, up or down: a wrong unit or a new token more likely than a market."""


@dataclass(frozen=True, slots=True)
class Grid:
    times: Times
    lines: dict[int, tuple[Place, int]]
    """Where each time stands in a file; those that were put in between have none."""
    step: int


def carry_over(usd: Floats, most: int) -> NDArray[np.int64]:
    """Carries the last price over at most `most` times in a row, in place; how often, by symbol."""
    filled = np.zeros(usd.shape[1], dtype=np.int64)
    if not most:
        return filled
    for column in range(usd.shape[1]):
        for first, last in _runs(usd[:, column]):
            if first and last - first < most:
                usd[first : last + 1, column] = usd[first - 1, column]
                filled[column] += last - first + 1
    return filled


def _runs(prices: Floats) -> Iterator[tuple[int, int]]:
    """First and last place of each stretch without a price."""
    edges = np.diff(np.isnan(prices).astype(np.int8), prepend=0, append=0)
    yield from zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True)


def name_holes(usd: Floats, symbols: tuple[str, ...], grid: Grid, blocks: Sequence[Block], problems: Problems) -> None:
    if not np.isnan(usd).any():
        return
    for column, symbol in enumerate(symbols):
        home = next(block for block in blocks if symbol in block.symbols)
        for first, last in _runs(usd[:, column]):
            start, end = int(grid.times[first]), int(grid.times[last])
            place, line = _line_of(home, start, grid)
            at = home.columns[home.symbols.index(symbol)]
            count = last - first + 1
            when = (
                f"at {written(start)}" if count == 1 else f"from {written(start)} to {written(end)} ({count:,} times)"
            )
            problems.add(place, line, at, f"column {at} ({symbol}): no price {when}; {_next_step(first, last, grid)}")


def _next_step(first: int, last: int, grid: Grid) -> str:
    if first == 0 and last == len(grid.times) - 1:
        return "the token has no history in this time: leave it out"
    if first == 0:
        return f"its history begins later: read from there on (--from {written(int(grid.times[last + 1]))})"
    if last == len(grid.times) - 1:
        return f"its history ends: read until then (--to {written(int(grid.times[first - 1]))})"
    return f"add it, or carry the last price with --fill {last - first + 1}"


def _line_of(home: Block, seconds: int, grid: Grid) -> tuple[Place, int]:
    """Where the price would stand: in the token's own file at that time, or else behind its last row before."""
    at = int(np.searchsorted(home.times, seconds, "left"))
    if at < len(home.times):
        return home.place, home.lines[at]
    return home.place, home.lines[-1] if home.lines else grid.lines.get(seconds, (home.place, 1))[1]


def jumps_in(usd: Floats, symbols: tuple[str, ...], grid: Grid) -> list[str]:
    ratio = usd[1:] / usd[:-1]
    found = []
    for at, column in np.argwhere((ratio >= JUMP) | (ratio <= 1 / JUMP)).tolist():
        when = int(grid.times[at + 1])
        place, line = grid.lines.get(when, (None, 0))
        where = "" if place is None else f"{place.name}:{line}: "
        found.append(
            f"{where}{symbols[column]} goes from {usd[at, column]:g} to {usd[at + 1, column]:g} at {written(when)}: "
            "more likely a unit, or another token, than a market"
        )
    more = [f"and {len(found) - 5:,} more such jumps"] if len(found) > 5 else []
    return found[:5] + more


def words_of_filling(filled: NDArray[np.int64], symbols: tuple[str, ...], rows: int, fill: int) -> str:
    each = ", ".join(f"{symbol} {count:,}" for symbol, count in zip(symbols, filled.tolist(), strict=True) if count)
    whole = f"; whole rows {rows:,}" if rows else ""
    return (
        f"prices carried over from the time before: {int(filled.sum()):,} ({each}{whole}), at most {fill} in a row: a "
        "price that stands still makes a market look calmer, and easier to trade, than it was"
    )
