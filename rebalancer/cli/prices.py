"""`rebalancer prices`: histories from files, from feeds on-chain, from DefiLlama, or made up; and what is in them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalancer.cli.prices_told import Said, progress_of, tell
from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.out import Cells, cells_from, cells_of, require_free, write_cells
from rebalancer.research.prices.sheet import reason_no_symbol
from rebalancer.research.prices.times import DAY, written
from rebalancer.research.study.flags import parsed, period

if TYPE_CHECKING:
    from rebalancer.config import Settings

Span = tuple[str | None, str | None]
"""The first day and the last, as typed."""
DAYS = 1_826
"""Of history where no first day is named: five years."""
MOST_TIMES = 1_000_000
"""That are asked for: five years of every three minutes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """As typed. None: not given."""

    tokens: str | None
    every: str
    out: Path
    since: str | None = None
    until: str | None = None


def check_files(files: Sequence[Path], fill: int, span: Span, out: Path | None, as_json: bool) -> int:
    """What is in them. ConfigError with all that is wrong, by file, line and column."""
    from rebalancer.research.prices.grid import Wanted
    from rebalancer.research.prices.reading import read_history

    if out is not None:
        require_free(out)
    start, end = period(*span)
    history = read_history(files, Wanted(start=start, end=end, fill=fill))
    cells = cells_of(history.prices)
    if out is not None:
        write_cells(out, cells)
    sources = [f"{one.name}: {one.rows:,} rows, {one.layout}, of {', '.join(one.symbols)}" for one in history.sources]
    notices = (*history.notices, *history.said)
    tell(cells, Said(tuple(sources), notices, out, history.filled), as_json)
    return 0


def make_synthetic(seed: int, days: int, asked: Asked, as_json: bool) -> int:
    """A market that never was, the same for the same seed."""
    from rebalancer.research.prices.synthetic import SYMBOLS, make_market

    require_free(asked.out)
    names = SYMBOLS if asked.tokens is None else _listed(asked.tokens)
    for name in names:
        _require_symbol(name)
    cells = cells_of(make_market(seed, days, names, _step(asked.every)))
    write_cells(asked.out, cells)
    said = "made up: it shows that things work, and nothing about any market"
    tell(cells, Said((f"seed {seed}",), (said,), asked.out), as_json)
    return 0


def fetch_feeds(config: Path, asked: Asked, as_json: bool) -> int:
    """From the rounds of the configuration's feeds. Unavailable where a node does not answer: what was read is kept."""
    from rebalancer.config import read_settings
    from rebalancer.config.cache import cache_folder
    from rebalancer.wire import feed_history

    require_free(asked.out)
    settings = read_settings(config)
    history = feed_history(settings, cache_folder() / "feeds")
    symbols, without = _held(settings, history.symbols) if asked.tokens is None else (_listed(asked.tokens), ())
    times = _times(asked)
    with progress_of("rounds of the feeds") as told:
        found = history.read(symbols, times, told)
    known = {symbol: {at: _digits(one.usd) for at, one in quoted.items()} for symbol, quoted in found.items()}
    late = {symbol: sum(one.late for one in quoted.values()) for symbol, quoted in found.items()}
    notices = [
        f"{symbol}: at {count:,} times a feed of it had been silent for longer than its heartbeat: no tick would have "
        "traded then"
        for symbol, count in late.items()
        if count
    ]
    notices += [*(f"{symbol} has no feed, and no history here" for symbol in without), *history.notices]
    return _write(asked, cells_from(symbols, times, known), (f"feeds on chain {settings.chain_id}",), notices, as_json)


def _held(settings: Settings, known: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the portfolio and the chain's coin, which gas is paid in: those that have a feed, and those without."""
    held = tuple(dict.fromkeys([*(target.token.symbol for target in settings.targets), settings.native.symbol]))
    return tuple(each for each in held if each in known), tuple(each for each in held if each not in known)


def fetch_llama(config: Path | None, asked: Asked, url: str | None, as_json: bool) -> int:
    """From DefiLlama. Unavailable where it does not answer: what was read is kept."""
    from rebalancer.config.cache import cache_folder
    from rebalancer.wire import llama_history

    require_free(asked.out)
    coins = _coins(config, asked.tokens)
    times = _times(asked)
    history = llama_history(cache_folder() / "defillama", url)
    with progress_of("prices of DefiLlama") as told:
        found = history.read(list(dict.fromkeys(coins.values())), times, told)
    known = {symbol: {at: _digits(one.usd) for at, one in found[coin].items()} for symbol, coin in coins.items()}
    sources = tuple(f"{symbol} is {coin}" for symbol, coin in coins.items())
    said = "an average over venues that somebody else has made: no pool, and no feed, need have had this price"
    return _write(asked, cells_from(tuple(coins), times, known), sources, [said], as_json)


def _coins(config: Path | None, tokens: str | None) -> dict[str, str]:
    """DefiLlama's name of each symbol. Those of a configuration are found by their addresses."""
    from rebalancer.config import read_settings
    from rebalancer.wire import llama_coin

    if config is None and tokens is None:
        raise ConfigError("prices: no token is named, expected --tokens BTC,ETH or --config FILE")
    settings = None if config is None else read_settings(config, offline=True)
    addresses = {} if settings is None else {token.symbol: token.address for token in settings.tokens}
    held = () if settings is None else tuple(target.token.symbol for target in settings.targets)
    found = {}
    for name in held if tokens is None else _listed(tokens):
        symbol, named, coin = (part.strip() for part in name.partition("="))
        _require_symbol(symbol)
        chain_id = None if settings is None else settings.chain_id
        found[symbol] = llama_coin(coin if named else symbol, chain_id, None if named else addresses.get(symbol))
    return found


def _listed(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise ConfigError(f"prices: saw the tokens {text!r}, expected each once, with commas between them")
    return names


def _require_symbol(symbol: str) -> None:
    if (reason := reason_no_symbol(symbol)) is not None:
        raise ConfigError(f"prices: the token {symbol!r} {reason}")


def _times(asked: Asked) -> list[int]:
    """The whole steps in the span, up to now."""
    step = _step(asked.every)
    now = int(time.time())
    first, last = period(asked.since, asked.until)
    end = min(last or now, now)
    start = first or end - DAYS * DAY
    times = range(-(-start // step) * step, end + 1, step)
    if not 2 <= len(times) <= MOST_TIMES:
        raise ConfigError(
            f"prices: {len(times):,} whole steps of {step:,} s from {written(start)} to {written(end)}, expected 2 to "
            f"{MOST_TIMES:,}: look at --from, --to and --every"
        )
    return list(times)


def _step(every: str) -> int:
    from rebalancer.config.text import seconds

    return parsed("--every", every, seconds)


def _digits(usd: Any) -> str:
    """A Decimal as plain digits."""
    return f"{usd:f}"


def _write(asked: Asked, cells: Cells, sources: tuple[str, ...], notices: Sequence[str], as_json: bool) -> int:
    if len(cells.times) < 2:
        raise ConfigError(
            f"prices: {len(cells.times)} times with a price from {asked.since or f'{DAYS} days ago'} on, expected at "
            "least two; look at the tokens and at the days"
        )
    if nothing := [symbol for place, symbol in enumerate(cells.symbols) if not any(row[place] for row in cells.rows)]:
        raise ConfigError(
            f"prices: no history of {', '.join(nothing)} in this time; name the other tokens with --tokens, or other "
            "days"
        )
    write_cells(asked.out, cells)
    tell(cells, Said(sources, tuple(notices), asked.out), as_json)
    return 0
