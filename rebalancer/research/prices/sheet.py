"""The cells of one file in, its prices by time and symbol out, or what is wrong with them, by line and column.

Three layouts, told apart by the names of the columns:

wide     a column of times, and one for each token, which its symbol names
long     time, symbol, price: a row for each price, in any order of the symbols
rounds   updated_at and answer_1e8 (or of other decimals): what a Chainlink feed said, one feed a file, whose name is
         the symbol as in chainlink_eth_usd_rounds.csv. A round stands until the next; of two in one second the later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.research.model import DOLLAR, Floats, Times
from rebalancer.research.prices.cells import column_name, prices_of
from rebalancer.research.prices.file import Sheet
from rebalancer.research.prices.problems import Place, Problems, shown
from rebalancer.research.prices.times import Kind, midnights_of, unix_of, written, zone_of

TIME_NAMES = ("time", "date", "timestamp", "datetime", "day", "updated_at", "block_timestamp", "")
SYMBOL_NAMES = ("symbol", "token", "asset", "coin")
PRICE_NAMES = ("price", "usd", "price_usd", "close", "value")
_NOT_SYMBOLS = {*PRICE_NAMES, *SYMBOL_NAMES, "open", "high", "low", "volume", "market_cap", "adj close"}
_LONGEST = 40
"""Characters of a symbol."""
_ANSWER = re.compile(r"answer(?:_1e(?P<places>[0-9]{1,2}))?")
_FEED_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """One file: `usd` of shape (times, symbols), not a number where there is none. `lines` of the times."""

    place: Place
    layout: str
    symbols: tuple[str, ...]
    columns: tuple[int, ...]
    """Where each symbol's prices stand, from 1."""
    times: Times
    usd: Floats
    lines: list[int]
    kind: Kind
    """How its times are written."""
    notices: tuple[str, ...] = ()


def read_block(sheet: Sheet, problems: Problems) -> Block:
    """Raises ConfigError where the columns are none that are known; all else goes to `problems`."""
    names = [name.lower() for name in sheet.head]
    time = _column(names, TIME_NAMES)
    if time is None:
        raise ConfigError(
            f"{sheet.path}:1: no column of times among {', '.join(map(shown, sheet.head[:8]))}; expected one that is "
            f"called {', '.join(TIME_NAMES[:5])} or updated_at"
        )
    rows, times, kind, notices = _times(sheet, time, problems)
    kept = Sheet(sheet.place, sheet.path, sheet.head, [sheet.rows[at] for at in rows], [sheet.lines[at] for at in rows])
    answer = next((at for at, name in enumerate(names) if _ANSWER.fullmatch(name)), None)
    symbol, price = _column(names, SYMBOL_NAMES), _column(names, PRICE_NAMES)
    if answer is not None:
        return _rounds(kept, answer, times, kind, problems)
    if symbol is not None and price is not None:
        return _long(kept, (symbol, price), (times, kind, notices), problems)
    return _wide(kept, time, (times, kind, notices), problems)


def _column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _times(sheet: Sheet, column: int, problems: Problems) -> tuple[list[int], Times, Kind, tuple[str, ...]]:
    """Which rows have a time, the times, how they are written, and what is to be said of it."""
    texts = [row[column].strip() for row in sheet.rows]
    dates = midnights_of(texts)
    if dates is not None:
        return list(range(len(texts))), dates, Kind.DATE, ()
    rows: list[int] = []
    times: list[int] = []
    first: Kind | None = None
    for at, text in enumerate(texts):
        try:
            seconds, kind = unix_of(text)
            first = first or kind
            if kind is not first:
                raise ValueError(f"is {kind.value}, those above are {first.value}; expected one kind throughout")
        except ValueError as error:
            words = f"{column_name(sheet, column)}: {shown(text)} {error}"
            problems.add_row(sheet.place, sheet.lines[at], column + 1, words)
            continue
        rows.append(at)
        times.append(seconds)
    zones = {zone_of(texts[at]) for at in rows} if first is Kind.ZONED else set()
    kind = first or Kind.DATE
    return rows, np.array(times, dtype=np.int64), kind, tuple(_said_of_times(sheet.place, kind, zones))


def _said_of_times(place: Place, kind: Kind, zones: set[str]) -> list[str]:
    if kind is Kind.NAIVE:
        return [f"{place.name}: its times name no zone and are taken as UTC"]
    if len(zones) > 1:
        return [f"{place.name}: its times are of the zones {', '.join(sorted(zones))}; each is taken as it says"]
    return []


Timed = tuple[Times, Kind, tuple[str, ...]]


def _wide(sheet: Sheet, time: int, timed: Timed, problems: Problems) -> Block:
    times, kind, notices = timed
    columns = [at for at in range(len(sheet.head)) if at != time]
    symbols = [sheet.head[at] for at in columns]
    _check_symbols(sheet, columns)
    _check_order(sheet, times, problems)
    usd = np.empty((len(times), len(columns)))
    for place, at in enumerate(columns):
        usd[:, place] = prices_of(sheet, at, problems)
    return Block(
        sheet.place,
        "wide",
        tuple(symbols),
        tuple(at + 1 for at in columns),
        times,
        usd,
        sheet.lines,
        kind,
        notices,
    )


