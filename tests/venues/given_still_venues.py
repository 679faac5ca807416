"""Every venue, asked through its server about one trade in a market that stands still: no chain is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import kyber_server
import odos_server
import one_inch_server
import velora_server
import zero_x_server
from given_bends import Bend, bends, honest
from given_still_request import DEADLINE, PAYS, StillMarket, asked, breaches
from given_venue_server import KEY, Answer, VenueServer

from rebalancer.adapters.venues import kyber, odos, one_inch, velora, zero_x
from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.outside import OutsideVenue
from rebalancer.core.model import QuoteRequest
from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class Still:
    """A venue: its API over a market, who asks it, how many requests a quote takes, and the header of its key."""

    api: Callable[[StillMarket], Answer]
    venue: Callable[[VenueHttp], OutsideVenue]
    router: Address
    steps: int = 2
    header: str | None = None

    def asks(self, server: VenueServer) -> OutsideVenue:
        """Without its rate limit."""
        return self.venue(VenueHttp(server.url, Manners(0.0, self.header), KEY if self.header else None))


def _kyber(simple: bool) -> Still:
    return Still(
        lambda market: kyber_server.KyberApi(market, simple=simple),
        lambda http: kyber.KyberVenue(http, 1, kyber.ROUTER),
        kyber.ROUTER,
    )


def _velora(direct: bool) -> Still:
    pays = (lambda sell, amount, buy: PAYS) if direct else None
    return Still(
        lambda market: velora_server.VeloraApi(market, direct=pays),
        lambda http: velora.VeloraVenue(http, 1, velora.ROUTER),
        velora.ROUTER,
    )


STILL: Mapping[str, Still] = {
    "zero_x": Still(
        lambda market: zero_x_server.ZeroXServer(market, lambda: DEADLINE),
        lambda http: zero_x.ZeroXVenue(http, 1, zero_x.ROUTER, lambda: {zero_x_server.SETTLER}),
        zero_x.ROUTER,
        header=zero_x.MANNERS.header,
    ),
    "one_inch": Still(
        one_inch_server.OneInchServer,
        lambda http: one_inch.OneInchVenue(http, 1, one_inch.ROUTER),
        one_inch.ROUTER,
        steps=1,
        header=one_inch.MANNERS.header,
    ),
    "velora": _velora(direct=False),
    "velora direct": _velora(direct=True),
    "kyber": _kyber(simple=False),
    "kyber simple": _kyber(simple=True),
    "odos": Still(
        lambda market: odos_server.Odos(SimpleNamespace(best=market)),
        lambda http: odos.OdosVenue(http, 1, odos.ROUTER),
        odos.ROUTER,
        header=odos.MANNERS.header,
    ),
}
VENUES = ("zero_x", "one_inch", "velora", "kyber", "odos")


@contextmanager
def a_server(name: str, bend: Bend = honest, market: StillMarket | None = None) -> Iterator[VenueServer]:
    """The venue's, whose answers are bent."""
    with VenueServer(STILL[name].api(market or StillMarket())) as server:
        bends(server, bend)
        yield server


def said_of(name: str, server: VenueServer, request: QuoteRequest | None = None) -> str:
    """Why it is no quote, or which rules it breaks; empty where it keeps them. Neither the key nor the URL is in it."""
    try:
        words = breaches(asked(STILL[name].asks(server), request), STILL[name].router)
    except VenueError as error:
        words = str(error)
    assert KEY not in words and server.url not in words
    return words
