"""Planned routes on the replica with the true mainnet states: calls to SwapRouter02 in order, what each paid out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from portfolios import Portfolio

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.venues.router import swap_call
from rebalancer.market.joint import JointRoutes
from rebalancer.market.routing import Hop, Route, RouteQuote
from rebalancer.replica.chain import Replica

NEVER = 2**40
"""A deadline."""
SWAP_GAS = 12_000_000
"""More than a swap through a hundred ticks takes; asking the node for it costs more than the swap."""
APPROVED = 2**256 - 1


def mismatches(states: Path, plans: Sequence[tuple[Portfolio, JointRoutes]]) -> Iterator[str]:
    """What the chain pays otherwise than planned, plan by plan, each on the pools as the file has them."""
    with Replica.start(pools=states) as replica:
        for portfolio, plan in plans:
            with replica.scratch():
                yield from _differences(replica, portfolio, plan)


def _differences(replica: Replica, portfolio: Portfolio, plan: JointRoutes) -> Iterator[str]:
    owner = replica.actor("owner").address
    for price in portfolio.prices():
        replica.deal(price.token.address, owner, 0)
        replica.transact(owner, price.token.address, "approve(address,uint256)", MAINNET.swap_router_02, APPROVED)
    for holding in portfolio.holdings:
        replica.deal(holding.balance.token.address, owner, holding.balance.raw)
    for number, quote in enumerate(plan.routes, start=1):
        paid = _make(replica, owner, quote)
        if paid != quote.amount_out:
            path = " > ".join(str(hop.token_in) for hop in quote.route.hops)
            yield f"swap {number} of {len(plan.routes)}, {path}: planned {quote.amount_out}, paid {paid}"


def _make(replica: Replica, owner: str, quote: RouteQuote) -> int:
    """What a route pays. A call for each run of pools of one kind: the router takes no mixed path."""
    raw = quote.amount_in
    for _, hops in groupby(quote.route.hops, key=lambda hop: type(hop.pool)):
        raw = _swap(replica, owner, tuple(hops), raw)
    return raw


def _swap(replica: Replica, owner: str, hops: tuple[Hop, ...], raw: int) -> int:
    bought = hops[-1].token_out.address
    before = replica.balance(bought, owner)
    call = swap_call(MAINNET.swap_router_02, Route(hops), replica.actor("owner").address, (raw, 0), NEVER)
    receipt = replica.send(owner, call.to, "0x" + call.data.hex(), gas=SWAP_GAS)
    assert int(receipt["status"], 16), f"the router refused {raw} {hops[0].token_in} for {hops[-1].token_out}"
    return replica.balance(bought, owner) - before
