"""Orders of a decision told to whoever fills them: a decision in, one whose orders they know out.

Before anything is signed: until the wallet makes it valid an order is inert, so that one which is told of and forgotten
runs out by itself. Who does not take it is left out, and it is decided once more.
"""

from __future__ import annotations

from dataclasses import replace

from rebalancer.core.model import Blocked, Held, Past, Policy, Portfolio, Snapshot
from rebalancer.core.orders import orders_of
from rebalancer.decide import Decision, decide
from rebalancer.ports import Ports


def placed(
    ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio], decision: Decision
) -> Held | Blocked | Decision:
    """The decision itself where it has no orders, or they were taken. Raises as `decide` does."""
    quotes = decision.batch.quotes
    refusal = ports.outside.place(quotes) if orders_of(quotes) else None
    if refusal is None:
        return decision
    others = replace(ports, outside=ports.outside.without(refusal.venue))
    said = f"{refusal.venue} does not take the order: {refusal.reason}"
    match decide(others, policy, past, seen).outcome:
        case Held(reason):
            return Held(f"{said}; {reason}")
        case Blocked() as blocked:
            return blocked
        case again:
            # Each turn leaves one venue out, so that they come to an end.
            return placed(others, policy, past, seen, replace(again, why=f"{again.why}; {said}"))
