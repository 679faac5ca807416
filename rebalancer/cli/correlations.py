"""`rebalancer correlations`: which assets move together, and what diversifies; of files, or of the feeds' rounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rebalancer.cli.prices_told import progress_of
from rebalancer.config import Settings, read_settings
from rebalancer.config.cache import cache_folder
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Target
from rebalancer.research.correlation_words import caveats, suggestions
from rebalancer.research.correlations import Correlations, Pair, correlations_of
from rebalancer.research.crashes import Crashes
from rebalancer.research.model import Prices
from rebalancer.research.prices.reading import between, chosen, closes
from rebalancer.research.prices.times import DAY, written
from rebalancer.research.study.flags import Flags, listed, pairs, parsed, period
from rebalancer.research.study.making import Market, portfolio_of
from rebalancer.research.study.market import read_columns
from rebalancer.units import ONE

DAYS = 365
"""Of the feeds, where no first day is named: a year has calm and crashes, and is no other age of the market."""
PAIRS = 15
"""Shown to people; JSON has them all."""
PAIRS_HEAD = ("pair", "correlation", "95 % from", "to", "worst days", "if constant")
PARTS_HEAD = ("token", "weight %", "volatility %", "risk %", "ratio without")


@dataclass(frozen=True, slots=True)
class Asked:
    """As typed. Without prices it is of the feeds of `config`."""

    config: Path | None
    prices: tuple[Path, ...]
    targets: str | None
    beside: str | None
    since: str | None
    until: str | None
    maps: tuple[str, ...]


def show_correlations(asked: Asked, as_json: bool) -> int:
    """The tables and what follows, or one JSON object. ConfigError, Unavailable."""
    if asked.config is not None and asked.targets is not None:
        raise ConfigError("--targets and a configuration are both given: the targets stand in the configuration")
    settings = None if asked.config is None else read_settings(asked.config, offline=bool(asked.prices))
    flags = replace(Flags(asked.config, asked.prices, targets=asked.targets, gas="0 gwei"), maps=asked.maps)
    flags = replace(flags, since=asked.since, until=asked.until)
    beside = () if asked.beside is None else parsed("--beside", asked.beside, _symbols)
    held = _held(settings, asked.targets)
    symbols = None if held is None else (*held, *(symbol for symbol in beside if symbol not in held))
    if asked.prices or settings is None:
        columns = read_columns(flags, symbols)
        prices, said = closes(columns.prices, DAY), (*columns.warned, *columns.said)
    else:
        prices, said = _of_feeds(settings, symbols or (), asked)
    if held is None:
        held = tuple(symbol for symbol in prices.symbols if symbol not in beside)
        prices = chosen(prices, (*held, *beside))
    of_held = _first(prices, len(held))
    _, targets = portfolio_of(flags, _market(of_held, settings))
    found = correlations_of(prices, _weights(prices, targets))
    if as_json:
        from rebalancer.cli.as_json import emit

        emit(_object(found, said))
    else:
        _show(found, said)
    return 0


def _symbols(given: str) -> tuple[str, ...]:
    found = listed(given)
    if "" in found:
        raise ValueError("expected symbols, several parted by commas")
    return found


def _held(settings: Settings | None, targets: str | None) -> tuple[str, ...] | None:
    """The symbols of the portfolio; None: all that the files have."""
    if settings is not None:
        return tuple(target.token.symbol for target in settings.targets)
    return None if targets is None else tuple(symbol for symbol, _ in pairs("--targets", targets))


def _first(prices: Prices, count: int) -> Prices:
    return Prices(prices.symbols[:count], prices.times, prices.usd[:, :count])


def _market(prices: Prices, settings: Settings | None) -> Market:
    """For its weights alone: nothing is traded."""
    count = len(prices.times)
    return Market(prices, np.zeros(count, dtype=np.int64), np.ones(count), {}, settings, ())


def _weights(prices: Prices, targets: Sequence[Target]) -> list[float]:
    known = {target.token.symbol: target.weight / ONE for target in targets}
    return [known.get(symbol, 0.0) for symbol in prices.symbols]


def _of_feeds(settings: Settings, symbols: Sequence[str], asked: Asked) -> tuple[Prices, tuple[str, ...]]:
    """At each midnight at which a tick would have believed the feeds of all; what is to be said of them. Unavailable
    where a node does not answer: what was read is kept.
    """
    from rebalancer.wire import feed_history

    since, until = period(asked.since, asked.until)
    last = (until or int(time.time())) // DAY * DAY
    first = since or last - DAYS * DAY
    times = list(range(-(-first // DAY) * DAY, last + 1, DAY))
    history = feed_history(settings, cache_folder() / "feeds")
    with progress_of("rounds of the feeds") as told:
        found = history.read(symbols, times, told)
    fresh = [at for at in times if all(at in found[one] and not found[one][at].late for one in symbols)]
    usd = np.array([[float(found[symbol][at].usd) for symbol in symbols] for at in fresh], dtype=np.float64)
    prices = Prices(tuple(symbols), np.array(fresh, dtype=np.int64), usd.reshape(len(fresh), len(symbols)))
    return between(prices) if fresh else prices, tuple(history.notices)


def _show(found: Correlations, said: Sequence[str]) -> None:
    from rebalancer.cli.show import show_line, show_table

    head = ("", *found.symbols)
    matrix = [(one, *(f"{value:.2f}" for value in row)) for one, row in zip(found.symbols, found.matrix, strict=True)]
    span = f"{written(found.since)} to {written(found.until)}, {found.samples:,} days"
    show_table(f"Correlations of daily returns, {span}", head, matrix)
    show_table("\nPairs, the most alike first", PAIRS_HEAD, [_pair_row(pair) for pair in found.pairs[:PAIRS]])
    rows = [
        (p.symbol, _percent(p.weight), _percent(p.volatility), _percent(p.risk), _figure(p.ratio_without, 3))
        for p in found.parts
    ]
    show_table(f"\n{_caption(found)}", PARTS_HEAD, rows)
    for line in suggestions(found):
        show_line("suggests", line)
    for line in (*said, *caveats(found)):
        show_line("mind", line)


def _caption(found: Correlations) -> str:
    """What stands still is no part of the rows."""
    whole = f"The whole: volatility {_percent(found.volatility)} % a year"
    if found.still:
        alone = _percent(found.volatility / found.moving)
        whole = f"{whole}. The {_percent(found.moving)} % of it that move: {alone} % a year"
    return f"{whole}, diversification ratio {found.ratio:.3f}"


def _pair_row(pair: Pair) -> tuple[str, ...]:
    ends = (f"{pair.correlation:.2f}", f"{pair.low:.2f}", f"{pair.high:.2f}")
    return (f"{pair.one} {pair.other}", *ends, _figure(pair.worst, 2), _figure(pair.worst_constant, 2))


def _object(found: Correlations, said: Sequence[str]) -> dict[str, Any]:
    """Shares and volatilities of a year as fractions of one; times in Unix seconds."""
    return {
        "since": found.since,
        "until": found.until,
        "samples": found.samples,
        "worst_days": None if found.crashes is None else found.crashes.days,
        "symbols": list(found.symbols),
        "matrix": [[round(float(value), 6) for value in row] for row in found.matrix],
        "pairs": [
            {
                "pair": [pair.one, pair.other],
                "correlation": _rounded(pair.correlation),
                "low": _rounded(pair.low),
                "high": _rounded(pair.high),
                "worst": _rounded(pair.worst),
                "worst_if_constant": _rounded(pair.worst_constant),
            }
            for pair in found.pairs
        ],
        "crashes": None if found.crashes is None else _crashes_object(found.crashes),
        "clusters": [list(cluster) for cluster in found.clusters],
        "assets": [
            {
                "token": part.symbol,
                "weight": _rounded(part.weight),
                "volatility": _rounded(part.volatility),
                "risk": _rounded(part.risk),
                "ratio_without": _rounded(part.ratio_without),
            }
            for part in found.parts
        ],
        "candidates": [
            {"token": one.symbol, "volatility": _rounded(one.volatility), "ratio": _rounded(one.ratio)}
            for one in found.candidates
        ],
        "volatility": _rounded(found.volatility),
        "moving": _rounded(found.moving),
        "ratio": _rounded(found.ratio),
        "still": list(found.still),
        "suggests": list(suggestions(found)),
        "mind": [*said, *caveats(found)],
    }


def _crashes_object(found: Crashes) -> dict[str, Any]:
    """Mean correlations of all pairs on the worst days."""
    return {
        "correlation": _rounded(found.mean),
        "if_constant": _rounded(found.mean_if_constant),
        "if_constant_once_in_twenty_above": _rounded(found.most_if_constant),
        "more": found.more,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _figure(value: float | None, places: int) -> str:
    return "none" if value is None else f"{value:.{places}f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
