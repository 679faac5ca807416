"""A request that needs no chain: dollars for ether, a market that stands still, and what our rules say of an answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from given_venue_world import Found
from given_wallet import USDC, WETH

from rebalancer.adapters.chain.codec import uint_word
from rebalancer.core.model import PlanRequest, Quote, QuoteRequest, Trade
from rebalancer.core.quote_rules import in_words, quote_breaches
from rebalancer.units import ONE, Address, Amount, Bps, Usd

WALLET = Address("0x5aFE3855358E112B5647B952709E6165e1c1eEEe")
OPERATOR = Address("0x0000000000000000000000000000000000000Ab1")
SOMEBODY = Address("0x000000000000000000000000000000000000dEaD")
SOLD = 5_000 * 10**6
PAYS = 2 * 10**18
FLOOR = 198 * 10**16
DEADLINE = 1_790_000_600
MARKET = Found(PAYS, 180_000, b"call of a router" + uint_word(SOLD))
"""Whoever writes the amount anew looks for where it stands."""
PATIENCE = 2.0


class Asks(Protocol):
    """An outside venue."""

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """See OutsideVenue."""
        ...

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """See OutsideVenue."""
        ...


@dataclass(slots=True)
class StillMarket:
    """Always pays the same, or has no route."""

    found: Found | None = MARKET

    def __call__(self, sell: str, amount: int, buy: str, receiver: str) -> Found | None:
        return self.found


def a_still_request(floor: int = FLOOR, slippage: int = 100) -> QuoteRequest:
    trade = Trade(Amount(USDC, SOLD), WETH, Usd(5_000 * ONE), Amount(WETH, floor))
    return QuoteRequest(trade, WALLET, OPERATOR, DEADLINE, Bps(slippage))


def asked(venue: Asks, request: QuoteRequest | None = None) -> Quote:
    return venue.quote(request or a_still_request(), time.monotonic() + PATIENCE)


def breaches(quote: Quote, router: Address) -> str:
    """In words; empty where it keeps the rules."""
    return in_words(quote_breaches(a_still_request(), quote, (router,)))
