"""What the numbers mean: tokens, amounts, dollars, weights, and the two ways to round a product.

Every amount is an integer in the base units of its token. A type per unit keeps dollars out of
weights; rounding stands in the name of the function that does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

Address = NewType("Address", str)
"""An account, in its EIP-55 checksummed form."""

Usd = NewType("Usd", int)
"""US dollars, 1e18 to the dollar."""

Weight = NewType("Weight", int)
"""A share of the portfolio, 1e18 to the whole. A drift is a signed weight."""

Bps = NewType("Bps", int)
"""Basis points, 10,000 to the whole."""

Ppm = NewType("Ppm", int)
"""Parts per million, 1,000,000 to the whole: the shares of the on-chain policy."""

Wei = NewType("Wei", int)
"""The chain's native coin, 1e18 to the coin."""

ONE = 10**18
"""One dollar as Usd, one whole as Weight."""

BPS = 10_000
"""One whole as Bps."""

PPM = 1_000_000
"""One whole as Ppm."""


def mul_div_down(a: int, b: int, divisor: int) -> int:
    """a * b / divisor, rounded towards minus infinity. `divisor` is positive."""
    return a * b // divisor


def mul_div_up(a: int, b: int, divisor: int) -> int:
    """a * b / divisor, rounded towards plus infinity. `divisor` is positive."""
    return -(-a * b // divisor)


def bps_of_down(value: int, share: Bps) -> int:
    """`share` of `value`, rounded down."""
    return mul_div_down(value, share, BPS)


def bps_of_up(value: int, share: Bps) -> int:
    """`share` of `value`, rounded up."""
    return mul_div_up(value, share, BPS)


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 token. Two tokens are one where all three fields agree."""

    symbol: str
    address: Address
    decimals: int

    def __str__(self) -> str:
        return self.symbol


@dataclass(frozen=True, slots=True)
class Amount:
    """So many base units of a token. Arithmetic between two tokens is a programming error."""

    token: Token
    raw: int

    def __add__(self, other: Amount) -> Amount:
        self._same(other)
        return Amount(self.token, self.raw + other.raw)

    def __sub__(self, other: Amount) -> Amount:
        self._same(other)
        return Amount(self.token, self.raw - other.raw)

    def _same(self, other: Amount) -> None:
        if self.token.address != other.token.address:
            raise ValueError(f"amounts of {self.token} and {other.token} do not add up")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one whole token, with the time at which the oldest of its sources was written."""

    token: Token
    usd: Usd
    updated_at: int

    def value_down(self, raw: int) -> Usd:
        """What `raw` base units are worth, rounded down: for what we hold or receive."""
        return Usd(mul_div_down(raw, self.usd, 10**self.token.decimals))

    def value_up(self, raw: int) -> Usd:
        """What `raw` base units are worth, rounded up: for what we owe or pay."""
        return Usd(mul_div_up(raw, self.usd, 10**self.token.decimals))

    def amount_down(self, value: Usd) -> Amount:
        """The base units that `value` dollars buy, rounded down."""
        return Amount(self.token, mul_div_down(value, 10**self.token.decimals, self.usd))

    def amount_up(self, value: Usd) -> Amount:
        """The base units that are worth at least `value` dollars."""
        return Amount(self.token, mul_div_up(value, 10**self.token.decimals, self.usd))
