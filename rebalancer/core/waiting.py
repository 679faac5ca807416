"""What a plan does not trade, in words: why nothing moves, or which part of what is over waits, and for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rebalancer.core.cost import gas_price_in, gas_price_now, worth_it
from rebalancer.core.guard import gap_bps_up
from rebalancer.core.model import Cost, Position
from rebalancer.core.plan_limits import Task, beyond_limits
from rebalancer.core.render import amount, bps, money
from rebalancer.market.routing import SWAP_GAS, NoRoute, RouteQuote, best_known_route, pool_gas
from rebalancer.units import BPS, ONE, Bps, Usd, bps_of_up, mul_div_down


def why_nothing(task: Task) -> str:
    """Why there is nothing to trade at all."""
    if task.portfolio.value == 0:
        return "the wallet holds nothing of value: there is nothing to trade"
    wants = [(_to_move(task, p), p) for p in task.portfolio.positions]
    sells, buys = [w for w in wants if w[0] > 0], [w for w in wants if w[0] < 0]
    if not sells or not buys:
        return "every weight is where a rebalance would leave it"
    value, largest = max(wants, key=lambda want: abs(want[0]))
    return (
        f"all that is off is too small to trade: the most is {money(Usd(abs(value)))} of {largest.balance.token}, and "
        f"min_trade is {money(task.policy.limits.min_trade)}"
    )


def why_too_dear(task: Task, hops: int) -> str | None:
    """Why no trade can pay, told before any route is looked for; None: one may. `hops`: pools on the longest route.

    Of n trades that lose s and pay n g of gas, n g + s is at most the share c of all that they move. That is what the
    positions they sell are over their goals, n times the largest at most, and what s moves the goals by: s again, at
    most. With c of one or less g is then at most c times the largest; and for what is bought it is the same. Twice
    that is asked for: the search for routes takes what it could as well leave, and somebody else may fill that.
    """
    snapshot, limits = task.snapshot, task.policy.limits
    wants = [_to_move(task, p) for p in task.portfolio.positions]
    over, under = max(wants), -min(wants)
    most = Usd(min(over, under))
    if most < max(limits.min_trade, 1) or not snapshot.pools or limits.max_cost > BPS:
        return None
    gas = (SWAP_GAS + min(map(pool_gas, snapshot.pools))) * gas_price_now(snapshot.block, task.fees)
    usd_of = {price.token.address: price.usd for price in snapshot.prices}
    # Pools off the oracle may pay for it: so much on each of them, and of what they have paid goals move as well.
    gain = 3 * hops * max(gap_bps_up(pool, usd_of) or 0 for pool in snapshot.pools)
    if snapshot.native.value_down(gas) <= bps_of_up(2 * most, Bps(limits.max_cost + gain)):
        return None
    return (
        f"not worth it: the largest trade would be of {money(most)}, and one swap alone costs "
        f"{money(snapshot.native.value_down(gas))} of gas; max_cost allows {bps(limits.max_cost)}"
    )


def why_waits(task: Task, routes: Sequence[RouteQuote]) -> Iterator[str]:
    """For each pair between which min_trade or more should move and no route takes it, how much that is, and why."""
    left = {p.balance.token.address: _to_move(task, p) for p in task.portfolio.positions}
    for quote in routes:
        hops = quote.route.hops
        sold, bought = task.position(hops[0].token_in), task.position(hops[-1].token_out)
        left[sold.balance.token.address] -= sold.price.value_down(quote.amount_in)
        left[bought.balance.token.address] += bought.price.value_down(quote.amount_out)
    least = max(task.policy.limits.min_trade, 1)
    ordered = sorted(task.portfolio.positions, key=lambda p: -left[p.balance.token.address])
    for sell in ordered:
        for buy in reversed(ordered):
            value = min(left[sell.balance.token.address], -left[buy.balance.token.address])
            if value >= least and sell.price.amount_down(Usd(value)).raw > 0:
                left[sell.balance.token.address] -= value
                left[buy.balance.token.address] += value
                yield f"{_in_the_way(task, sell, Usd(value), buy)}; left out"


def _in_the_way(task: Task, sell: Position, value: Usd, buy: Position) -> str:
    """What a trade of so much would run into, on the best single path."""
    limits, sold = task.policy.limits, sell.price.amount_down(value)
    unit = gas_price_now(task.snapshot.block, task.fees)
    gas_price = gas_price_in(buy.price, task.snapshot.native, unit)
    said = f"{amount(sold)} for {buy.balance.token}"
    match best_known_route(task.snapshot.pools, sold, buy.balance.token, task.policy.hubs, gas_price):
        case NoRoute(reason):
            return f"{said}: {reason}"
        case found:
            beyond = beyond_limits(limits, sell, buy, found)
            if beyond is not None:
                return beyond[1]
    short = sell.price.value_up(sold.raw) - buy.price.value_down(found.amount_out)
    gas = task.snapshot.native.value_up(found.gas * unit)
    cost = Cost(value, None, None, Usd(short), gas)
    if not_worth := worth_it(cost, limits):
        return f"{said}: {not_worth.reason}"
    # All of it would pay, and the last of it would not.
    return f"{said}: not worth it beside the rest, the next dollar costs more than max_cost of {bps(limits.max_cost)}"


def _to_move(task: Task, position: Position) -> int:
    """The dollars that should leave a position; negative where they should reach it."""
    goal = mul_div_down(task.portfolio.value, task.desired[position.balance.token.address], ONE)
    return position.value - goal
