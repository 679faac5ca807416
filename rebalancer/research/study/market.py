"""Flags and the symbols of a portfolio in; its prices, and what gas and depth were beside them, out of their files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rebalancer.config import text
from rebalancer.core.errors import ConfigError
from rebalancer.research.model import DOLLAR, Floats, Prices, Times
from rebalancer.research.prices.file import read_sheet
from rebalancer.research.prices.grid import Wanted, make_grid
from rebalancer.research.prices.problems import Problems
from rebalancer.research.prices.reading import chosen, require_columns
from rebalancer.research.prices.sheet import read_block
from rebalancer.research.prices.synthetic import SYMBOLS, make_market
from rebalancer.research.prices.times import DAY, unix_of, written
from rebalancer.research.study.flags import Flags, pairs, parsed, period

ALIASES = {"WETH": "ETH", "WBTC": "BTC"}
"""Tokens that stand for another one, by its name in lists of prices."""
COINS = ("ETH", "WETH")
"""Columns whose price turns gas into dollars: the first that is there."""
GAS = "20 gwei"


@dataclass(frozen=True, slots=True)
class Columns:
    """Prices of a portfolio in its own symbols, and of the chain's coin where there is a column of it."""

    prices: Prices
    coin: Floats | None
    said: tuple[str, ...]
    warned: tuple[str, ...]
    """What may make every figure wrong that rests on them."""


def read_columns(flags: Flags, symbols: Sequence[str] | None) -> Columns:
    """`symbols` of the portfolio in their order; None: all that the files have. Raises ConfigError."""
    maps = {name: column for each in flags.maps for name, column in pairs("--map", each)}
    fill = 0 if flags.fill is None else parsed("--fill", flags.fill, text.whole_number)
    if flags.synthetic is not None:
        if flags.prices:
            raise ConfigError("--prices and --synthetic are both given: take one of them")
        return _synthetic(flags, flags.synthetic, symbols, maps)
    if not flags.prices:
        raise ConfigError(
            "no prices: give files with --prices FILE (`rebalancer prices` makes them), or --synthetic 1 for a market "
            "that never was"
        )
    problems = Problems()
    blocks = [read_block(read_sheet(path, number, problems), problems) for number, path in enumerate(flags.prices)]
    known = tuple(dict.fromkeys(symbol for block in blocks for symbol in block.symbols))
    named = _columns(symbols or known, known, maps)
    require_columns(named, known)
    columns = tuple(dict.fromkeys(column for column in named.values() if column != DOLLAR))
    further = tuple(coin for coin in COINS if coin in known)[:1]
    wanted = tuple(dict.fromkeys((*columns, *further)))
    grid = make_grid(blocks, Wanted(wanted, *period(flags.since, flags.until), fill), problems)
    said = (*(notice for block in blocks for notice in block.notices), *grid.notices)
    return _chosen(grid.prices, named, said, grid.warned)


def _synthetic(flags: Flags, seed: int, symbols: Sequence[str] | None, maps: Mapping[str, str]) -> Columns:
    wanted = tuple(symbols or SYMBOLS)
    named = _columns(wanted, tuple(ALIASES.get(symbol, symbol) for symbol in wanted), maps)
    columns = tuple(dict.fromkeys(column for column in (*named.values(), COINS[0]) if column != DOLLAR))
    prices = make_market(seed, symbols=columns)
    start, end = period(flags.since, flags.until)
    inside = (prices.times >= (start or 0)) & (prices.times <= (prices.times[-1] if end is None else end))
    if np.count_nonzero(inside) < 2:
        raise ConfigError(
            f"--from, --to: no two days of the synthetic market, which runs from {written(int(prices.times[0]))} to "
            f"{written(int(prices.times[-1]))}"
        )
    said = f"prices are made up (seed {seed}): what does well in them has shown that its arithmetic is right, no more"
    return _chosen(Prices(columns, prices.times[inside], prices.usd[inside]), named, (), (said,))


