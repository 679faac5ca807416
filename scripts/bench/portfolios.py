"""Rebalances to plan: true mainnet pools and a seed in, portfolios of three to six tokens with their targets out."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from rebalancer.market.joint import Freedom, Holding
from rebalancer.market.pools import Pool, mid_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import ONE, Address, Price, Token, Usd, Weight

SIZES = (10_000, 100_000, 1_000_000, 5_000_000, 20_000_000)
"""Dollars in a portfolio."""
DOLLAR = "USDC"
HUBS = ("WETH", "USDC", "WBTC", "USDT")
"""Tokens that every planner may go over."""
SPREAD = 2.0
"""Shape of the gamma variates that weights are drawn from: 1 is uniform over all weights, more is more even."""
LEAST_DRIFT = 0.5
"""The least share of the way from its target to another draw at which a portfolio stands."""
UNLIMITED = 1_000
FREE = Usd(0)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """`dollars`: what it is worth, about. `hubs`: prices of the tokens to go over that are not in it."""

    dollars: int
    holdings: tuple[Holding, ...]
    hubs: tuple[Price, ...]

    def prices(self) -> tuple[Price, ...]:
        return (*(holding.price for holding in self.holdings), *self.hubs)


def read_states(path: Path) -> tuple[Pool, ...]:
    """The pools of a file as poolfile.py describes it, known over their whole range."""
    content = json.loads(path.read_text())
    v3 = [
        V3Pool(
            Address(entry["address"]),
            token_of(entry["token0"]),
            token_of(entry["token1"]),
            entry["fee"],
            entry["tick_spacing"],
            int(entry["sqrt_price_x96"]),
            entry["tick"],
            int(entry["liquidity"]),
            tuple((index, int(net)) for index, net in entry["ticks"]),
            *all_words(entry["tick_spacing"]),
        )  # fmt: skip
        for entry in content["uniswap_v3"]
    ]
    v2 = [
        V2Pool(
            Address(entry["address"]),
            token_of(entry["token0"]),
            token_of(entry["token1"]),
            int(entry["reserve0"]),
            int(entry["reserve1"]),
        )  # fmt: skip
        for entry in content["uniswap_v2"]
    ]
    return (*v3, *v2)


def token_of(entry: dict[str, Any]) -> Token:
    return Token(entry["symbol"], Address(entry["address"]), entry["decimals"])


def oracle_of(pools: Sequence[Pool]) -> dict[str, Price]:
    """By symbol: the mid price of the cheapest pool that leads on from a token with a price, beginning at a dollar."""
    per_unit = {DOLLAR: Fraction(1, 10**6)}
    tokens = {token.symbol: token for pool in pools for token in (pool.token0, pool.token1)}
    ordered = sorted(pools, key=lambda pool: pool.fee if isinstance(pool, V3Pool) else 3_000)
    while len(per_unit) < len(tokens):
        pool = next(p for p in ordered if (p.token0.symbol in per_unit) != (p.token1.symbol in per_unit))
        known, other = (pool.token0, pool.token1)[:: 1 if pool.token0.symbol in per_unit else -1]
        ratio = mid_ratio(pool, other)
        assert ratio is not None, f"{pool.address} has no price: leave it out of the file"
        per_unit[other.symbol] = per_unit[known.symbol] * Fraction(*ratio)
    return {
        symbol: Price(tokens[symbol], Usd(int(worth * 10 ** tokens[symbol].decimals * ONE)), 0)
        for symbol, worth in per_unit.items()
    }


def draw_portfolio(oracle: dict[str, Price], dollars: int, dice: random.Random) -> Portfolio:
    """Random tokens and targets, somewhere between a small drift and weights that have nothing to do with them."""
    symbols = dice.sample(sorted(oracle), dice.randint(3, 6))
    wanted, other, drift = draw_weights(len(symbols), dice), draw_weights(len(symbols), dice), dice.random()
    drift = LEAST_DRIFT + (1 - LEAST_DRIFT) * drift
    shares = [int(share * ONE) for share in wanted]
    shares[-1] += ONE - sum(shares)
    holdings = []
    for symbol, target, elsewhere, share in zip(symbols, wanted, other, shares, strict=True):
        held = dollars * ((1 - drift) * target + drift * elsewhere)
        holdings.append(Holding(oracle[symbol].amount_down(Usd(int(held * ONE))), oracle[symbol], Weight(share)))
    return Portfolio(dollars, tuple(holdings), tuple(oracle[hub] for hub in HUBS if hub not in symbols))


def draw_weights(count: int, dice: random.Random) -> list[float]:
    drawn = [dice.gammavariate(SPREAD, 1.0) for _ in range(count)]
    return [share / sum(drawn) for share in drawn]


def freedom(portfolio: Portfolio, gas_price: Usd = FREE, most_swaps: int = UNLIMITED) -> Freedom:
    """Anything that the router takes, with nothing left to wait."""
    return Freedom(portfolio.hubs, gas_price, most_swaps, 6, True, FREE, None, None)


def balances_of(portfolio: Portfolio) -> dict[Address, int]:
    return {holding.balance.token.address: holding.balance.raw for holding in portfolio.holdings}


def to_move(portfolio: Portfolio) -> float:
    """Dollars at the oracle that are not where they are wanted: what every planner has to trade."""
    worth = [holding.price.value_down(holding.balance.raw) for holding in portfolio.holdings]
    wanted = [sum(worth) * holding.wanted // ONE for holding in portfolio.holdings]
    return sum(max(have - want, 0) for have, want in zip(worth, wanted, strict=True)) / ONE