def _check_symbols(sheet: Sheet, columns: Sequence[int]) -> None:
    """ConfigError: with columns that nobody knows, their cells say nothing."""
    seen: dict[str, int] = {}
    problems = Problems()
    for at in columns:
        name = sheet.head[at]
        reason = reason_no_symbol(name) or (f"again, as column {seen[name]}; expected once" if name in seen else None)
        if reason is not None:
            problems.add(sheet.place, 1, at + 1, f"column {at + 1}: {shown(name)} {reason}")
        seen.setdefault(name, at + 1)
    if not columns:
        problems.add(sheet.place, 1, 0, "no column of prices beside the times, expected one for each token")
    problems.raise_all()


def reason_no_symbol(name: str) -> str | None:
    """Why a column cannot be called so; None: it can."""
    if name == DOLLAR:
        return "is the unit itself; leave it out"
    if not name or not name.isprintable() or len(name) > _LONGEST or "," in name:
        return f"is no symbol, expected one of 1 to {_LONGEST} characters that can be printed"
    if name.lower() in _NOT_SYMBOLS:
        return (
            "is no token's symbol; call the column of its closes by the symbol and leave the others out, or give "
            "columns time, symbol and price"
        )
    return None


def _check_order(sheet: Sheet, times: Times, problems: Problems) -> None:
    steps = np.diff(times)
    if len(steps) and bool(np.all(steps < 0)):
        words = "the newest row comes first, expected the oldest: turn them around"
        problems.add_row(sheet.place, sheet.lines[0], 1, words)
        return
    for at in np.flatnonzero(steps <= 0).tolist():
        now, before = written(int(times[at + 1])), written(int(times[at]))
        line, above = sheet.lines[at + 1], sheet.lines[at]
        if now == before:
            problems.add(sheet.place, line, 1, f"{now} again, as in line {above}; expected each time once")
        else:
            words = f"time goes back to {now} after {before} in line {above}; expected the oldest row first"
            problems.add_row(sheet.place, line, 1, words)


def _long(sheet: Sheet, columns: tuple[int, int], timed: Timed, problems: Problems) -> Block:
    times, kind, notices = timed
    symbol_at, price_at = columns
    names = [row[symbol_at].strip() for row in sheet.rows]
    symbols = tuple(dict.fromkeys(name for name in names if name))
    prices = prices_of(sheet, price_at, problems, symbols_of=names)
    grid, places = np.unique(times, return_inverse=True)
    usd = np.full((len(grid), len(symbols)), nan)
    lines = [0] * len(grid)
    seen: dict[tuple[str, int], int] = {}
    newest: dict[str, tuple[int, int]] = {}
    for at, (name, place, line) in enumerate(zip(names, places.tolist(), sheet.lines, strict=True)):
        if (reason := reason_no_symbol(name)) is not None:
            words = f"{column_name(sheet, symbol_at)}: {shown(name)} {reason}"
            problems.add(sheet.place, line, symbol_at + 1, words)
            continue
        before, above = newest.get(name, (-1, 0))
        if (name, place) in seen:
            when = written(int(grid[place]))
            problems.add(sheet.place, line, 1, f"{name} at {when} again, as in line {seen[name, place]}; expected once")
        elif place < before:
            when = written(int(grid[place]))
            words = f"{name}: time goes back to {when} after line {above}; expected oldest first"
            problems.add_row(sheet.place, line, 1, words)
        seen.setdefault((name, place), line)
        newest[name] = max(newest.get(name, (-1, 0)), (place, line))
        usd[place, symbols.index(name)] = prices[at]
        lines[place] = lines[place] or line
    return Block(sheet.place, "long", symbols, (price_at + 1,) * len(symbols), grid, usd, lines, kind, notices)


def _rounds(sheet: Sheet, column: int, times: Times, kind: Kind, problems: Problems) -> Block:
    found = _ANSWER.fullmatch(sheet.head[column].lower())
    places = int(found["places"]) if found is not None and found["places"] else _FEED_DECIMALS
    answers = prices_of(sheet, column, problems, unit=10.0**places) / 10.0**places
    steps = np.diff(times)
    for at in np.flatnonzero(steps < 0).tolist():
        now, before = written(int(times[at + 1])), written(int(times[at]))
        words = f"time goes back to {now} after {before}; expected oldest first"
        problems.add_row(sheet.place, sheet.lines[at + 1], 1, words)
    # Of rounds in one second the last one counts.
    last = np.append(steps != 0, True)
    lines = [line for line, keep in zip(sheet.lines, last.tolist(), strict=True) if keep]
    again = int(np.count_nonzero(~last))
    notices = (f"{sheet.place.name}: {again} rounds of the same second as the next were left out",) if again else ()
    usd = answers[last].reshape(-1, 1)
    symbol = _symbol_of(sheet)
    return Block(sheet.place, "rounds", (symbol,), (column + 1,), times[last], usd, lines, kind, notices)


def _symbol_of(sheet: Sheet) -> str:
    """chainlink_eth_usd_rounds.csv is of ETH."""
    parts = [part for part in re.split(r"[_\-. ]+", sheet.path.stem) if part.lower() not in ("chainlink", "rounds")]
    symbol = (parts[0] if parts else sheet.path.stem).upper()
    if symbol == DOLLAR:
        raise ConfigError(f"{sheet.path}: expected the token's symbol first in its name, as in eth_usd_rounds.csv")
    return symbol
