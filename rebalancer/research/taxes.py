"""A backtest and a rule in, the gains that its trades realised and the tax on them, out.

A gain is what was got for a lot (`lots`) less what it cost; held for longer than `long_after` it is long-term.

Dollars are money and have no lots. What a rebalance lost at the pools comes off the proceeds of what was sold, or, as
far as dollars paid for it, onto the cost of what was bought, so that no cent of it is counted twice or left out. Gas
is the operator's and is not deducted. What was there at the first time was bought then.

A year is a calendar year in UTC. Gains and losses of one kind are netted, then the loss of one kind against the gain
of the other, and what loss is left over is carried into the next year, in its kind. That is the outline of US law (26
USC 1211, 1212, 1222) without its brackets and allowances; yours may differ. The tax is paid from elsewhere: what is
held does not shrink by it.

Units and dollars are integers at 1e18, rounded once where they come in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rebalancer.research.lots import Book, Gain, Lot, TaxRule
from rebalancer.research.measures import units_before
from rebalancer.research.model import Backtest, Traded
from rebalancer.research.prices.reading import usd_of
from rebalancer.research.regimes import is_dollar
from rebalancer.units import ONE, PPM, Usd, mul_div_down, mul_div_up

_DUST = ONE // 10**6
"""A millionth of a token: floats may sell so much more than there is."""


@dataclass(frozen=True, slots=True)
class TaxYear:
    """One calendar year: net gains by kind before anything is set off against anything, and the tax that is due."""

    year: int
    short: Usd
    long: Usd
    due: Usd


@dataclass(frozen=True, slots=True)
class Taxes:
    """Of a whole backtest."""

    rule: TaxRule
    gains: tuple[Gain, ...]
    years: tuple[TaxYear, ...]
    lots: tuple[tuple[str, tuple[Lot, ...]], ...]
    """What is left, by symbol."""
    due: Usd
    """On what was realised."""
    if_sold: Usd
    """How much more it would be, were all of it sold at the last time at its price."""


def taxes_of(backtest: Backtest, rule: TaxRule) -> Taxes:
    """Over the whole of it. ValueError: it sells what it never had."""
    prices = backtest.prices
    usd, money = usd_of(prices), is_dollar(prices).tolist()
    books = {place: Book(symbol, rule) for place, symbol in enumerate(prices.symbols) if not money[place]}
    _open(books, backtest, usd[0])
    gains: list[Gain] = []
    for trade in backtest.trades:
        gains += _swap(books, trade, int(prices.times[trade.at]), usd[trade.at])
    years = tax_years(gains, rule)
    lots = tuple((book.symbol, book.lots) for book in books.values())
    sold = [gain for place, book in books.items() for gain in _sold(book, int(prices.times[-1]), usd[-1][place])]
    due = Usd(sum(year.due for year in years))
    in_all = sum(year.due for year in tax_years([*gains, *sold], rule))
    return Taxes(rule, tuple(gains), years, lots, due, Usd(in_all - due))


def tax_years(gains: Sequence[Gain], rule: TaxRule) -> tuple[TaxYear, ...]:
    """Every year in which something was sold, in turn. Taxes are rounded up."""
    found, carried = [], (0, 0)
    for year in sorted({_year_of(gain) for gain in gains}):
        ours = [gain for gain in gains if _year_of(gain) == year]
        short = sum(gain.gain for gain in ours if not gain.is_long)
        long = sum(gain.gain for gain in ours if gain.is_long)
        taxed = _set_off(short + carried[0], long + carried[1])
        carried = min(taxed[0], 0), min(taxed[1], 0)
        due = mul_div_up(max(taxed[0], 0), rule.short, PPM) + mul_div_up(max(taxed[1], 0), rule.long, PPM)
        found.append(TaxYear(year, Usd(short), Usd(long), Usd(due)))
    return tuple(found)


def _year_of(gain: Gain) -> int:
    return datetime.fromtimestamp(gain.at, UTC).year


def _set_off(short: int, long: int) -> tuple[int, int]:
    """The loss of one kind against the gain of the other, as far as it goes."""
    if short * long >= 0:
        return short, long
    both = short + long
    # Whoever is larger keeps the sign, and all of what is left.
    return (both, 0) if (both > 0) == (short > 0) else (0, both)


def _open(books: dict[int, Book], backtest: Backtest, usd: Sequence[Usd]) -> None:
    """What was there before the first trade, at the first price."""
    opening = units_before(backtest)[0]
    for place, book in books.items():
        units = _exact(float(opening[place]))
        if units > _DUST:
            book.buy(int(backtest.prices.times[0]), units, _worth(units, usd[place]))


def _swap(books: dict[int, Book], trade: Traded, at: int, usd: Sequence[Usd]) -> Iterator[Gain]:
    """One rebalance: what was given for what was got, the loss on the way to those who gave."""
    changes = [_exact(change) for change in trade.changes]
    given = {place: _worth(-change, usd[place]) for place, change in enumerate(changes) if change < 0}
    got = {place: _worth(change, usd[place]) for place, change in enumerate(changes) if change > 0}
    lost = sum(given.values()) - sum(got.values())
    paid = sum(value for place, value in given.items() if place not in books)
    on_top = mul_div_down(lost, paid, sum(given.values())) if paid and got.keys() & books.keys() else 0
    for place, proceeds in _shared({p: v for p, v in given.items() if p in books}, on_top - lost):
        yield from books[place].sell(at, _held(books[place], -changes[place]), Usd(proceeds))
    for place, cost in _shared({p: v for p, v in got.items() if p in books}, on_top):
        books[place].buy(at, changes[place], Usd(cost))


def _shared(values: dict[int, Usd], more: int) -> Iterator[tuple[int, int]]:
    """Each value with its share of `more`; the last takes what rounding leaves."""
    left, whole = more, sum(values.values())
    for number, (place, value) in enumerate(values.items(), 1):
        share = left if number == len(values) else mul_div_down(more, value, whole)
        left -= share
        yield place, value + share


def _held(book: Book, units: int) -> int:
    """`units`, or what there is of them where that is less by no more than what a float is wrong by."""
    return min(units, book.units) if units - book.units <= _DUST else units


def _sold(book: Book, at: int, price: Usd) -> tuple[Gain, ...]:
    units = book.units
    return tuple(book.sell(at, units, _worth(units, price))) if units else ()


def _exact(units: float) -> int:
    return round(units * ONE)


def _worth(units: int, price: Usd) -> Usd:
    return Usd(mul_div_down(units, price, ONE))
