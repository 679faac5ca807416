"""Choosing how to trade: pools and an amount to sell in, the best single path by exact result net of gas out.

A path is one pool, or two over a hub, all of one kind: SwapRouter02 takes a V3 path or a V2 path in one
call, and a mix would need two. Nothing is estimated here: every candidate is simulated to the wei.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rebalancer.market.pools import Pool, has_price, holds, other_token, swap_exact_in
from rebalancer.market.swap import NeedTicks, NoSwap, Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Amount, Token, mul_div_up

V3_HOP_GAS = 80_000
V3_TICK_GAS = 31_000
"""Of each initialised tick that is crossed."""
V2_HOP_GAS = 60_000
SWAP_GAS = 40_000
"""Of a swap besides its pools: the router's call, the approval and taking it back. All four are what the real contracts
used in a Safe's batch, and a fifth more for tokens that are dearer to move."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One pool of a path, and the direction through it."""

    pool: Pool
    token_in: Token
    token_out: Token


@dataclass(frozen=True, slots=True)
class Route:
    """A path: each hop spends what the one before it paid."""

    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class RouteQuote:
    """What a route gives, to the wei, with `gas` estimated in units and the pools as it leaves them, by hop."""

    route: Route
    amount_in: int
    amount_out: int
    gas: int
    pools_after: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class MoreTicks:
    """Parts of pools that must be read before the answer is certain, at most one entry per pool."""

    needs: tuple[NeedTicks, ...]


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No path carries the whole amount."""

    reason: str


@dataclass(frozen=True, slots=True)
class GasPrice:
    """What a unit of gas costs in base units of the bought token: numerator / denominator."""

    numerator: int
    denominator: int

    def cost_up(self, gas: int) -> int:
        """The cost of `gas` units, rounded up."""
        return mul_div_up(gas, self.numerator, self.denominator)


FREE_GAS = GasPrice(0, 1)


@dataclass(frozen=True, slots=True)
class _Path:
    """A path priced so far. Where `needs` is not empty, `amount_out` is the most it could give."""

    hops: tuple[Hop, ...]
    amount_out: int
    gas: int
    pools_after: tuple[Pool, ...]
    needs: tuple[NeedTicks, ...]


def quote_route(route: Route, amount_in: int) -> RouteQuote | MoreTicks | NoRoute:
    """Simulate `route` for `amount_in` base units of its first token. ValueError for a route without a hop."""
    if not route.hops:
        raise ValueError("a route has one hop at least")
    path = _start(amount_in)
    for hop in route.hops:
        longer = _extended(path, hop)
        if isinstance(longer, NoRoute):
            return longer
        path = longer
    return MoreTicks(merged_needs(path.needs)) if path.needs else _quote(path, amount_in)


def quote_in_turn(
    pools: Sequence[Pool], sales: Sequence[tuple[Route, int]]
) -> tuple[RouteQuote | NoRoute, ...] | MoreTicks:
    """Simulate routes, each for its amount, on `pools` as the routes before it leave them. NoRoute: it is not made."""
    now = {pool.address: pool for pool in pools}
    answers: list[RouteQuote | NoRoute] = []
    needs: list[NeedTicks] = []
    for route, amount_in in sales:
        match quote_route(Route(tuple(replace(hop, pool=now[hop.pool.address]) for hop in route.hops)), amount_in):
            case MoreTicks(more):
                needs.extend(more)
            case NoRoute() as none:
                answers.append(none)
            case RouteQuote() as quote:
                answers.append(quote)
                now |= {pool.address: pool for pool in quote.pools_after}
    return MoreTicks(merged_needs(needs)) if needs else tuple(answers)


def best_route(
    pools: Sequence[Pool], sell: Amount, buy: Token, hubs: tuple[Token, ...], gas_price: GasPrice
) -> RouteQuote | MoreTicks | NoRoute:
    """The single path, direct or over one hub, with the highest amount out net of gas.

    A candidate that leaves the known ticks counts at the most it could give: where that could win, the answer
    is MoreTicks. `best_known_route` leaves such candidates out.
    """
    paths = _candidates(pools, sell, buy, hubs)
    known = _best(paths, gas_price)
    floor = None if known is None else _net(known, gas_price)
    needs = [need for p in paths if p.needs and (floor is None or _net(p, gas_price) > floor) for need in p.needs]
    if needs:
        return MoreTicks(merged_needs(needs))
    return _answer(known, sell, buy)


def best_known_route(
    pools: Sequence[Pool], sell: Amount, buy: Token, hubs: tuple[Token, ...], gas_price: GasPrice
) -> RouteQuote | NoRoute:
    """As best_route, among the candidates that the known ticks settle."""
    return _answer(_best(_candidates(pools, sell, buy, hubs), gas_price), sell, buy)


def _candidates(pools: Sequence[Pool], sell: Amount, buy: Token, hubs: tuple[Token, ...]) -> list[_Path]:
    if sell.token.address == buy.address:
        raise ValueError(f"{buy} for {buy} is no trade")
    start = _start(sell.raw)
    paths = _all_extended([start], pools, sell.token, buy)
    ends = {sell.token.address, buy.address}
    for hub in {hub.address: hub for hub in hubs if hub.address not in ends}.values():
        paths += _all_extended(_all_extended([start], pools, sell.token, hub), pools, hub, buy)
    return paths


def _all_extended(paths: Iterable[_Path], pools: Sequence[Pool], token_in: Token, token_out: Token) -> list[_Path]:
    """Every path followed by every pool of the pair and of the path's kind, where the pool can carry it.

    A pool without a price is left out: what liquidity it has lies elsewhere, and nobody stands behind the way there.
    """
    hops = [Hop(pool, token_in, token_out) for pool in pools if _joins(pool, token_in, token_out) and has_price(pool)]
    tried = [_extended(path, hop) for path in paths for hop in hops if _one_kind(path, hop)]
    return [path for path in tried if isinstance(path, _Path)]


def _joins(pool: Pool, token_in: Token, token_out: Token) -> bool:
    return holds(pool, token_in) and other_token(pool, token_in).address == token_out.address


def _one_kind(path: _Path, hop: Hop) -> bool:
    return not path.hops or type(path.hops[-1].pool) is type(hop.pool)


def _start(amount_in: int) -> _Path:
    return _Path((), amount_in, SWAP_GAS, (), ())


def _extended(path: _Path, hop: Hop) -> _Path | NoRoute:
    # A pool that the path has been through already stands where the path left it.
    pool = next((p for p in reversed(path.pools_after) if p.address == hop.pool.address), hop.pool)
    hops = (*path.hops, hop)
    match swap_exact_in(pool, hop.token_in, path.amount_out):
        # Where the amount is only the most that may arrive, less of it may well find its liquidity.
        case Swap() as swap if swap.unfilled == 0 or path.needs:
            gas = path.gas + pool_gas(hop.pool) + V3_TICK_GAS * swap.ticks_crossed
            return _Path(hops, swap.amount_out, gas, (*path.pools_after, swap.pool_after), path.needs)
        case Swap(unfilled=unfilled):
            return NoRoute(f"pool {pool.address} is out of liquidity: {unfilled} {hop.token_in} left over")
        case NeedTicks() as need:
            gas = path.gas + pool_gas(hop.pool)
            return _Path(hops, need.best_possible, gas, (*path.pools_after, pool), (*path.needs, need))
        case NoSwap(reason=reason):
            return NoRoute(f"pool {pool.address}: {reason}")


def pool_gas(pool: Pool) -> int:
    """Units of a swap through `pool`, the ticks that it crosses aside."""
    match pool:
        case V2Pool():
            return V2_HOP_GAS
        case V3Pool():
            return V3_HOP_GAS


def _net(path: _Path, gas_price: GasPrice) -> int:
    return path.amount_out - gas_price.cost_up(path.gas)


def _best(paths: Sequence[_Path], gas_price: GasPrice) -> _Path | None:
    """The best complete path; of equals the one with less gas, then the first."""
    complete = [path for path in paths if not path.needs and path.amount_out > 0]
    return max(complete, key=lambda path: (_net(path, gas_price), -path.gas), default=None)


def _answer(path: _Path | None, sell: Amount, buy: Token) -> RouteQuote | NoRoute:
    if path is None:
        return NoRoute(f"no pool or pair of pools takes so much {sell.token} for {buy}")
    return _quote(path, sell.raw)


def _quote(path: _Path, amount_in: int) -> RouteQuote:
    return RouteQuote(Route(path.hops), amount_in, path.amount_out, path.gas, path.pools_after)


def merged_needs(needs: Iterable[NeedTicks]) -> tuple[NeedTicks, ...]:
    """One range of words per pool that covers all of its needs."""
    merged: dict[str, NeedTicks] = {}
    for need in needs:
        seen = merged.setdefault(need.pool_address, need)
        low, high = min(seen.word_low, need.word_low), max(seen.word_high, need.word_high)
        best = max(seen.best_possible, need.best_possible)
        merged[need.pool_address] = replace(seen, word_low=low, word_high=high, best_possible=best)
    return tuple(merged.values())
