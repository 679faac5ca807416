"""Venues outside that answer from memory, and a wallet whose simulation pays what a test says and not what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.wallets.fake import FakeWallet, as_quoted
from rebalancer.core.model import (
    Asked,
    Batch,
    Call,
    Order,
    PlanRequest,
    Quote,
    QuoteRequest,
    Refusal,
    Reverted,
    Simulation,
    Snapshot,
    Terms,
    Trade,
)
from rebalancer.units import Address, Amount

LISTED = FakeVenue.spenders[0]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a call does in the simulation: so much arrives and is sold, so much gas, and what it does besides."""

    arrives: int
    gas: int
    sells: int | None = None
    """None: what was asked."""
    besides: Mapping[Address, int] = field(default_factory=dict)
    """Of other tokens, what the wallet gains or loses."""
    leaves: int = 0
    """Of the allowance."""
    reverts: str | None = None


class PayingWallet(FakeWallet):
    """Simulates by `truths`, for each call of a batch; what has none does what its quote expects. `batches` are all
    that were simulated.
    """

    def __init__(self) -> None:
        super().__init__()
        self.truths: dict[bytes, Truth] = {}
        self.batches: list[Batch] = []
        self.fails_with_more_than_one = False

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        self.batches.append(batch)
        found = as_quoted(batch, snapshot)
        changes = {change.token.address: change for change in found.changes}
        gas, left = found.gas, {allowance.spender: allowance for allowance in found.allowances}
        if self.fails_with_more_than_one and len(batch.quotes) > 1:
            return Reverted("they are in each other's way")
        for quote in batch.quotes:
            truth = self.truths.get(quote.call.data)
            if truth is None:
                continue
            if truth.reverts is not None:
                return Reverted(truth.reverts)
            gas += truth.gas - quote.gas
            sold, bought = quote.trade.sell, quote.trade.buy
            more = 0 if truth.sells is None else truth.sells - sold.raw
            moves = {sold.token.address: -more, bought.address: truth.arrives - quote.expected.raw}
            for address, raw in (*moves.items(), *truth.besides.items()):
                changes[address] = replace(changes[address], raw=changes[address].raw + raw)
            if truth.leaves:
                left[quote.spender] = replace(left[quote.spender], amount=Amount(sold.token, truth.leaves))
        return replace(found, changes=tuple(changes.values()), allowances=tuple(left.values()), gas=gas)


Says = Callable[[QuoteRequest], Quote | Refusal]


class PlayedOutside:
    """Each venue by its name. `asked` are the names that each round was for; none: all."""

    spenders: tuple[Address, ...] = (LISTED,)

    def __init__(self, **venues: Says) -> None:
        self.venues = venues
        self.wholes: dict[str, Callable[[PlanRequest], tuple[Quote, ...] | Refusal]] = {}
        self.asked: list[tuple[str, ...]] = []
        self.placed: list[Quote] = []
        self.takes: Refusal | None = None
        """What it says to who places orders."""

    def ask(
        self, requests: Sequence[QuoteRequest], whole: PlanRequest, snapshot: Snapshot, only: Sequence[str] = ()
    ) -> tuple[Asked, ...]:
        self.asked.append(tuple(only))
        found = [
            Asked(name, self.spenders, (request.trade,), said if isinstance(said, Refusal) else (said,))
            for name, says in self.venues.items()
            for request in requests
            if (not only or name in only) and (said := says(request))
        ]
        trades = tuple(request.trade for request in requests)
        found += [Asked(name, self.spenders, trades, says(whole)) for name, says in self.wholes.items()]
        return tuple(found)

    def place(self, quotes: tuple[Quote, ...]) -> Refusal | None:
        self.placed += [quote for quote in quotes if isinstance(quote.terms, Order)]
        return self.takes

    def without(self, name: str) -> PlayedOutside:
        others = PlayedOutside(**{one: says for one, says in self.venues.items() if one != name})
        others.wholes = {one: says for one, says in self.wholes.items() if one != name}
        return others


def honest_terms(trade: Trade, wallet: Address) -> Terms:
    """What calldata does that does what was asked."""
    return Terms("swap", trade.sell.token.address, trade.buy.address, trade.sell.raw, trade.floor.raw, wallet, ())


def answer(request: QuoteRequest, name: str, says: int, gas: int = 150_000) -> Quote:
    """A quote that breaks no rule; what the simulation makes of it is the wallet's truth of its call."""
    trade = request.trade
    data = f"{name}: {trade.sell.raw} {trade.sell.token} for {trade.buy}, {says}".encode()
    expected = Amount(trade.buy, says)
    return Quote(name, trade, expected, LISTED, Call(LISTED, data), gas, None, honest_terms(trade, request.wallet))
