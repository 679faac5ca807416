"""What no plan can beat: pools, holdings and any prices in, a proven bound on the value after the rebalance out.

For every vector of prices nu > 0 the value t that is reached in proportion to the targets w obeys

    t * nu.w <= nu.held + sum over pools of the most that anybody can take out of the pool at nu

(Lagrange duality; the sum is the dual function of Diamandis et al. 2023). The last term is exact here, from the
integers that the chain holds: for a V2 pair it is (sqrt(nu_out * y) - sqrt(nu_in * x / kept))^2 where that root is
positive, for a V3 pool the sum over its ranges down to the price nu_in / (kept * nu_out), with the roots at ticks
that the chain uses. The chain rounds each step against the trader, and what is swapped twice pays its fee twice, so
that no order of swaps does better than one pass. Eighty digits, and ALLOWANCE dollars a pool on top for their rounding.
Nothing here comes from the search that it judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext

from rebalancer.market.joint import Holding
from rebalancer.market.pools import Pool
from rebalancer.market.tick_math import sqrt_ratio_at_tick
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import ONE, Address, Price

DIGITS = 80
ALLOWANCE = Decimal("1e-30")
MILLION = Decimal(1_000_000)
Prices = Mapping[Address, Decimal]
"""Dollars of one base unit."""


def shadow_prices(prices: Sequence[Price], multiples: Mapping[Address, float]) -> dict[Address, Decimal]:
    """Oracle prices times their multiples, of one base unit. Rounding them costs no proof: any prices prove a bound."""
    with localcontext() as context:
        context.prec = DIGITS
        return {
            price.token.address: Decimal(multiples[price.token.address])
            * Decimal(price.usd)
            / (ONE * 10**price.token.decimals)
            for price in prices
        }


def bound_up(pools: Sequence[Pool], holdings: Sequence[Holding], prices: Prices) -> Decimal:
    """Dollars that the value cannot exceed, in units of `worth_of_targets`."""
    with localcontext() as context:
        context.prec = DIGITS
        held = sum((prices[holding.balance.token.address] * holding.balance.raw for holding in holdings), Decimal(0))
        usable = [pool for pool in pools if pool.token0.address in prices and pool.token1.address in prices]
        return held + sum((most_out_of(pool, prices) + ALLOWANCE for pool in usable), Decimal(0))


def worth_of(balances: Mapping[Address, int], prices: Prices) -> Decimal:
    """What is held is worth at the shadow prices: the same units as `bound_up`."""
    with localcontext() as context:
        context.prec = DIGITS
        return sum((prices[address] * raw for address, raw in balances.items()), Decimal(0))


def most_out_of(pool: Pool, prices: Prices) -> Decimal:
    """The most that a trade with the pool leaves at these prices: the better of its two ways, or nothing."""
    nu0, nu1 = prices[pool.token0.address], prices[pool.token1.address]
    match pool:
        case V2Pool():
            return max(_v2(pool.reserve0, pool.reserve1, nu0, nu1), _v2(pool.reserve1, pool.reserve0, nu1, nu0))
        case V3Pool():
            return max(_v3_down(pool, nu0, nu1), _v3_up(pool, nu0, nu1))


def _v2(x: int, y: int, nu_in: Decimal, nu_out: Decimal) -> Decimal:
    kept = Decimal(997) / 1000
    short = (nu_out * y).sqrt() - (nu_in * x / kept).sqrt()
    return short * short if short > 0 else Decimal(0)


def _v3_down(pool: V3Pool, nu0: Decimal, nu1: Decimal) -> Decimal:
    """token0 in, token1 out, down to where the next unit is not worth it."""
    kept = 1 - pool.fee / MILLION
    goal, total = (nu0 / (kept * nu1)).sqrt(), Decimal(0)
    for near, far, liquidity in _below(pool):
        end = min(max(goal, far), near)
        total += liquidity * (nu1 * (near - end) - nu0 / kept * (1 / end - 1 / near))
        if goal >= far:
            break
    return total


def _v3_up(pool: V3Pool, nu0: Decimal, nu1: Decimal) -> Decimal:
    """token1 in, token0 out."""
    kept = 1 - pool.fee / MILLION
    goal, total = (kept * nu0 / nu1).sqrt(), Decimal(0)
    for near, far, liquidity in _above(pool):
        end = max(min(goal, far), near)
        total += liquidity * (nu0 * (1 / near - 1 / end) - nu1 / kept * (end - near))
        if goal <= far:
            break
    return total


def _below(pool: V3Pool) -> Iterator[tuple[Decimal, Decimal, int]]:
    """(root where a range begins, root where it ends, its liquidity), from the present price downwards."""
    near, liquidity = _root(pool.sqrt_price_x96), pool.liquidity
    for index, net in reversed([entry for entry in pool.ticks if entry[0] <= pool.tick]):
        far = min(_root(sqrt_ratio_at_tick(index)), near)
        yield near, far, liquidity
        near, liquidity = far, liquidity - net


def _above(pool: V3Pool) -> Iterator[tuple[Decimal, Decimal, int]]:
    near, liquidity = _root(pool.sqrt_price_x96), pool.liquidity
    for index, net in (entry for entry in pool.ticks if entry[0] > pool.tick):
        far = max(_root(sqrt_ratio_at_tick(index)), near)
        yield near, far, liquidity
        near, liquidity = far, liquidity + net


def _root(x96: int) -> Decimal:
    return Decimal(x96) / (1 << 96)
