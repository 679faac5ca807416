"""How others plan a rebalance: pools and a portfolio in, the balances after their swaps out, to the wei.

Each sells what is over its target and buys what is under it, at the oracle's prices and without regard to gas, on pools
as the swaps before left them. `pairwise`: sells matched to buys, the largest to the largest, each by its best single
path. `grid`: the same pairs, each spread over parallel paths of up to two hubs in steps of a twentieth, each step where
it pays the most. `through_weth`: all is sold for WETH, and all is bought with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from portfolios import HUBS, Portfolio, balances_of

from rebalancer.market.pools import Pool, holds, other_token
from rebalancer.market.routing import FREE_GAS, Hop, Route, RouteQuote, best_route, quote_route
from rebalancer.units import ONE, Address, Amount, Token, Usd

STEPS = 20
MOST_HOPS = 3
CENTER = "WETH"
CENT = ONE // 100
"""Less than this in dollars is nobody's swap."""


class Books:
    """Balances and pools while swaps are made."""

    def __init__(self, pools: Sequence[Pool], portfolio: Portfolio) -> None:
        self.pools = {pool.address: pool for pool in pools}
        self.balances = balances_of(portfolio)
        self.hubs = {price.token.symbol: price.token for price in portfolio.prices() if price.token.symbol in HUBS}

    def make(self, quote: RouteQuote) -> int:
        """Make a swap; what it pays."""
        sold, bought = quote.route.hops[0].token_in.address, quote.route.hops[-1].token_out.address
        self.balances[sold] = self.balances.get(sold, 0) - quote.amount_in
        self.balances[bought] = self.balances.get(bought, 0) + quote.amount_out
        self.pools |= {pool.address: pool for pool in quote.pools_after}
        return quote.amount_out

    def single(self, sell: Amount, buy: Token) -> int:
        """By the best single path; where there is none, to WETH first and on from there."""
        quote = best_route(list(self.pools.values()), sell, buy, tuple(self.hubs.values()), FREE_GAS)
        if isinstance(quote, RouteQuote):
            return self.make(quote)
        center = self.hubs[CENTER]
        assert center.address not in (sell.token.address, buy.address), f"no way from {sell} to {buy}: {quote}"
        return self.single(Amount(center, self.single(sell, center)), buy)


def pairwise(pools: Sequence[Pool], portfolio: Portfolio) -> dict[Address, int]:
    books = Books(pools, portfolio)
    for sell, buy in pairs(portfolio):
        books.single(sell, buy)
    return books.balances


def through_weth(pools: Sequence[Pool], portfolio: Portfolio) -> dict[Address, int]:
    books = Books(pools, portfolio)
    center, got = books.hubs[CENTER], 0
    over, under = surplus(portfolio)
    for sell in over:
        got += sell.raw if sell.token.address == center.address else books.single(sell, center)
    total, spent = sum(dollars for _, dollars in under), 0
    for number, (buy, dollars) in enumerate(under, start=1):
        raw = got - spent if number == len(under) else got * dollars // total
        spent += raw
        if buy.address != center.address and raw:
            books.single(Amount(center, raw), buy)
    return books.balances


def grid(pools: Sequence[Pool], portfolio: Portfolio) -> dict[Address, int]:
    books = Books(pools, portfolio)
    for sell, buy in pairs(portfolio):
        paths = list(paths_between(pools, sell.token, buy, tuple(books.hubs.values())))
        for path, raw in spread(books.pools, paths, sell.raw):
            books.make(quoted(books.pools, path, raw))
    return books.balances


def spread(pools: dict[Address, Pool], paths: Sequence[tuple[Hop, ...]], raw: int) -> list[tuple[tuple[Hop, ...], int]]:
    """The amounts in steps, each by the path that pays the most for it after the steps before."""
    now, amounts = dict(pools), [0] * len(paths)
    quotes: list[RouteQuote | None] = [None] * len(paths)
    moved, step = set(now), raw // STEPS
    for number in range(STEPS):
        size = raw - step * (STEPS - 1) if number == STEPS - 1 else step
        for place, path in enumerate(paths):
            if size != step or any(hop.pool.address in moved for hop in path):
                quote = quote_route(on(now, path), size)
                quotes[place] = quote if isinstance(quote, RouteQuote) else None
        paid = [-1 if quote is None else quote.amount_out for quote in quotes]
        best = paid.index(max(paid))
        chosen = quotes[best]
        assert chosen is not None, f"no path takes a step of {size}"
        amounts[best] += size
        now |= {pool.address: pool for pool in chosen.pools_after}
        moved = {pool.address for pool in chosen.pools_after}
    return [(path, amount) for path, amount in zip(paths, amounts, strict=True) if amount]


def quoted(pools: dict[Address, Pool], path: tuple[Hop, ...], raw: int) -> RouteQuote:
    quote = quote_route(on(pools, path), raw)
    assert isinstance(quote, RouteQuote), quote
    return quote


def on(pools: dict[Address, Pool], path: tuple[Hop, ...]) -> Route:
    """The path through pools as they stand."""
    return Route(tuple(replace(hop, pool=pools[hop.pool.address]) for hop in path))


def paths_between(
    pools: Sequence[Pool], sell: Token, buy: Token, hubs: tuple[Token, ...], seen: tuple[Hop, ...] = ()
) -> Iterator[tuple[Hop, ...]]:
    """Every path of up to MOST_HOPS pools over `hubs`, no token twice."""
    for pool in (pool for pool in pools if holds(pool, sell)):
        hop = Hop(pool, sell, other_token(pool, sell))
        if hop.token_out.address == buy.address:
            yield (*seen, hop)
        elif len(seen) + 1 < MOST_HOPS and any(hub.address == hop.token_out.address for hub in hubs):
            further = tuple(hub for hub in hubs if hub.address not in (sell.address, hop.token_out.address))
            yield from paths_between(pools, hop.token_out, buy, further, (*seen, hop))


def surplus(portfolio: Portfolio) -> tuple[list[Amount], list[tuple[Token, int]]]:
    """(what is over its target, and what is under it in dollars at 1e18), the largest first."""
    worth = [holding.price.value_down(holding.balance.raw) for holding in portfolio.holdings]
    off = [have - sum(worth) * holding.wanted // ONE for have, holding in zip(worth, portfolio.holdings, strict=True)]
    ordered = sorted(zip(off, portfolio.holdings, strict=True), key=lambda entry: -abs(entry[0]))
    over = [holding.price.amount_down(Usd(dollars)) for dollars, holding in ordered if dollars > 0]
    return over, [(holding.price.token, -dollars) for dollars, holding in ordered if dollars < 0]


def pairs(portfolio: Portfolio) -> Iterator[tuple[Amount, Token]]:
    """Each sale cut to the purchases that it pays for, the largest to the largest."""
    over, under = surplus(portfolio)
    prices = {price.token.address: price for price in portfolio.prices()}
    left = [dollars for _, dollars in under]
    for sell in over:
        price, raw = prices[sell.token.address], sell.raw
        while price.value_down(raw) > CENT and max(left) > CENT:
            place = left.index(max(left))
            take = min(raw, price.amount_up(Usd(left[place])).raw)
            left[place] = max(left[place] - price.value_down(take), 0)
            raw -= take
            yield Amount(sell.token, take), under[place][0]
