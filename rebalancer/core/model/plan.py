"""What was made of the snapshot: positions, a reason to act or to hold, trades, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.market.pools import Pool
from rebalancer.market.routing import RouteQuote
from rebalancer.units import Amount, Price, Token, Usd, Weight


@dataclass(frozen=True, slots=True)
class Position:
    """One asset of the portfolio, valued at the oracle's price, rounded down."""

    balance: Amount
    price: Price
    value: Usd
    weight: Weight
    target: Weight
    drift: Weight
    """weight - target, signed."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The positions in the order of the policy, and what they are worth together."""

    positions: tuple[Position, ...]
    value: Usd


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason not to act, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Act:
    """A reason to act, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Trade:
    """Sell so much of one token for another. `value` at the oracle.

    `floor` is the least that may arrive: max_slippage below the oracle's value, or below what the plan's own exact
    route gives, whichever is more.
    """

    sell: Amount
    buy: Token
    value: Usd
    floor: Amount


@dataclass(frozen=True, slots=True)
class Plan:
    """The trades of one rebalance, in the order in which they are to be made. A pair may have several."""

    trades: tuple[Trade, ...]
    routes: tuple[RouteQuote, ...]
    """Of each trade: the route that it was planned on, on the pools as the trades before it leave them."""
    value: Usd
    """Sum of the trades' values."""
    left_out: tuple[str, ...] = ()
    """Pairs that were wanted and cannot be traded, or not for so much: each with its reason in words."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a rebalance costs against the oracle's prices, in dollars, each rounded up.

    `shortfall` is fee, impact and the pools' distance from the oracle together; it may be negative.
    """

    traded: Usd
    fee: Usd | None
    """What the pools keep. None, as `impact` is then: nobody says which pools were gone through."""
    impact: Usd | None
    """What our own size loses."""
    shortfall: Usd
    gas: Usd


@dataclass(frozen=True, slots=True)
class PoolSwap:
    """What a pool that stood so took, its fee included, and gave: as computed, or as its own event says."""

    before: Pool
    token_in: Token
    amount_in: int
    amount_out: int
