"""What is bought goes into lots, what is sold comes out of them in the order of a rule, with the gain that it realises.

First in first out (FIFO), last in first out (LIFO), highest cost first (HIFO), or at the average cost of all, where the
time held is that of the oldest. Units of a token and dollars are integers at 1e18: lots add up to what is held, and
what lots cost to what was paid, exactly.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from rebalancer.units import ONE, Ppm, Usd, mul_div_down


class LotRule(StrEnum):
    """Which lot is sold first."""

    FIFO = "fifo"
    LIFO = "lifo"
    HIFO = "hifo"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class TaxRule:
    """What gains are taxed by."""

    lots: LotRule
    short: Ppm
    long: Ppm
    long_after: int = 365 * 86_400
    """Seconds: held for longer than that is long-term."""


@dataclass(frozen=True, slots=True)
class Lot:
    """`units` of a token, bought at Unix second `at` for `cost` in all; `price` of one whole token, in the order of
    which HIFO sells, as it was when the lot was bought."""

    at: int
    units: int
    cost: Usd
    price: Usd


@dataclass(frozen=True, slots=True)
class Gain:
    """What one sale out of one lot brought. A loss is negative."""

    at: int
    symbol: str
    units: int
    proceeds: Usd
    cost: Usd
    is_long: bool

    @property
    def gain(self) -> Usd:
        return Usd(self.proceeds - self.cost)


class Book:
    """The lots of one token, in the order in which they were bought, or for HIFO by their price."""

    def __init__(self, symbol: str, rule: TaxRule) -> None:
        self.symbol = symbol
        self._rule = rule
        self._lots: list[Lot] = []

    @property
    def lots(self) -> tuple[Lot, ...]:
        return tuple(self._lots)

    @property
    def units(self) -> int:
        return sum(lot.units for lot in self._lots)

    def buy(self, at: int, units: int, cost: Usd) -> None:
        """A lot more."""
        lot = Lot(at, units, cost, Usd(mul_div_down(cost, ONE, units)))
        match self._rule.lots:
            case LotRule.HIFO:
                insort(self._lots, lot, key=lambda one: one.price)
            case LotRule.FIFO | LotRule.LIFO:
                self._lots.append(lot)
            case LotRule.AVERAGE:
                self._lots.append(lot)
                self._spread(self.units, sum(one.cost for one in self._lots))

    def sell(self, at: int, units: int, proceeds: Usd) -> Iterator[Gain]:
        """One gain for each lot that it comes out of. ValueError: there is not so much of it."""
        if units > self.units:
            raise ValueError(f"{self.symbol}: {units} units at 1e18 are sold where the lots have {self.units}")
        left, unpaid = units, proceeds
        while left:
            place = 0 if self._rule.lots in (LotRule.FIFO, LotRule.AVERAGE) else -1
            lot = self._lots[place]
            taken = min(left, lot.units)
            cost = Usd(mul_div_down(lot.cost, taken, lot.units))
            # The last part takes what rounding has left: the parts add up to the whole.
            paid = unpaid if taken == left else Usd(mul_div_down(proceeds, taken, units))
            if taken == lot.units:
                self._lots.pop(place)
            else:
                self._lots[place] = Lot(lot.at, lot.units - taken, Usd(lot.cost - cost), lot.price)
            left, unpaid = left - taken, Usd(unpaid - paid)
            yield Gain(at, self.symbol, taken, paid, cost, at - lot.at > self._rule.long_after)

    def _spread(self, units: int, cost: int) -> None:
        """The same cost for every unit of every lot; the newest takes what rounding leaves."""
        left = cost
        for place, lot in enumerate(self._lots):
            share = left if place == len(self._lots) - 1 else mul_div_down(cost, lot.units, units)
            self._lots[place] = Lot(lot.at, lot.units, Usd(share), lot.price)
            left -= share
