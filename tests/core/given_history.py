"""A past to be judged by: what a look at the wallet leaves, and a history around it."""

from __future__ import annotations

from dataclasses import replace

from small_market import ASSETS, NOW, OVER_TIME, POLICY, PRICES, portfolio_in, snapshot_with, usd, worth

from rebalancer.core.model import INDEX, NO_HISTORY, Breach, Cost, History, Past, Portfolio, Snapshot, Valued
from rebalancer.core.over_time import holdings_of
from rebalancer.units import ONE, Address, Bps, Price, Token, Usd, Weight

NEW = Past(None, None, None, 0, 0)
"""Nothing is on record."""
HELD = (30_000, 40_000, 20_000, 10_000)
"""Dollars of ASSETS, on their targets."""


def holding(*dollars: str | int) -> Portfolio:
    return portfolio_in(snapshot_with(*dollars))


PORTFOLIO = holding(*HELD)
"""100,000 dollars."""
RAMPED = replace(POLICY, over_time=replace(OVER_TIME, ramp=Bps(500), ramp_days=3))
AT_THE_LIMITS = replace(
    NO_HISTORY,
    trades_of_day=11,
    turnover_of_day=usd(149_000),
    cost_of_month=usd(2_990),
    turnover_share=Weight(149 * ONE // 100),
    cost_share=Weight(299 * ONE // 10_000),
)


def looked(*dollars: str | int, index: int = INDEX, at: int = NOW - 900) -> History:
    """A keeper whose newest look, a quarter of an hour ago, saw so many dollars."""
    seen = holding(*dollars)
    return replace(NO_HISTORY, valued=Valued(at, seen.value, index, holdings_of(seen)), peak=index, began=at)


def priced(portfolio_of: tuple[str | int, ...], **percent: int) -> Portfolio:
    """So many dollars of ASSETS as they were, at prices that have become so many percent of those."""
    snapshot = snapshot_with(*portfolio_of)
    return portfolio_in(at_prices(snapshot, **percent))


def at_prices(snapshot: Snapshot, **percent: int) -> Snapshot:
    return replace(snapshot, prices=tuple(_times(price, percent.get(price.token.symbol, 100)) for price in PRICES))


def _times(price: Price, percent: int) -> Price:
    return replace(price, usd=Usd(price.usd * percent // 100))


def moved(**dollars: int) -> tuple[tuple[Address, int], ...]:
    """What our rebalances have changed, in signed dollars of each token."""
    return tuple((token.address, _signed(token, dollars[token.symbol])) for token in ASSETS if token.symbol in dollars)


def _signed(token: Token, dollars: int) -> int:
    return worth(token, abs(dollars)).raw * (1 if dollars >= 0 else -1)


def costing(traded: int, shortfall: int = 0, gas: int = 0) -> Cost:
    """In whole dollars."""
    return Cost(Usd(traded * ONE), Usd(0), Usd(0), Usd(shortfall * ONE), Usd(gas * ONE))


def rules(breaches: tuple[Breach, ...]) -> list[str]:
    return [breach.rule for breach in breaches]
