"""All venues that are asked over the network, at once: each question in a thread of its own, given up at a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Protocol, runtime_checkable

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.core.model import Asked, Order, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot, Trade
from rebalancer.units import Address

PATIENCE = 4.0
"""Seconds for all of them: a quote is one or two requests, of some 300 ms each."""

PLACING = 10.0
"""Seconds for all orders of a batch: what is signed afterwards was simulated before."""

Question = Callable[[], tuple[Quote, ...]]


class OutsideVenue(Protocol):
    """One of them. `end` is on the monotonic clock. Raises VenueError where it has no quote, or none to be believed."""

    @property
    def name(self) -> str:
        """As it stands in records."""
        ...

    @property
    def spenders(self) -> tuple[Address, ...]:
        """Every address that it may ask an approval for, and have called."""
        ...

    @property
    def answers_whole(self) -> bool:
        """Whether it is asked for all trades of a plan at once, where there are several, in place of each pair."""
        ...

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """The best that it offers for one trade."""
        ...

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """What it offers for all trades of a plan, one of each pair: as one call, see WholeTerms, or as orders."""
        ...


@runtime_checkable
class OrderVenue(Protocol):
    """One whose quotes are orders."""

    @property
    def name(self) -> str:
        """See OutsideVenue."""
        ...

    def place(self, quote: Quote, end: float) -> None:
        """Tell it of the quote's order. May be repeated. Raises VenueError."""
        ...


class AllOutside:
    """`venues` at once."""

    def __init__(self, venues: tuple[OutsideVenue, ...], patience: float = PATIENCE) -> None:
        self.spenders = tuple(dict.fromkeys(spender for venue in venues for spender in venue.spenders))
        self._venues = venues
        self._patience = patience

    def ask(
        self, requests: Sequence[QuoteRequest], whole: PlanRequest, snapshot: Snapshot, only: Sequence[str] = ()
    ) -> tuple[Asked, ...]:
        """See ports."""
        end = time.monotonic() + self._patience
        asked: list[tuple[OutsideVenue, tuple[Trade, ...], Question]] = []
        for venue in self._venues:
            if only and venue.name not in only:
                continue
            if venue.answers_whole and len(requests) > 1:
                # In place of the pairs: its rate limit leaves no turns for both.
                trades = tuple(request.trade for request in requests)
                asked.append((venue, trades, partial(venue.quote_whole, whole, end)))
                continue
            asked += [(venue, (one.trade,), partial(_one, venue, one, end)) for one in requests]
        said = _all_of([question for _, _, question in asked], end)
        return tuple(
            Asked(venue.name, venue.spenders, trades, _quotes(venue.name, answer, self._patience))
            for (venue, trades, _), answer in zip(asked, said, strict=True)
        )

    def place(self, quotes: tuple[Quote, ...]) -> Refusal | None:
        """See ports."""
        end = time.monotonic() + PLACING
        takers = {venue.name: venue for venue in self._venues if isinstance(venue, OrderVenue)}
        for quote in quotes:
            if not isinstance(quote.terms, Order):
                continue
            if quote.venue not in takers:
                return Refusal(quote.venue, "it takes no orders")
            (said,) = _all_of([partial(_placed, takers[quote.venue], quote, end)], end)
            answer = _quotes(quote.venue, said, PLACING)
            if isinstance(answer, Refusal):
                return Refusal(quote.venue, f"its order was not placed: {answer.reason}")
        return None

    def without(self, name: str) -> AllOutside:
        """See ports."""
        return AllOutside(tuple(venue for venue in self._venues if venue.name != name), self._patience)


def _one(venue: OutsideVenue, request: QuoteRequest, end: float) -> tuple[Quote, ...]:
    return (venue.quote(request, end),)


def _placed(venue: OrderVenue, quote: Quote, end: float) -> tuple[Quote, ...]:
    venue.place(quote, end)
    return (quote,)


def _quotes(name: str, answer: tuple[Quote, ...] | VenueError | None, patience: float) -> tuple[Quote, ...] | Refusal:
    match answer:
        case None:
            return Refusal(name, f"no answer within {patience:g} s")
        case VenueError():
            return Refusal(name, str(answer))
        case quotes:
            return quotes


def _all_of(questions: Sequence[Question], end: float) -> list[tuple[Quote, ...] | VenueError | None]:
    """What each gives; None for who takes too long. His thread ends by itself at `end`, when all his requests do, from
    the lookup of a name to the last byte; a lookup that the system does not end is left to a thread that nobody awaits.
    """
    pool = ThreadPoolExecutor(max_workers=max(len(questions), 1), thread_name_prefix="quote")
    futures: list[Future[tuple[Quote, ...]]] = [pool.submit(question) for question in questions]
    wait(futures, timeout=max(end - time.monotonic(), 0.0))
    pool.shutdown(wait=False, cancel_futures=True)
    return [_answer(future) for future in futures]


def _answer(future: Future[tuple[Quote, ...]]) -> tuple[Quote, ...] | VenueError | None:
    if not future.done() or future.cancelled():
        return None
    try:
        return future.result()
    except VenueError as error:
        return error
