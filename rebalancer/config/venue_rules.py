"""What must hold of those who are asked over the network: their keys stay out of the file, and out of plain sight."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from rebalancer.config.document import REFERENCE, Document, Key, Problems
from rebalancer.config.sections import Parts
from rebalancer.config.venues import EitherSection, KeyedSection, OpenSection, OutsideSection
from rebalancer.units import Address

_HERE = ("127.0.0.1", "localhost", "::1")


def keys_stand_in_the_environment(document: Document, parts: Parts) -> Problems:
    """A file is copied, backed up and shown; it names a key, and holds none."""
    for name, section in _outside(parts).items():
        place: Key = ("venues", name, "key")
        if key_of(section) is None:
            continue
        found = REFERENCE.fullmatch(document.texts.get(place, ""))
        if found is None or found["default"] is not None:
            yield place, "expected `${NAME}`: a key stands in the environment, not in this file (its text is not shown)"


def keys_travel_unseen(_: Document, parts: Parts) -> Problems:
    """Whoever is on the way can read what is sent without TLS."""
    for name, section in _outside(parts).items():
        if key_of(section) is None or section.url is None:
            continue
        found = urlsplit(section.url)
        if found.scheme != "https" and found.hostname not in _HERE:
            yield ("venues", name, "url"), "expected https:// where a key is sent, or a host on this machine"


def routers_are_strangers(_: Document, parts: Parts) -> Problems:
    """A router is approved and called with what somebody else has written: never a token, nor who holds the funds."""
    ours = {token.address: f"the token {symbol}" for symbol, token in parts.tokens.items()}
    if parts.wallet is not None:
        ours |= {parts.wallet.address: "`wallet.address`", parts.wallet.operator: "`wallet.operator`"}
        ours |= {} if parts.wallet.module is None else {parts.wallet.module: "`wallet.module`"}
    for name, section in _outside(parts).items():
        router = router_of(section)
        if router in ours:
            yield ("venues", name, "router"), f"expected the venue's own contract, saw {ours[router]}"


def orders_are_of_a_safe(_: Document, parts: Parts) -> Problems:
    """An order is filled by others, later: nothing on the chain but the Safe itself can make one."""
    if parts.venues is None or parts.wallet is None or parts.wallet.kind == "safe":
        return
    if parts.venues.cow is not None:
        yield ("venues", "cow"), f"expected none with `wallet.kind: {parts.wallet.kind}`: only a `safe` makes orders"


def router_of(section: OutsideSection) -> Address | None:
    """Who is approved and called, where the file names one."""
    return section.router if isinstance(section, OpenSection) else None


def key_of(section: OutsideSection) -> str | None:
    """What it is asked with, where it takes a key."""
    return section.key if isinstance(section, EitherSection | KeyedSection) else None


def _outside(parts: Parts) -> dict[str, OutsideSection]:
    return {} if parts.venues is None else parts.venues.outside()


VENUE_RULES: tuple[Callable[[Document, Parts], Problems], ...] = (
    keys_stand_in_the_environment,
    keys_travel_unseen,
    routers_are_strangers,
    orders_are_of_a_safe,
)
