"""Batches of orders: a batch and what was measured of it in, crossed limits and what it counts for out.

Placing moves nothing: it approves whoever fills the orders, and makes them valid. What they do then nobody can
simulate; the contract that fills them holds them to their limits. So a batch of orders is guarded twice: as it was
measured, and as if each order were filled at its limit, which is the least that it can bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rebalancer.core.floors import floor_of
from rebalancer.core.guard import guard_snapshot
from rebalancer.core.model import Allowance, Batch, Breach, Order, Policy, Quote, Simulated, Snapshot
from rebalancer.core.render import amount, breach_words
from rebalancer.units import Address, Amount

Breaches = Iterator[Breach]
Spent = tuple[Address, Address]
"""(who may pull, the token)."""


def orders_of(quotes: Iterable[Quote]) -> tuple[Order, ...]:
    """Of the quotes that are orders."""
    return tuple(quote.terms for quote in quotes if isinstance(quote.terms, Order))


def approved_for(orders: Iterable[Order]) -> dict[Spent, Amount]:
    """What each relayer must be able to pull so that all orders can be filled."""
    sums: dict[Spent, Amount] = {}
    for order in orders:
        key = order.relayer, order.sell.token.address
        sums[key] = sums[key] + order.sell if key in sums else order.sell
    return sums


# ---------------------------------------------------------------- placed


def guard_placing(batch: Batch, simulation: Simulated) -> tuple[Breach, ...]:
    """What a batch of orders does when it is sent, as measured. Nothing to say of a batch without one."""
    if not orders_of(batch.quotes):
        return ()
    return (
        *orders_alone(batch),
        *nothing_moves(simulation),
        *allowance_is_the_orders(orders_of(batch.quotes), simulation),
    )


def orders_alone(batch: Batch) -> Breaches:
    """Orders are filled one by one or never, and swaps all at once: no batch promises both."""
    swaps = [quote for quote in batch.quotes if not isinstance(quote.terms, Order)]
    if swaps:
        said = f"{len(swaps)} swaps beside {len(batch.quotes) - len(swaps)} orders"
        yield Breach("orders_alone", said, "orders alone, or swaps alone")


def nothing_moves(simulation: Simulated) -> Breaches:
    """No balance changes until somebody fills an order."""
    for change in simulation.changes:
        if change.raw:
            sign = "+" if change.raw > 0 else ""
            yield Breach("nothing_moves", f"{change.token} changes by {sign}{amount(change)}", "no change")


def allowance_is_the_orders(orders: Sequence[Order], simulation: Simulated) -> Breaches:
    """Afterwards whoever fills the orders may pull what they sell, to the unit, and nobody may pull anything else."""
    wanted = approved_for(orders)
    for left in simulation.allowances:
        most = wanted.pop((left.spender, left.amount.token.address), Amount(left.amount.token, 0))
        if left.amount.raw != most.raw:
            allowed = f"exactly {amount(most)}" if most.raw else "nothing"
            yield Breach("allowance_is_the_orders", f"{left.spender} may pull {amount(left.amount)}", allowed)
    for (spender, _), most in wanted.items():
        unknown = f"what {spender} may pull of {most.token} was not measured"
        yield Breach("allowance_is_the_orders", unknown, f"exactly {amount(most)}")


def as_if_filled(batch: Batch, simulation: Simulated) -> Simulated:
    """What was measured, and each order filled at its limit on top of it, which uses up what it was approved for.

    What was measured is the answer where there is no order.
    """
    orders = orders_of(batch.quotes)
    if not orders:
        return simulation
    used = approved_for(orders)
    moved: dict[Address, int] = {}
    for order in orders:
        for part, sign in ((order.sell, -1), (order.least, 1)):
            moved[part.token.address] = moved.get(part.token.address, 0) + sign * part.raw
    return replace(
        simulation,
        changes=tuple(replace(c, raw=c.raw + moved.get(c.token.address, 0)) for c in simulation.changes),
        allowances=tuple(_used(left, used) for left in simulation.allowances),
    )


def _used(left: Allowance, used: dict[Spent, Amount]) -> Allowance:
    gone = used.get((left.spender, left.amount.token.address), Amount(left.amount.token, 0))
    return replace(left, amount=Amount(left.amount.token, left.amount.raw - gone.raw))


# ---------------------------------------------------------------- taken back


def why_withdraw(policy: Policy, orders: Sequence[Order], snapshot: Snapshot) -> str | None:
    """Why open orders should not be filled any more, by what is known now; None: they may.

    An order is as good as on the day that it was made as long as its limit is no worse than the floor that the same
    trade would get now.
    """
    disputed = "; ".join(breach_words(breach) for breach in guard_snapshot(policy, snapshot))
    if disputed:
        return f"prices are in dispute: {disputed}"
    return "; ".join(filter(None, (_behind(policy, order, snapshot) for order in orders))) or None


def _behind(policy: Policy, order: Order, snapshot: Snapshot) -> str | None:
    sold, bought = order.sell.token, order.least.token
    known = {price.token.address for price in snapshot.prices}
    if not {sold.address, bought.address} <= known:
        return f"{sold} for {bought} has no price any more"
    floor = floor_of(order.sell, snapshot.price(sold), snapshot.price(bought), policy.limits.max_slippage)
    if order.least.raw >= floor.raw:
        return None
    return f"{amount(order.sell)} for {amount(order.least)} is below today's floor of {amount(floor)}"


def guard_withdrawal(batch: Batch, simulation: Simulated) -> tuple[Breach, ...]:
    """What takes orders back moves nothing, and leaves whoever would have filled them no allowance."""
    left = {(one.spender, one.amount.token.address): one.amount.raw for one in simulation.allowances}
    kept = [spent for spent in approved_for(batch.withdrawn) if left.get(spent, 1)]
    standing = (
        Breach("no_allowance_left", f"{spender} may still pull the token {token}, or it was not measured", "nothing")
        for spender, token in kept
    )
    return (*nothing_moves(simulation), *standing)
