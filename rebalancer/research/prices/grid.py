"""The blocks of several files in, one table without a hole out: or each hole by file and line, and what was filled.

A table's times are those of its files together. Rounds have no times of their own in it: at each time of the others,
or at each full hour where there are none, the round counts that stood then. All are expected at one distance, the one
most often seen; a tenth of it is let pass, for months have no one length. Nothing is filled in unless `fill` says so:
then the last price known is carried, over so many times in a row at most, and each of them is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.research.model import Floats, Prices, Times
from rebalancer.research.prices.holes import Grid, carry_over, jumps_in, name_holes, words_of_filling
from rebalancer.research.prices.problems import Problems
from rebalancer.research.prices.sheet import Block
from rebalancer.research.prices.times import Kind, written

HOUR = 3_600
STANDS = 25 * HOUR
"""The longest that a round is believed: the longest heartbeat of a feed on mainnet is a day."""
_LEEWAY = 10
"""What part of a step two times may be nearer or farther."""
MOST_FILL = 1_000
"""Times in a row: a token without a price for longer has no history there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the files is asked for. None: all there is. Times in Unix seconds, both ends included."""

    symbols: tuple[str, ...] | None = None
    start: int | None = None
    end: int | None = None
    fill: int = 0
    """Times in a row without a price that the last one known may stand for."""


@dataclass(frozen=True, slots=True)
class Gridded:
    """One table; `step` is its usual distance in seconds, `filled` how many prices were carried."""

    prices: Prices
    step: int
    filled: int
    notices: tuple[str, ...]
    """What whoever uses the prices must know."""
    warned: tuple[str, ...]
    """What may make every figure that rests on them wrong: jumps, and what was carried."""


def make_grid(blocks: Sequence[Block], wanted: Wanted, problems: Problems) -> Gridded:
    """Raises ConfigError with all that is wrong, also what was found in `problems` before."""
    if not 0 <= wanted.fill <= MOST_FILL:
        raise ConfigError(f"--fill: saw {wanted.fill}, expected 0 to {MOST_FILL:,} times in a row")
    if problems.rows_lost:
        problems.raise_all()  # what is missing beside a row that was not understood follows from it
    symbols = _symbols(blocks, wanted)
    blocks = [_cut(block, symbols, wanted) for block in blocks if set(symbols) & set(block.symbols)]
    _check_once(blocks, symbols, problems)
    grid, inserted, said = _grid(blocks, wanted.fill, problems)
    usd = np.full((len(grid.times), len(symbols)), nan)
    for block in blocks:
        _put(block, symbols, grid, usd)
    filled = carry_over(usd, wanted.fill)
    name_holes(usd, symbols, grid, blocks, problems)
    problems.raise_all()
    warned = jumps_in(usd, symbols, grid)
    if inserted or filled.any():
        warned.append(words_of_filling(filled, symbols, inserted, wanted.fill))
    notices = (*_of_mixing(blocks), *said)
    return Gridded(Prices(symbols, grid.times, usd), grid.step, int(filled.sum()), notices, tuple(warned))


def _cut(block: Block, symbols: tuple[str, ...], wanted: Wanted) -> Block:
    """The symbols and times that are asked for; of rounds, also the one that stands at the first of them."""
    columns = [place for place, symbol in enumerate(block.symbols) if symbol in symbols]
    usd = block.usd[:, columns]
    if block.layout == "long" and len(columns) < len(block.symbols):
        # The rows of other tokens are no rows of these.
        having = ~np.isnan(usd).all(axis=1)
        lines = [line for line, keep in zip(block.lines, having.tolist(), strict=True) if keep]
        block = replace(block, times=block.times[having], usd=block.usd[having], lines=lines)
        usd = usd[having]
    low = 0 if wanted.start is None else int(np.searchsorted(block.times, wanted.start, "left"))
    high = len(block.times) if wanted.end is None else int(np.searchsorted(block.times, wanted.end, "right"))
    if block.layout == "rounds" and low and (low == len(block.times) or block.times[low] != wanted.start):
        low -= 1
    cut = slice(low, high)
    return replace(
        block,
        symbols=tuple(block.symbols[place] for place in columns),
        columns=tuple(block.columns[place] for place in columns),
        times=block.times[cut],
        usd=usd[cut],
        lines=block.lines[cut],
    )


def _symbols(blocks: Sequence[Block], wanted: Wanted) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(symbol for block in blocks for symbol in block.symbols))
    if wanted.symbols is None:
        return known
    missing = [symbol for symbol in wanted.symbols if symbol not in known]
    if missing:
        raise ConfigError(
            f"{', '.join(block.place.name for block in blocks)}: no history of {', '.join(missing)}; there are "
            f"{', '.join(known)}. Give a file that has it too"
        )
    return wanted.symbols


def _check_once(blocks: Sequence[Block], symbols: tuple[str, ...], problems: Problems) -> None:
    """A price in two files is one too many, whether or not they agree."""
    for symbol in symbols:
        having = [block for block in blocks if symbol in block.symbols]
        for number, block in enumerate(having):
            for before in having[:number]:
                if "rounds" in (block.layout, before.layout):
                    words = f"{symbol} again, as in {before.place.name}: a round stands until the next; leave one out"
                    problems.add(block.place, 1, 0, words)
                    continue
                both, ours, theirs = np.intersect1d(block.times, before.times, return_indices=True)
                if len(both):
                    problems.add(
                        block.place,
                        block.lines[int(ours[0])],
                        1,
                        f"{symbol} at {written(int(both[0]))} again, as in {before.place.name}:"
                        f"{before.lines[int(theirs[0])]} ({len(both):,} times in both); expected each price once",
                    )


def _grid(blocks: Sequence[Block], fill: int, problems: Problems) -> tuple[Grid, int, list[str]]:
    """All times; with `fill`, those that are missing too, and how many these are. Raises ConfigError below two."""
    tables = [block for block in blocks if block.layout != "rounds"]
    times = np.unique(np.concatenate([block.times for block in tables])) if tables else _hours(blocks)
    if len(times) < 2:
        problems.raise_all()
        seen = _rows(len(times)) if tables else f"{len(times)} full hours"
        raise ConfigError(
            f"{', '.join(block.place.name for block in blocks)}: {seen} of prices in the time that is asked for, "
            "expected at least two: without a change there is nothing to look back on"
        )
    lines = {
        seconds: (block.place, line)
        for block in reversed(tables)
        for seconds, line in zip(block.times.tolist(), block.lines, strict=True)
    }
    steps, counts = np.unique(np.diff(times), return_counts=True)
    step = int(steps[np.argmax(counts)])
    grid = Grid(times, lines, step)
    inserted = _check_steps(grid, fill, problems)
    said = []
    if len(steps) > 1 and not inserted:
        said.append(f"times are {int(steps[0]):,} s to {int(steps[-1]):,} s apart, mostly {step:,} s")
    if inserted:
        grid = replace(grid, times=np.unique(np.concatenate([times, np.array(inserted, dtype=np.int64)])))
    return grid, len(inserted), said


def _hours(blocks: Sequence[Block]) -> Times:
    """The full hours that all feeds have."""
    first = max((int(block.times[0]) for block in blocks if len(block.times)), default=0)
    last = min((int(block.times[-1]) for block in blocks if len(block.times)), default=-1)
    return HOUR * np.arange(-(-first // HOUR), last // HOUR + 1, dtype=np.int64)


def _check_steps(grid: Grid, fill: int, problems: Problems) -> list[int]:
    """The times to put in between. What may not be filled is a problem."""
    step, inserted = grid.step, []
    uneven = np.flatnonzero(np.abs(np.diff(grid.times) - step) > step // _LEEWAY)
    for at in uneven.tolist():
        before, after = int(grid.times[at]), int(grid.times[at + 1])
        missing = (after - before + step // 2) // step - 1
        even = abs(after - before - (missing + 1) * step) <= step // _LEEWAY
        if even and 0 < missing <= fill:
            inserted += [before + step * number for number in range(1, missing + 1)]
            continue
        place, line = grid.lines[after]
        between = f"between {written(before)} and {written(after)}"
        problems.add(
            place,
            line,
            1,
            f"a gap: of every {step:,} s, {_rows(missing)} missing {between}{_way_out(missing)}"
            if even and missing > 0
            else f"unequal steps: {after - before:,} s {between}, elsewhere {step:,} s; expected one step throughout",
        )
    return inserted


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"


def _way_out(missing: int) -> str:
    return f"; add them, or carry the last price with --fill {missing}"


def _put(block: Block, symbols: tuple[str, ...], grid: Grid, usd: Floats) -> None:
    for place, symbol in enumerate(block.symbols):
        if not len(block.times):
            continue
        column = symbols.index(symbol)
        if block.layout == "rounds":
            stood = np.searchsorted(block.times, grid.times, "right") - 1
            fresh = (stood >= 0) & (grid.times - block.times[stood] <= STANDS)
            usd[fresh, column] = block.usd[stood[fresh], place]
        else:
            rows = np.searchsorted(grid.times, block.times)
            has = ~np.isnan(block.usd[:, place])
            usd[rows[has], column] = block.usd[has, place]


def _of_mixing(blocks: Sequence[Block]) -> list[str]:
    kinds = {block.kind is Kind.DATE for block in blocks}
    if len(kinds) < 2:
        return []
    dated = ", ".join(block.place.name for block in blocks if block.kind is Kind.DATE)
    return [
        f"{dated}: a date is taken as its first moment in UTC. If its prices are those of the end of the day, they "
        "stand a day too early beside the files that name the time"
    ]
