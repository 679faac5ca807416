"""Winners of pairs for a module: those that gain most keep their calldata, the own route takes the others' place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import ROUTER, planned, snapshot_with
from small_module import SAFE, module_snapshot

from rebalancer.core.competition import Judged, pair_of
from rebalancer.core.model import Call, Quote, Snapshot, Terms, Trade
from rebalancer.core.module_winners import that_fit
from rebalancer.units import Usd

MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
TRADES = planned(MARKET).trades
FIRST, SECOND = TRADES
OF_MODULE = module_snapshot(45_000, 30_000, 20_000, 5_000)


def judged(venue: str, trade: Trade, net: int, size: int = 0) -> Judged:
    """`size` bytes of calldata from outside; 0: the own route's."""
    terms = Terms("swap", trade.sell.token.address, trade.buy.address, trade.sell.raw, trade.floor.raw, SAFE, ())
    call = Call(ROUTER, bytes(size))
    quote = Quote(venue, trade, trade.floor, ROUTER, call, 1, None, terms if size else None)
    return Judged(venue, (trade,), (quote,), (), 1, Usd(net), None)


OWN = [judged("own", FIRST, -50), judged("own", SECOND, -50)]


def venues(snapshot: Snapshot, *found: Judged, own: list[Judged] = OWN) -> list[str]:
    best = {pair_of(one.trades[0]): one for one in found}
    return [one.venue for one in that_fit(snapshot, best, own).values()]


@pytest.mark.parametrize(
    ("sizes", "gains", "kept"),
    [
        ((2_048, 2_048), (1, 2), ["a", "b"]),
        ((2_048, 2_049), (1, 2), ["own", "b"]),
        ((2_048, 2_049), (2, 1), ["a", "own"]),
        ((4_097, 10), (2, 1), ["own", "b"]),
        ((10, 4_097), (2, 1), ["a", "own"]),
    ],
)
def test_that_fit__of_a_module__keeps_what_gains_most_as_long_as_the_calldata_fits(
    sizes: tuple[int, int], gains: tuple[int, int], kept: list[str]
) -> None:
    found = [judged(n, t, -50 + g, s) for n, t, g, s in zip("ab", TRADES, gains, sizes, strict=True)]
    assert venues(OF_MODULE, *found) == kept


def test_that_fit__of_a_plain_safe__takes_calldata_of_any_length() -> None:
    found = [judged("a", FIRST, 1, 5_000), judged("b", SECOND, 2, 5_000)]
    assert venues(MARKET, *found) == ["a", "b"]


def test_that_fit__of_a_pair_that_the_own_route_cannot_make__keeps_it() -> None:
    found = [judged("a", FIRST, 1, 3_000), judged("b", SECOND, 2, 3_000)]
    assert venues(OF_MODULE, *found, own=OWN[1:]) == ["a", "own"]
    refused = replace(OWN[0], net=None, refused="below the floor")
    assert venues(OF_MODULE, *found, own=[refused, OWN[1]]) == ["a", "own"]
