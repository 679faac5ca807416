"""All venues outside at once: who is asked what, until when, and what becomes of those who fail."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from given_http import GOOD, Play, a_host, hangs, http_of, says
from small_market import NOW, OPERATOR, ROUTER, made_on, planned, snapshot_with

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.http import VenueHttp
from rebalancer.adapters.venues.outside import AllOutside
from rebalancer.core.model import Asked, PlanRequest, Quote, QuoteRequest, Refusal
from rebalancer.units import Address

SAFE = Address("0x5afe5afE5afE5afE5afE5aFe5aFe5Afe5Afe5AfE")
MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
PLAN = planned(MARKET)
QUOTES = tuple(made_on(trade, found) for trade, found in zip(PLAN.trades, PLAN.routes, strict=True))
REQUESTS = [QuoteRequest(trade, SAFE, OPERATOR, NOW + 600) for trade in PLAN.trades]
WHOLE = PlanRequest(PLAN, SAFE, OPERATOR, NOW + 600)
PATIENCE = 0.6
OTHER = Address("0x0000000000000000000000000000000000000bBB")


@dataclass
class Played:
    """A venue that does as it is told for each trade, or for the whole. `asked` are the threads that did."""

    name: str = "played"
    spenders: tuple[Address, ...] = (ROUTER,)
    answers_whole: bool = False
    does: Callable[[float], object] = lambda _: None
    asked: list[object] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        self.asked.append(request)
        self.threads.add(threading.get_ident())
        self.does(end)
        return replace(next(quote for quote in QUOTES if quote.trade == request.trade), venue=self.name)

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        self.asked.append(request)
        self.does(end)
        return tuple(replace(quote, venue=self.name) for quote in QUOTES)


def asking(http: VenueHttp) -> Callable[[float], object]:
    """One request to its host."""
    return lambda end: http.get("/price", {}, end)


def asked_of(*venues: Played, requests: list[QuoteRequest] = REQUESTS, only: tuple[str, ...] = ()) -> tuple[Asked, ...]:
    return AllOutside(venues, PATIENCE).ask(requests, WHOLE, MARKET, only)


def sleeps(seconds: float) -> Callable[[float], object]:
    return lambda _: time.sleep(seconds)


def fails(_: float) -> object:
    raise VenueError("it has no route")


def test_ask__of_two_venues_and_all_trades__is_each_of_them_once_in_their_order() -> None:
    assert len(REQUESTS) > 1
    first, second = Played("first"), Played("second", (OTHER,))
    found = asked_of(first, second)
    assert [one.venue for one in found] == ["first"] * len(REQUESTS) + ["second"] * len(REQUESTS)
    assert [one.trades for one in found] == 2 * [(request.trade,) for request in REQUESTS]
    assert [one.routers for one in found] == [(ROUTER,)] * len(REQUESTS) + [(OTHER,)] * len(REQUESTS)
    assert [one.said for one in found[: len(QUOTES)]] == [(replace(quote, venue="first"),) for quote in QUOTES]


def test_spenders__of_all__are_each_venues_once() -> None:
    assert AllOutside((Played(), Played(spenders=(OTHER, ROUTER)))).spenders == (ROUTER, OTHER)
    assert AllOutside(()).spenders == ()
    assert AllOutside(()).ask(REQUESTS, WHOLE, MARKET) == ()


def test_ask__who_answers_for_the_whole__is_asked_for_that_in_place_of_the_pairs() -> None:
    whole, pairs = Played("whole", answers_whole=True), Played("pairs")
    first, *others = asked_of(whole, pairs)
    assert (first.venue, first.trades) == ("whole", PLAN.trades) and whole.asked == [WHOLE]
    assert first.said == tuple(replace(quote, venue="whole") for quote in QUOTES)
    assert [one.venue for one in others] == ["pairs"] * len(REQUESTS) and pairs.asked == REQUESTS


def test_ask__of_one_trade_only__is_no_question_for_the_whole() -> None:
    venue = Played(answers_whole=True)
    (found,) = asked_of(venue, requests=REQUESTS[:1])
    assert found.trades == (REQUESTS[0].trade,) and venue.asked == REQUESTS[:1]


def test_ask__of_some_only__leaves_the_others_in_peace() -> None:
    first, second = Played("first"), Played("second")
    assert {one.venue for one in asked_of(first, second, only=("second",))} == {"second"}
    assert first.asked == []


def test_ask__of_many_that_take_their_time__takes_no_longer_than_the_slowest() -> None:
    venues = [Played(f"v{number}", does=sleeps(0.3)) for number in range(6)]
    start = time.monotonic()
    found = asked_of(*venues)
    assert time.monotonic() - start < 1
    assert all(isinstance(one.said, tuple) for one in found)


def test_ask__one_that_fails__is_one_quote_fewer_in_its_words() -> None:
    found = asked_of(Played("bad", does=fails), Played("good"))
    assert [one.said for one in found if one.venue == "bad"] == [Refusal("bad", "it has no route")] * len(REQUESTS)
    assert all(isinstance(one.said, tuple) for one in found if one.venue == "good")


def test_ask__one_that_never_comes_back__is_left_behind_at_the_deadline() -> None:
    hold = threading.Event()
    start = time.monotonic()
    found = asked_of(Played("hangs", does=lambda _: hold.wait(5)), Played("good"))
    took = time.monotonic() - start
    hold.set()
    assert PATIENCE <= took < PATIENCE + 0.3
    late = [one.said for one in found if one.venue == "hangs"]
    assert late == [Refusal("hangs", f"no answer within {PATIENCE:g} s")] * len(REQUESTS)
    assert all(isinstance(one.said, tuple) for one in found if one.venue == "good")


def test_ask__a_venue_whose_program_is_wrong__is_not_passed_over_in_silence() -> None:
    with pytest.raises(ZeroDivisionError):
        asked_of(Played(does=lambda _: 1 // 0))


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (hangs(2.0), ("it did not answer in time", f"no answer within {PATIENCE:g} s")),
        (says(b"slow down", 429), ("it answered 429: slow down",)),
        (
            says(b"slow down", 429, ("Retry-After", "60")),
            ("it answered 429: slow down", "its rate limit leaves no turn"),
        ),
        (says(b"<html>", 200, ("Content-Type", "text/html")), ("it answered no JSON: <html>",)),
        (says({"error": "no liquidity"}, 400), ('it answered 400: {"error": "no liquidity"}',)),
    ],
    ids=["hangs", "429", "429 for a minute", "HTML", "400"],
)
def test_ask__over_http_of_a_bad_host_beside_a_good_one__ends_in_time_with_its_words(play: Play, words: object) -> None:
    with a_host(play) as bad, a_host(says(GOOD)) as good:
        start = time.monotonic()
        found = asked_of(Played("bad", does=asking(http_of(bad))), Played("good", does=asking(http_of(good))))
        assert time.monotonic() - start < PATIENCE + 0.3
    assert isinstance(words, tuple)
    for one in found:
        if one.venue == "good":
            assert isinstance(one.said, tuple)
        else:
            assert isinstance(one.said, Refusal) and one.said.reason.startswith(words)


def test_threads__of_who_was_left_behind__end_by_themselves_soon() -> None:
    """The process waits for them when it ends."""
    with a_host(hangs(3.0)) as host:
        asked_of(Played(does=asking(http_of(host))))
        end = time.monotonic() + 1.0
        while [t for t in threading.enumerate() if t.name.startswith("quote")] and time.monotonic() < end:
            time.sleep(0.01)
        assert not [t for t in threading.enumerate() if t.name.startswith("quote")]


LOADED = """
import sys
import rebalancer.config, rebalancer.tick, rebalancer.wire
venues = [name for name in sys.modules if name.startswith("rebalancer.adapters.venues.")]
print(*venues, *({"tenacity", "eth_abi"} & set(sys.modules)))
"""
OF_ONES_OWN = {f"rebalancer.adapters.venues.{name}" for name in ("nobody", "router", "uniswap")}


def test_tick__until_somebody_outside_is_asked__loads_nothing_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == OF_ONES_OWN