def _columns(symbols: Sequence[str], known: Sequence[str], maps: Mapping[str, str]) -> dict[str, str]:
    """By symbol the column that it is taken from: as mapped, its own, or that of what it stands for."""
    if strange := [name for name in maps if name not in symbols]:
        raise ConfigError(f"--map: {', '.join(strange)} is no asset of the portfolio: {', '.join(symbols)}")
    own = {symbol: symbol if symbol in known else ALIASES.get(symbol, symbol) for symbol in symbols}
    return own | dict(maps)


def _chosen(prices: Prices, named: Mapping[str, str], said: Sequence[str], warned: tuple[str, ...]) -> Columns:
    taken = tuple(f"{symbol} is taken at the price of {column}" for symbol, column in named.items() if symbol != column)
    coin = next((prices.usd[:, prices.symbols.index(coin)] for coin in COINS if coin in prices.symbols), None)
    return Columns(chosen(prices, tuple(named), named), coin, (*said, *taken), warned)


# ------------------------------------------------------------ gas


def gas_prices(flags: Flags, times: Times, coin: Floats | None) -> tuple[Times, Floats, tuple[str, ...]]:
    """(wei for a unit and dollars of the coin, both by time; what is to be said of them). Raises ConfigError."""
    if flags.gas is not None and flags.gas_prices is not None:
        raise ConfigError("--gas and --gas-prices are both given: take one of them")
    nothing = np.zeros(len(times), dtype=np.int64)
    price = parsed("--gas", GAS if flags.gas is None else flags.gas, text.wei)
    if flags.gas_prices is None and price == 0:
        return nothing, np.ones(len(times)), ("gas is free",)
    if coin is None:
        if flags.gas is None and flags.gas_prices is None:
            return nothing, np.ones(len(times)), (f"gas counts for nothing: no column of prices is {COINS[0]}",)
        raise ConfigError(
            f"prices: no history of {COINS[0]}, in which gas is paid: give a file that has it too, or --gas '0 gwei'"
        )
    if flags.gas_prices is not None:
        return _by_day(flags.gas_prices, times), coin, ()
    if price >= 1 << 62:
        raise ConfigError(f"--gas: saw {flags.gas!r}, expected a price of a unit of gas such as `20 gwei`")
    given = () if flags.gas is not None else (f"gas is taken at {GAS} throughout: --gas, or --gas-prices FILE",)
    return nothing + price, coin, given


def _by_day(path: Path, times: Times) -> Times:
    """Of the day (UTC) of each time."""
    found = _read_days(path)
    days = (times // DAY).tolist()
    if missing := [day for day in days if day not in found]:
        raise ConfigError(
            f"{path}: no gas price of {written(missing[0] * DAY)}, nor of {len(set(missing)) - 1} more of the days; "
            "expected one for each day of the prices: give another file, or --from and --to"
        )
    return np.array([found[day] for day in days], dtype=np.int64)


def _read_days(path: Path) -> dict[int, int]:
    """By day since 1970-01-01: wei. The first column is the day; the last says its unit in its name."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"--gas-prices {path}: cannot be read as CSV ({error}); give a readable file") from None
    head = rows[0] if rows else []
    unit = next((factor for name, factor in (("gwei", 10**9), ("wei", 1)) if head and name in head[-1].lower()), None)
    if len(head) < 2 or unit is None:
        raise ConfigError(
            f"{path}:1: saw the columns {', '.join(head) or 'none'}, expected a day and a gas price in wei or in gwei "
            "as its name says: `date,wei`"
        )
    found: dict[int, int] = {}
    for number, row in enumerate(rows[1:], 2):
        try:
            day, price = unix_of(row[0])[0] // DAY, float(row[-1])
        except (ValueError, IndexError):
            raise ConfigError(f"{path}:{number}: saw {','.join(row)!r}, expected a day and a gas price") from None
        if not 0 <= price * unit < 1 << 62:
            raise ConfigError(f"{path}:{number}: a gas price of {row[-1]}, expected zero or more, in {head[-1]}")
        if day in found:
            raise ConfigError(f"{path}:{number}: {row[0]} comes a second time, expected each day once")
        found[day] = round(price * unit)
    return found
