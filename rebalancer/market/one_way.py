"""Flows that go round in a circle: tokens and the flows between them in, an order in which nothing flows back out.

Where pools stand apart by more than their fees, the optimum takes what lies between them: it buys in one what it sells
in another. No path from what is held to what is wanted can follow it there, and whoever lives on such differences is
faster. A market in which every pool leads forward only has no circles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush

from rebalancer.market.curves import Row

_CLOSED = 0.5
"""What a side keeps of what comes in where nobody is to go: much less, and slopes would be too steep for floats."""


def order_of(flows: Collection[tuple[int, int]], prices: Sequence[float]) -> list[int] | None:
    """By token its place in an order in which every flow (from, to) leads forward. None: some go in a circle.

    Where the flows leave a choice, the cheaper token comes first: that is the way in which value flows. Kahn, 1962.
    """
    before = {token: {start for start, end in flows if end == token} for token in range(len(prices))}
    ready = [(prices[token], token) for token, starts in before.items() if not starts]
    heapify(ready)
    places = [-1] * len(prices)
    for place in range(len(prices)):
        if not ready:
            return None
        _, token = heappop(ready)
        places[token] = place
        for end in {end for start, end in flows if start == token}:
            before[end].remove(token)
            if not before[end]:
                heappush(ready, (prices[end], end))
    return places


def dearer(row: Row, fee: float) -> Row:
    """The row with so much more taken of what comes in, either way."""
    return replace(row, kept=(row.kept[0] * (1 - fee), row.kept[1] * (1 - fee)))


def forward(row: Row, zero: int, one: int) -> Row:
    """The row without its side that leads back, where `zero` and `one` are the places of its tokens in the order."""
    return replace(row, kept=(row.kept[0], _CLOSED) if zero < one else (_CLOSED, row.kept[1]))
