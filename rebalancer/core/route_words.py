"""Quotes in, words for people out: what is sold for what, the routes of one pair together, and the pools of each."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.flows import fee_ppm
from rebalancer.core.model import Quote
from rebalancer.core.render import amount, dollars, percent
from rebalancer.market.pools import Pool
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.units import ONE, PPM, Address, Amount, Usd, Weight

# Units stand in the heads: a table fits 100 columns.
QUOTE_HEAD = ("sell", "get", "at least", "value USD", "through")
_INDENT = "  "

Row = tuple[str, ...]


def quote_rows(quotes: Sequence[Quote]) -> tuple[Row, ...]:
    """Rows under QUOTE_HEAD: one for each pair, and below it one for each of its routes where there are several."""
    pairs: dict[tuple[Address, Address], list[Quote]] = {}
    for quote in quotes:
        pairs.setdefault((quote.trade.sell.token.address, quote.trade.buy.address), []).append(quote)
    rows: list[Row] = []
    for routes in pairs.values():
        if len(routes) > 1:
            rows.append(_row(routes, f"{len(routes)} routes"))
        indent = _INDENT if len(routes) > 1 else ""
        rows += [_row([quote], indent + way(quote)) for quote in routes]
    return tuple(rows)


def way(quote: Quote) -> str:
    """The pools of a route and the tokens between them: "V3 0.01 %, USDC, V3 0.05 %"; the venue that does not say."""
    if quote.route is None:
        return quote.venue
    words = [pool_words(quote.route.hops[0].pool)]
    for hop in quote.route.hops[1:]:
        words += [hop.token_in.symbol, pool_words(hop.pool)]
    return ", ".join(words)


def pool_words(pool: Pool) -> str:
    """Kind and fee of a pool: "V3 0.05 %"."""
    kind = "V2" if isinstance(pool, V2Pool) else "V3"
    return f"{kind} {percent(Weight(fee_ppm(pool) * (ONE // PPM)))}"


def _row(quotes: Sequence[Quote], through: str) -> Row:
    first = quotes[0].trade
    floor = Amount(first.buy, sum(quote.trade.floor.raw for quote in quotes))
    return (
        amount(Amount(first.sell.token, sum(quote.trade.sell.raw for quote in quotes))),
        amount(Amount(first.buy, sum(quote.expected.raw for quote in quotes))),
        # What is got names the token, the floor is of the same.
        amount(floor).removesuffix(f" {first.buy}"),
        dollars(Usd(sum(quote.trade.value for quote in quotes))),
        through,
    )
