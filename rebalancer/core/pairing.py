"""Who is over and who is under, in dollars, goes in; pairs of sell and buy with exact amounts come out.

Sellers are taken exits first, then the largest, and each is matched to buyers from the largest down, so
there are at most sellers + buyers - 1 trades, and more only where a limit cuts some of them. Cash stands
last on its side and takes what is left over. Nothing here knows a pool: what a pair loses on the way comes in
as `rates`, and the most that its pools carry as `caps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rebalancer.core.model import Portfolio, Position
from rebalancer.units import ONE, Address, Token, Usd, Weight, mul_div_down, mul_div_up

Pair = tuple[Address, Address]
"""(sold token, bought token)."""

_CRUMB = 1_000
"""A rest under a thousandth of an exit's last trade goes with it, however small trades may be."""


@dataclass(frozen=True, slots=True)
class Leg:
    """Sell `raw` base units of one position for another's token. `value` at the oracle, rounded down."""

    sell: Position
    buy: Position
    raw: int
    value: Usd

    @property
    def pair(self) -> Pair:
        return _pair(self.sell, self.buy)


@dataclass(frozen=True, slots=True)
class Want:
    """A position, and the dollars that should leave or reach it."""

    position: Position
    value: int


@dataclass(frozen=True, slots=True)
class Wants:
    """Both sides of a rebalance, each in the order in which it is served."""

    sells: tuple[Want, ...]
    buys: tuple[Want, ...]


@dataclass(frozen=True, slots=True)
class Grain:
    """The least and the most that one trade may move, in dollars."""

    least: Usd
    most: Usd


def wants_of(portfolio: Portfolio, desired: Mapping[Address, Weight], lost: int, cash: Token | None) -> Wants:
    """What must move so that the desired weights hold after `lost` dollars went into costs.

    A goal lies between a weight and its target, so only what is over sells and only what is under buys;
    a token whose goal is its weight stays, whatever the costs do to the rest.
    """
    kept = portfolio.value - lost
    sells, buys = [], []
    for position in portfolio.positions:
        goal = desired[position.balance.token.address]
        value = mul_div_down(kept, goal, ONE)
        if goal < position.weight and value < position.value:
            sells.append(Want(position, position.value - value))
        elif goal > position.weight and value > position.value:
            buys.append(Want(position, value - position.value))
    return Wants(_served(sells, cash), _served(buys, cash))


def match_legs(wants: Wants, grain: Grain, rates: Mapping[Pair, int], caps: Mapping[Pair, Usd]) -> tuple[Leg, ...]:
    """The trades that bring sellers and buyers together, each pair at most once.

    `rates`: what a pair loses of the value sold, as a signed share at 1e18. `caps`: the most that a pair may
    move, where that is less than `grain.most`. What would be smaller than `grain.least` is left out; it is not
    carried over.
    """
    needs = [want.value for want in wants.buys]
    legs: list[Leg] = []
    for want in wants.sells:
        seller = _Seller(want)
        for number, other in enumerate(wants.buys):
            pair = _pair(want.position, other.position)
            kept = ONE - rates.get(pair, 0)
            capped = Grain(grain.least, min(grain.most, caps.get(pair, grain.most)))
            leg = seller.leg(other.position, mul_div_up(needs[number], ONE, kept), capped)
            if leg is not None:
                legs.append(leg)
                seller = seller.after(leg)
                needs[number] = max(needs[number] - mul_div_down(leg.value, kept, ONE), 0)
    return tuple(legs)


@dataclass(frozen=True, slots=True)
class _Seller:
    """What is left to sell of a position: dollars that should leave it, and base units already gone."""

    want: Want
    sold_raw: int = 0
    sold: int = 0

    def leg(self, buyer: Position, room: int, grain: Grain) -> Leg | None:
        """The next trade, into a buyer with `room` dollars; None where it would be too small."""
        position = self.want.position
        size = self._size(room, grain)
        whole = self._is_exit() and size == self._rest()
        raw = position.balance.raw - self.sold_raw if whole else position.price.amount_down(Usd(size)).raw
        value = position.price.value_down(raw)
        return Leg(position, buyer, raw, value) if value >= max(grain.least, 1) else None

    def after(self, leg: Leg) -> _Seller:
        return _Seller(self.want, self.sold_raw + leg.raw, self.sold + leg.value)

    def _is_exit(self) -> bool:
        return self.want.position.target == 0

    def _rest(self) -> int:
        # An exit counts in units, so that none is left behind by rounding.
        position = self.want.position
        return position.price.value_down(position.balance.raw - self.sold_raw) if self._is_exit() else self._open()

    def _open(self) -> int:
        return max(self.want.value - self.sold, 0)

    def _size(self, room: int, grain: Grain) -> int:
        """Dollars of the next trade: what is left, what the buyer needs, or the most that one trade may move."""
        rest = self._rest()
        size = min(rest, room, grain.most)
        crumb = max(grain.least, mul_div_up(rest, 1, _CRUMB))
        if not self._is_exit() or not 0 < rest - size < crumb or room < grain.least:
            return size
        # What an exit leaves behind could never be sold. This buyer takes it, where one trade may be so
        # large; else enough stays for a trade of a later tick, with room for the price to fall.
        shorter = rest - 2 * grain.least
        return rest if rest <= grain.most else min(shorter, size) if shorter >= grain.least else size


def _pair(sell: Position, buy: Position) -> Pair:
    return sell.balance.token.address, buy.balance.token.address


def _served(wants: list[Want], cash: Token | None) -> tuple[Want, ...]:
    """Exits first, so that they find buyers; then the largest; cash last. Equals keep the policy's order."""

    def rank(want: Want) -> tuple[bool, bool, int]:
        is_cash = cash is not None and want.position.balance.token.address == cash.address
        return is_cash, want.position.target > 0, -want.value

    return tuple(sorted(wants, key=rank))
