"""Answers of venues in, which of them make the batch out: what was measured decides, and not what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rebalancer.core.cost import gas_price_now
from rebalancer.core.floors import raised
from rebalancer.core.model import Answer, Fees, Order, Plan, Quote, Simulated, Snapshot, Trade
from rebalancer.core.render import one_line
from rebalancer.units import Address, Amount, Bps, Usd

Pair = tuple[Address, Address]
"""(sold token, bought token)."""
OWN = "own"
"""The plan on its own routes, and the best of all pairs together, in a table of answers."""
TOGETHER = "best of each pair"


@dataclass(frozen=True, slots=True)
class Question:
    """A plan, and what counts when answers to it are compared. `slippage`: the most that a trade may lose."""

    plan: Plan
    snapshot: Snapshot
    fees: Fees
    deadline: int
    slippage: Bps


@dataclass(frozen=True, slots=True)
class Judged:
    """What somebody offers for the trades that were asked, and what our simulation made of it.

    `net`: the dollars that arrive less those that are sold and the gas; None: it was refused, and `refused` says why.
    """

    venue: str
    trades: tuple[Trade, ...]
    quotes: tuple[Quote, ...]
    arrived: tuple[Amount, ...]
    gas: int | None
    net: Usd | None
    refused: str | None

    @property
    def is_whole(self) -> bool:
        """Whether it answers for all trades of a plan at once."""
        return len(self.trades) != 1

    @property
    def is_ordered(self) -> bool:
        """Whether others are to fill what it offers, later."""
        return any(isinstance(quote.terms, Order) for quote in self.quotes)

    def is_void(self, now: int) -> bool:
        """Whether a quote in it has outlived what its venue grants it."""
        return any(quote.until is not None and quote.until < now for quote in self.quotes)


def refused(venue: str, trades: tuple[Trade, ...], why: str, quotes: tuple[Quote, ...] = ()) -> Judged:
    """Out of the competition. `why` may repeat what a venue says: it is on record, and before people, in one line."""
    return Judged(venue, trades, quotes, (), None, None, one_line(why))


def measured(
    venue: str, trades: tuple[Trade, ...], quotes: tuple[Quote, ...], simulation: Simulated, at: tuple[Snapshot, Fees]
) -> Judged:
    """In it, with what was simulated of it alone."""
    snapshot, fees = at
    tokens = {trade.buy.address for trade in trades}
    arrived = tuple(change for change in simulation.changes if change.token.address in tokens)
    gas = snapshot.native.value_up(simulation.gas * gas_price_now(snapshot.block, fees))
    up = sum(snapshot.price(c.token).value_down(c.raw) for c in simulation.changes if c.raw > 0)
    down = sum(snapshot.price(c.token).value_up(-c.raw) for c in simulation.changes if c.raw < 0)
    return Judged(venue, trades, quotes, arrived, simulation.gas, Usd(up - down - gas), None)


def pairs_of(plan: Plan, snapshot: Snapshot) -> tuple[Trade, ...]:
    """All trades of a pair as one, for who knows nothing of routes. Its floor is the sum of theirs."""
    pairs: dict[Pair, Trade] = {}
    for trade in plan.trades:
        seen = pairs.get(pair_of(trade))
        if seen is not None:
            sell = seen.sell + trade.sell
            value = snapshot.price(sell.token).value_down(sell.raw)
            trade = replace(seen, sell=sell, value=value, floor=seen.floor + trade.floor)
        pairs[pair_of(trade)] = trade
    return tuple(pairs.values())


def pair_of(trade: Trade) -> Pair:
    """What is sold, and what is bought."""
    return trade.sell.token.address, trade.buy.address


def held_to(trades: Sequence[Trade], own: Iterable[Judged], slippage: Bps) -> tuple[Trade, ...]:
    """The trades as those outside are asked: for no less than the own routes bring, less the slippage.

    Calldata from outside can tell a simulation from the chain, and bring there what its router insists on and no more.
    """
    brings = {pair_of(one.trades[0]): one.arrived[0] for one in own if one.net is not None}
    return tuple(
        replace(trade, floor=raised(trade.floor, brings[pair_of(trade)].raw, slippage))
        if pair_of(trade) in brings
        else trade
        for trade in trades
    )


def best_by_pair(found: Iterable[Judged]) -> Mapping[Pair, Judged]:
    """For each pair who brings the most; of equals the first."""
    best: dict[Pair, Judged] = {}
    for one in found:
        if one.is_whole or one.net is None:
            continue
        seen = best.get(pair_of(one.trades[0]))
        if seen is None or seen.net is None or one.net > seen.net:
            best[pair_of(one.trades[0])] = one
    return best


def best_whole(found: Sequence[Judged]) -> Judged | None:
    """Who brings the most for the whole plan; of equals the first."""
    able = [one for one in found if one.net is not None]
    return max(able, key=lambda one: one.net or 0, default=None)


def answer_of(one: Judged) -> Answer:
    """For the record."""
    return Answer(
        venue=one.venue,
        sold=tuple(trade.sell for trade in one.trades),
        least=tuple(trade.floor for trade in one.trades),
        says=tuple(quote.expected for quote in one.quotes),
        arrived=one.arrived,
        gas=one.gas,
        net=one.net,
        refused=one.refused,
    )
