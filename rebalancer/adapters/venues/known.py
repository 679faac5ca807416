"""Every venue that can be asked over the network: its name in, who asks it out. A new venue is one line here.

Imported only where one is configured, or where a person wants the list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues import cow, kyber, odos, one_inch, velora, zero_x
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.outside import AllOutside, OutsideVenue
from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class Access:
    """A venue that a portfolio asks, and how; None: as everybody does."""

    name: str
    router: Address | None = None
    url: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Seat:
    """From where a venue is asked. `at_once`: whether one call of the wallet may trade several tokens. A module's may
    not, and of a router it takes the function that its checker reads.

    `rpc`: a way to the node of the venue's own, for who has to ask it whom its calldata may name.
    """

    http: VenueHttp
    chain_id: int
    router: Address
    at_once: bool
    rpc: Callable[[], Rpc]


@dataclass(frozen=True, slots=True)
class Known:
    """Where it is asked, on which chains, and who stands there to be approved.

    `with_key`: another host and other manners for who has a key. None where it takes no key, or none without one.
    """

    name: str
    base: str
    router: Address
    manners: Manners
    made: Callable[[Seat], OutsideVenue]
    needs_key: bool = False
    with_key: tuple[str, Manners] | None = None
    chains: tuple[int, ...] = (1,)
    orders: bool = False
    """Whether it fills orders of ours later, in place of swaps that are ours to make."""

    @property
    def key(self) -> str:
        """In a word: whether it wants one."""
        return "needed" if self.needs_key else "optional" if self.with_key else "none"

    def http(self, access: Access) -> VenueHttp:
        """The way to it."""
        base, manners = self.base, self.manners
        if access.key is not None and self.with_key is not None:
            base, manners = self.with_key
        return VenueHttp(access.url or base, manners, access.key)


def _zero_x(seat: Seat) -> OutsideVenue:
    return zero_x.ZeroXVenue(seat.http, seat.chain_id, seat.router, zero_x.SettlerRegistry(seat.rpc()))


def _velora(seat: Seat) -> OutsideVenue:
    methods = velora.METHODS if seat.at_once else velora.GENERIC
    return velora.VeloraVenue(seat.http, seat.chain_id, seat.router, methods)


def _odos(seat: Seat) -> OutsideVenue:
    return odos.OdosVenue(seat.http, seat.chain_id, seat.router, seat.at_once)


def _cow(seat: Seat) -> OutsideVenue:
    return cow.CowVenue(seat.http, seat.chain_id)


def _plain(of: Callable[[VenueHttp, int, Address], OutsideVenue]) -> Callable[[Seat], OutsideVenue]:
    return lambda seat: of(seat.http, seat.chain_id, seat.router)


KNOWN = (
    Known("zero_x", zero_x.BASE, zero_x.ROUTER, zero_x.MANNERS, _zero_x, needs_key=True),
    Known("one_inch", one_inch.BASE, one_inch.ROUTER, one_inch.MANNERS, _plain(one_inch.OneInchVenue), needs_key=True),
    Known("velora", velora.BASE, velora.ROUTER, velora.MANNERS, _velora),
    Known("kyber", kyber.BASE, kyber.ROUTER, kyber.MANNERS, _plain(kyber.KyberVenue)),
    Known("odos", odos.BASE, odos.ROUTER, odos.MANNERS, _odos, with_key=(odos.KEYED_BASE, odos.KEYED_MANNERS)),
    Known("cow", cow.BASE, cow.SETTLEMENT, cow.MANNERS, _cow, orders=True),
)


def outside_of(accesses: Sequence[Access], chain_id: int, at_once: bool, rpc: Callable[[], Rpc]) -> AllOutside:
    """All that a portfolio asks. See Seat."""
    known = {one.name: one for one in KNOWN}
    both = [(known[access.name], access) for access in accesses]
    seats = [(one, Seat(one.http(a), chain_id, a.router or one.router, at_once, rpc)) for one, a in both]
    return AllOutside(tuple(one.made(seat) for one, seat in seats))
